import path from "node:path";
import { parseArgs } from "node:util";
import { TraceError } from "../cli/sim/trace.ts";
import { startDemo } from "../demo/demo.ts";
import type { RoomSource } from "../demo/occupancy/room.ts";
import { roomSource } from "../demo/occupancy/room-source.ts";
import { addressesFrom, MQTT_PORT } from "./platform/addresses.ts";
import { type Platform, PortTakenError, root, startPlatform } from "./platform/platform.ts";
import { AlreadyRunningError } from "./platform/processes.ts";

const usage = `npm start -- [options]

  --port N         first of four ports: gateway N, DIdP N+1, demo login N+2, sample app N+3  (8787)
  --mqtt-port N    MQTT over TCP                                                             (1883)
  --state DIR      where everything is kept                                                  (.edgenym)
  --set NAME=VALUE a setting of the Workers, see docs/settings.md; may be repeated
  --trace FILE     the demo's room replays this CSV of wireless nodes  (../shared/datasets/room-occupancy/…, if there)
  --rate N         rows of the room a second                                                 (2)
  --no-demo        no demo products and no simulated devices
  --help`;

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8787" },
    "mqtt-port": { type: "string", default: String(MQTT_PORT) },
    state: { type: "string", default: path.join(root, ".edgenym") },
    set: { type: "string", multiple: true, default: [] },
    trace: { type: "string" },
    rate: { type: "string", default: "2" },
    "no-demo": { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(usage);
} else {
  await main();
}

async function main(): Promise<void> {
  const addresses = addressesFrom(portFrom("port", 65_532), portFrom("mqtt-port", 65_535));
  const source = values["no-demo"] ? undefined : await roomFrom(values.trace, Number(values.rate));
  const startedAtMs = Date.now();
  let platform: Platform;
  try {
    platform = await startPlatform({
      addresses,
      stateDir: path.resolve(values.state),
      settings: settingsFrom(values.set),
    });
  } catch (error) {
    if (error instanceof AlreadyRunningError) return fail(`Cannot start: ${error.message}.`);
    if (!(error instanceof PortTakenError)) throw error;
    return fail(
      `Cannot start: ${error.message}.\nStop what listens there, or choose other ports: npm start -- --port 9000 --mqtt-port 9004`,
    );
  }
  const demo = source === undefined ? undefined : await startDemo(platform.stateDir, source);
  console.log(welcome(platform, Date.now() - startedAtMs, demo?.description));

  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  const stop = async () => {
    for (const signal of signals) process.off(signal, stop); // a second Ctrl-C ends at once
    console.log("\nStopping ...");
    await demo?.stop();
    await platform.stop();
    console.log("Stopped. Everything is kept; start again with: npm start");
  };
  // Miniflare's own handlers end the process at once, in the middle of a commit if need be.
  for (const signal of signals) process.removeAllListeners(signal).on(signal, stop);
}

function welcome({ addresses, stateDir }: Platform, tookMs: number, demo = ""): string {
  return `
Edgenym runs (started in ${(tookMs / 1000).toFixed(1)} s). Everything is kept in ${path.relative(process.cwd(), stateDir) || "."}.

  Sample app          ${addresses.sampleApp}
  My devices, my apps ${addresses.didp}/me/devices
  Gateway (MQTT)      ${addresses.gateway.replace("http", "ws")}/mqtt
  Gateway (MQTT/TCP)  ${addresses.mqtt}
  Demo login          ${addresses.uidp}
${demo}
Stop with Ctrl-C.`;
}

async function roomFrom(trace: string | undefined, rowsPerSecond: number): Promise<RoomSource> {
  if (!(rowsPerSecond > 0 && rowsPerSecond <= 100)) fail(`--rate ${values.rate}: write a number up to 100`);
  try {
    return await roomSource(trace, rowsPerSecond);
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    return fail(`--trace ${trace}: ${error.message}`);
  }
}

function portFrom(option: "port" | "mqtt-port", highest: number): number {
  const port = Number(values[option]);
  if (!Number.isInteger(port) || port < 1 || port > highest)
    fail(`--${option} ${values[option]}: not a port number`);
  return port;
}

function settingsFrom(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name = "", ...value] = pair.split("=");
      if (!/^[A-Z][A-Z0-9_]*$/.test(name) || value.length === 0) fail(`--set ${pair}: write NAME=VALUE`);
      return [name, value.join("=")];
    }),
  );
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
