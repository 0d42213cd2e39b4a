import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { WebSocket } from "ws";
import { encode } from "../engines/mqtt/encoder.ts";
import type { TopicName } from "../engines/mqtt/packet.ts";
import { addressesFrom } from "../scripts/platform/addresses.ts";
import { startPlatform } from "../scripts/platform/platform.ts";
import { startEchoObject } from "./support/echo-object.ts";
import { MqttSocket } from "./support/mqtt-socket.ts";
import { measurePath, type Path } from "./support/ping-pong.ts";
import { provision } from "./support/provision.ts";
import { report } from "./support/statistics.ts";

/**
 * What does the whole stack cost, from a device's PUBLISH to the app that may see it, beside a Durable Object that
 * only sends frames back? Both in one run, on the same machine, with the same client. `--smoke` is a short run.
 */
const isSmoke = process.argv.includes("--smoke");
const COUNT = { latency: isSmoke ? 200 : 5_000, throughput: isSmoke ? 500 : 30_000 };
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-bench-"));

const echoObject = await startEchoObject(path.join(stateDir, "echo"));
// What the broker can do is asked here, not what it lets one client do.
const settings = {
  LIMITS: JSON.stringify({ messagesPerSecond: 1e6, messageBurst: 1e7, unheardBytes: 1e12 }),
};
const platform = await startPlatform({ addresses: addressesFrom(18_300, 18_304), stateDir, settings });
try {
  const { deviceToken, appToken } = await provision(platform);
  const url = `${platform.addresses.gateway.replace("http", "ws")}/mqtt`;
  for (const qos of [0, 1] as const) {
    await measure(`main-path.echo-object.qos${qos}`, await echoPath(echoObject.url, qos));
    await measure(`main-path.device-to-app.qos${qos}`, await stackPath(url, deviceToken, appToken, qos));
  }
} finally {
  await platform.stop();
  await echoObject.stop();
  rmSync(stateDir, { recursive: true, force: true });
}

/** The bytes of a telemetry PUBLISH whose payload begins with the sequence number, 64 bytes in all. */
function telemetry(sequence: number, qos: 0 | 1): Uint8Array {
  const payload = new Uint8Array(64);
  new DataView(payload.buffer).setUint32(0, sequence);
  const topicName = "telemetry/bench" as TopicName; // a constant without wildcards
  const packetId = (sequence % 65_535) + 1;
  return encode(
    {
      type: "publish",
      topicName,
      payload,
      qos,
      retain: false,
      dup: false,
      ...(qos === 1 ? { packetId } : {}),
    },
    4,
  );
}

function sequenceOf(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0);
}

async function stackPath(
  url: string,
  deviceToken: string,
  appToken: string,
  qos: 0 | 1,
): Promise<Path & { close(): void }> {
  const device = await MqttSocket.open(url, deviceToken, `bench-device-${qos}`);
  const app = await MqttSocket.open(url, appToken, `bench-app-${qos}`);
  await app.subscribe("devices/+/telemetry/bench", qos);
  const stack: Path & { close(): void } = {
    send: (sequence) => device.sendBytes(telemetry(sequence, qos)),
    onArrival: () => {},
    close: () => {
      device.close();
      app.close();
    },
  };
  app.onPublish = ({ payload, packetId }) => {
    if (packetId !== undefined) app.send({ type: "puback", packetId, reasonCode: 0 });
    stack.onArrival(sequenceOf(payload));
  };
  return stack;
}

async function echoPath(url: string, qos: 0 | 1): Promise<Path & { close(): void }> {
  const socket = new WebSocket(url, ["mqtt"], { perMessageDeflate: false });
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  const echo: Path & { close(): void } = {
    send: (sequence) => socket.send(telemetry(sequence, qos)),
    onArrival: () => {},
    close: () => socket.terminate(),
  };
  socket.on("message", (data: Buffer) => echo.onArrival(sequenceOf(data.subarray(-64))));
  return echo;
}

async function measure(name: string, stack: Path & { close(): void }): Promise<void> {
  for (const [kind, inFlight] of [
    ["latency", 1],
    ["throughput", 64],
  ] as const) {
    const result = await measurePath(stack, COUNT[kind], inFlight, Math.ceil(COUNT[kind] / 10));
    report({ name, in_flight: inFlight, ...result, runtime: "miniflare", state: "disk" });
  }
  stack.close();
}
