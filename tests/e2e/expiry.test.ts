import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Person } from "../../cli/sim/person.ts";
import { openFactory } from "../support/manufacturer.ts";
import { MqttPeer } from "../support/mqtt-peer.ts";
import { ownedDevice } from "../support/owned-device.ts";
import { ThirdPartyApp } from "../support/third-party-app.ts";
import { Server } from "./support/server.ts";

/** Authority ends on time, for silent connections as well. Tokens live for one second here; nothing waits by itself. */
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-expiry-"));
const settings = ["DEVICE_TOKEN_SECONDS=1", "APP_TOKEN_SECONDS=1", "DEVICE_POLL_SECONDS=1"];
const server = new Server({
  firstPort: 18190,
  stateDir,
  arguments: ["--no-demo", ...settings.flatMap((setting) => ["--set", setting])],
});
const { gateway, didp } = server.addresses;
const mqttUrl = `${gateway.replace("http", "ws")}/mqtt`;
const alice = new Person({ login: "alice" });

beforeAll(() => server.start());

afterAll(async () => {
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

test("a device's connection ends with its token, the token is refused from then on, and a new one works", async () => {
  const device = await ownedDevice(
    didp,
    await openFactory(didp, server.secrets.operatorToken),
    alice,
    "short-lived",
  );
  expect(await untilDisconnected(device.gatewayUri, device.accessToken)).toBe(0x87);
  await expectRefused(device.gatewayUri, device.accessToken);
  const renewed = await device.client.refresh(device.refreshToken);
  expect(await untilDisconnected(renewed.gatewayUri, renewed.accessToken)).toBe(0x87);
});

test("an app's connection ends with its token, and the token is refused by every way in", async () => {
  const app = await ThirdPartyApp.register(gateway, "Short-lived app");
  const tokens = await app.authorize(alice, { read: "all" });
  expect(await untilDisconnected(tokens.gatewayUri, tokens.accessToken)).toBe(0x87);
  await expectRefused(tokens.gatewayUri, tokens.accessToken);
  await expectRefused(mqttUrl, tokens.accessToken);
  expect(
    await MqttPeer.open({ url: mqttUrl, headers: { authorization: `Bearer ${tokens.accessToken}` } }),
  ).toBe(401);
});

/** Connects and stays silent. @returns the reason code of the server's DISCONNECT. */
async function untilDisconnected(url: string, accessToken: string): Promise<number> {
  const peer = await opened(url);
  peer.connect(accessToken, { properties: { sessionExpiryInterval: 60 } });
  expect((await peer.nextOf("connack")).reasonCode).toBe(0);
  return (await peer.nextOf("disconnect")).reasonCode;
}

async function expectRefused(url: string, accessToken: string): Promise<void> {
  const peer = await opened(url);
  peer.connect(accessToken);
  expect((await peer.nextOf("connack")).reasonCode).toBe(0x87);
}

async function opened(url: string): Promise<MqttPeer> {
  const peer = await MqttPeer.open({ url }, 5);
  if (typeof peer === "number") throw new Error(`the upgrade was refused with ${peer}`);
  return peer;
}
