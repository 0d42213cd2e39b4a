import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import mqtt from "mqtt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Person } from "../../cli/sim/person.ts";
import { openFactory } from "../support/manufacturer.ts";
import { type DeviceTokens, ownedDevice } from "../support/owned-device.ts";
import { type AppTokens, ThirdPartyApp } from "../support/third-party-app.ts";
import { Edgenym } from "./support/edgenym.ts";
import { Server } from "./support/server.ts";

/** The clients that people have: MQTT.js by every way in, and Mosquitto's command line over TCP. */
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-clients-"));
const server = new Server({ firstPort: 18160, stateDir, arguments: ["--no-demo"] });
const { gateway, didp } = server.addresses;
const mqttUrl = `${gateway.replace("http", "ws")}/mqtt`;
const tcpUrl = server.addresses.mqtt;
let device: DeviceTokens;
let app: AppTokens;

beforeAll(async () => {
  await server.start();
  const alice = new Person({ login: "alice" });
  const factory = await openFactory(didp, server.secrets.operatorToken);
  device = await ownedDevice(didp, factory, alice, "node");
  app = await (await ThirdPartyApp.register(gateway, "Clients")).authorize(alice);
});

afterAll(async () => {
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

const ways: [string, (tokens: DeviceTokens | AppTokens) => Promise<mqtt.MqttClient>][] = [
  [
    "header",
    ({ accessToken }) =>
      connect(mqttUrl, { wsOptions: { headers: { authorization: `Bearer ${accessToken}` } } }),
  ],
  ["sealed route", ({ gatewayUri, accessToken }) => connect(gatewayUri, password(accessToken))],
  ["plain CONNECT", ({ accessToken }) => connect(mqttUrl, password(accessToken))],
  ["TCP", ({ accessToken }) => connect(tcpUrl, password(accessToken))],
];

test.each(ways.flatMap(([way, open]) => ([3, 4, 5] as const).map((level) => [way, level, open] as const)))(
  "MQTT.js by %s, protocol level %i: what the device says reaches the app",
  async (way, level, open) => {
    protocolVersion = level;
    const receiver = await open(app);
    await receiver.subscribeAsync("devices/+/telemetry/way", { qos: 1 });
    const received = new Promise<string>((resolve) => {
      receiver.on("message", (_, payload, packet) => !packet.retain && resolve(payload.toString()));
    });
    const sender = await open(device);
    await sender.publishAsync("telemetry/way", `${way} ${level}`, { qos: 1, retain: true });
    expect(await received).toBe(`${way} ${level}`);
    await Promise.all([sender.endAsync(), receiver.endAsync()]);
  },
);

test.each(["mqttv311", "mqttv5"])("mosquitto_pub and mosquitto_sub over TCP, %s", async (version) => {
  const port = new URL(tcpUrl).port;
  const common = ["-h", "127.0.0.1", "-p", port, "-V", version, "-u", "Bearer", "-q", "1"];
  const heard = run("mosquitto_sub", [
    ...common,
    "-P",
    app.accessToken,
    "-t",
    "devices/+/event/door",
    "-C",
    "1",
    "-W",
    "20",
  ]);
  await heard.started(async () => {
    const said = run("mosquitto_pub", [
      ...common,
      "-P",
      device.accessToken,
      "-t",
      "event/door",
      "-m",
      `open ${version}`,
    ]);
    return said.done;
  });
  expect((await heard.done).output).toBe(`open ${version}\n`);
  const refused = await run("mosquitto_pub", [...common, "-P", "wrong", "-t", "event/door", "-m", "x"]).done;
  expect(refused.code).not.toBe(0);
});

test("an owner's token from the command line opens the whole tree, under several client ids at once", async () => {
  const [{ access_token: accessToken }] = (await new Edgenym(stateDir, [
    "token",
    "--owner",
    "--as",
    "alice",
  ]).waitFor((record) => typeof record.access_token === "string")) as [{ access_token: string }];
  protocolVersion = 5;
  const [one, other] = await Promise.all([
    connect(tcpUrl, { ...password(accessToken), clientId: "one" }),
    connect(mqttUrl, { ...password(accessToken), clientId: "other" }),
  ]);
  const topics = new Promise<string[]>((resolve) => {
    const seen: string[] = [];
    one.on("message", (topic) => {
      seen.push(topic);
      if (topic === "any/topic/of/my/own") resolve(seen);
    });
  });
  await one.subscribeAsync("#", { qos: 2 });
  await other.publishAsync("any/topic/of/my/own", "x", { qos: 2 });
  expect((await topics).some((topic) => /^devices\/[\w-]{22}\/telemetry\/way$/.test(topic))).toBe(true);
  await Promise.all([one.endAsync(), other.endAsync()]);
});

let protocolVersion: 3 | 4 | 5 = 4;

function connect(url: string, options: mqtt.IClientOptions): Promise<mqtt.MqttClient> {
  const identifier = protocolVersion === 3 ? { protocolId: "MQIsdp" as const } : {};
  return mqtt.connectAsync(url, { protocolVersion, ...identifier, reconnectPeriod: 0, ...options });
}

function password(accessToken: string): mqtt.IClientOptions {
  return { username: "Bearer", password: accessToken };
}

/** A command, its end, and a way to repeat something until it ends: a subscriber does not say when it listens. */
function run(command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let hasEnded = false;
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const done = new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      hasEnded = true;
      resolve({ code, output });
    });
  });
  return {
    done,
    started: async (again: () => Promise<unknown>) => {
      for (let tries = 0; tries < 100 && !hasEnded; tries += 1) await again();
    },
  };
}
