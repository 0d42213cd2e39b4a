import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Person } from "../../cli/sim/person.ts";
import { findProduct } from "../../demo/products.ts";
import type { TopicFilter } from "../../engines/mqtt/packet.ts";
import { Device } from "../../sdk/device.ts";
import { FileIdentityStore } from "../../sdk/identity-file.ts";
import { makeDevice, openFactory } from "../support/manufacturer.ts";
import { MqttPeer } from "../support/mqtt-peer.ts";
import { type AppTokens, ThirdPartyApp } from "../support/third-party-app.ts";
import { Server } from "./support/server.ts";

/** kill -9 in the middle of traffic: whatever was acknowledged is still there, and everybody comes back by themselves. */
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-crash-"));
const server = new Server({
  firstPort: 18140,
  stateDir,
  arguments: ["--no-demo", "--set", "DEVICE_POLL_SECONDS=1"],
});
const { gateway, didp } = server.addresses;
const alice = new Person({ login: "alice" });
const ending = new AbortController();
let device: Device;
let running: Promise<void>;
let app: ThirdPartyApp;
let tokens: AppTokens;

beforeAll(async () => {
  await server.start();
  const factory = await openFactory(didp, server.secrets.operatorToken);
  const identity = await makeDevice(factory, "survivor");
  const store = new FileIdentityStore(path.join(stateDir, "devices", "survivor.json"));
  await store.save(identity);
  const model = findProduct("room-node")?.model;
  if (model === undefined) throw new Error("the demo has no room node");
  const waiting = Promise.withResolvers<void>();
  device = new Device({ store, model, onState: (state) => state === "waiting" && waiting.resolve() });
  running = device.run(ending.signal);
  await waiting.promise;
  await alice.claim(new URL(identity.userRegistrationUri), { deviceName: "survivor" });
  await device.owned();
  app = await ThirdPartyApp.register(gateway, "Surviving app");
  tokens = await app.authorize(alice);
});

afterAll(async () => {
  ending.abort();
  await running;
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

test.each([1, 2, 3])("kill -9 in mid-traffic, number %i", async (round) => {
  const killAfter = 20 + ((round * 7919) % 60); // another moment each time
  let acknowledged = 0;
  const killing = Promise.withResolvers<Promise<unknown>>();
  let sent = 0;
  const base = round * 1000;
  // The device goes on publishing through the crash: publish() resolves only when the gateway has acknowledged.
  const traffic = (async () => {
    while (sent < 150) {
      sent += 1;
      await device.publish("temperature", base + sent, { qos: 1 });
      acknowledged = base + sent;
      if (sent === killAfter) killing.resolve(server.kill());
    }
  })();
  await killing.promise;
  const acknowledgedAtCrash = acknowledged;
  await server.start();

  const grantedHandle = await readRetained(tokens, "devices/+/telemetry/temperature", (value) => {
    expect(value).toBeGreaterThanOrEqual(acknowledgedAtCrash);
  });
  await traffic;
  expect(acknowledged).toBe(base + 150);
  // The claim and the grant are the same as before the crash: same tokens, same handle, and the lists say so.
  const again = await readRetained(tokens, "devices/+/telemetry/temperature", (value) => {
    expect(value).toBe(base + 150);
  });
  expect(again).toBe(grantedHandle);
  expect((await alice.open(new URL("/me/apps", didp))).html).toContain("Surviving app");
  tokens = await app.refresh(tokens.refreshToken);
});

/** Connects as the app, reads the retained value. @returns the topic it came on. */
async function readRetained(
  { gatewayUri, accessToken }: AppTokens,
  filter: string,
  check: (value: number) => void,
): Promise<string> {
  const peer = await MqttPeer.open({ url: gatewayUri }, 5);
  if (typeof peer === "number") throw new Error(`refused with ${peer}`);
  peer.connect(accessToken);
  expect((await peer.nextOf("connack")).reasonCode).toBe(0);
  peer.send({
    type: "subscribe",
    packetId: 1,
    subscriptions: [
      {
        topicFilter: filter as TopicFilter, // written in this file
        qos: 1,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
      },
    ],
  });
  const { payload, topicName, retain } = await peer.nextOf("publish");
  expect(retain).toBe(true);
  check(JSON.parse(new TextDecoder().decode(payload))[0].v);
  peer.cut();
  return topicName;
}
