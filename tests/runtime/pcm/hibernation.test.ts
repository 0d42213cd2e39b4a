import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { publishPacket, subscribePacket } from "../../../engines/broker/test-home.ts";
import { cloudOf, fallAsleep, WireClient } from "./cloud.ts";

afterEach(() => vi.useRealTimers());

/** Moves the clock that the object reads; the alarm is then run by hand. */
function pass(ms: number): void {
  const nowMs = Date.now();
  vi.useFakeTimers({ toFake: ["Date"], now: nowMs + ms });
}

test("after eviction the same sockets go on: a message reaches its subscriber", async () => {
  const owner = await WireClient.open("wakes", "owner", { mqttClientId: "o" });
  await owner.expect("connack");
  owner.send(subscribePacket("devices/+/telemetry/#"));
  await owner.expect("suback");
  const device = await WireClient.open("wakes", "device");
  await device.expect("connack");
  for (const value of ["1", "2", "3"]) {
    await evictDurableObject(cloudOf("wakes"), { webSockets: "hibernate" });
    device.send(publishPacket("telemetry/t", value));
    expect(await owner.message()).toBe(`devices/dh1/telemetry/t=${value}`);
  }
});

test("a packet that arrives in two halves with an eviction between them is one packet", async () => {
  const owner = await WireClient.open("halves", "owner");
  await owner.expect("connack");
  owner.send(subscribePacket("a"));
  await owner.expect("suback");
  owner.sendBytes(new Uint8Array([0x30, 0x06, 0x00, 0x01]));
  // A round trip, so that the first half is in before the eviction.
  expect(await cloudOf("halves").devices()).toEqual([]);
  await evictDurableObject(cloudOf("halves"));
  owner.sendBytes(new Uint8Array([0x61, 0x00, 0x68, 0x69]));
  expect(await owner.message()).toBe("a=hi");
});

test("half a packet that is too large for an attachment survives eviction in a row", async () => {
  const owner = await WireClient.open("large-half", "owner");
  await owner.expect("connack");
  owner.send(subscribePacket("a"));
  await owner.expect("suback");
  const length = 4 + 60_000;
  const header = [0x30, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14, 0, 1, 0x61, 0];
  owner.sendBytes(new Uint8Array([...header, ...new Uint8Array(40_000).fill(0x78)]));
  expect(await cloudOf("large-half").devices()).toEqual([]);
  await fallAsleep(cloudOf("large-half"));
  owner.sendBytes(new Uint8Array(20_000).fill(0x79));
  const { payload } = await owner.expect("publish");
  expect([payload.byteLength, payload[39_999], payload[40_000]]).toEqual([60_000, 0x78, 0x79]);
});

test("QoS 2 goes on where it was, with an eviction between any two packets", async () => {
  const stub = cloudOf("steps");
  const owner = await WireClient.open("steps", "owner");
  await owner.expect("connack");
  owner.send(subscribePacket("a", { qos: 2 }));
  await owner.expect("suback");
  await fallAsleep(stub);
  const message = publishPacket("a", "x", { qos: 2, packetId: 5 });
  owner.send(message);
  await owner.expect("pubrec");
  expect(await owner.message()).toBe("a=x");
  await fallAsleep(stub);
  owner.send({ ...message, dup: true });
  expect(await owner.expect("pubrec")).toMatchObject({ packetId: 5 });
  await fallAsleep(stub);
  owner.send({ type: "pubrel", packetId: 5, reasonCode: 0 });
  expect(await owner.expect("pubcomp")).toMatchObject({ packetId: 5, reasonCode: 0 });
  await fallAsleep(stub);
  owner.send({ type: "pubrec", packetId: 1, reasonCode: 0 });
  expect(await owner.expect("pubrel")).toMatchObject({ packetId: 1, reasonCode: 0 });
  await fallAsleep(stub);
  owner.send({ type: "pubcomp", packetId: 1, reasonCode: 0 });
  owner.send({ type: "pingreq" });
  await owner.expect("pingresp");
});

test("in sleep neither side's Receive Maximum begins anew, also for a session that is kept [MQTT-3.3.4-9]", async () => {
  const stub = cloudOf("windows");
  const client = await WireClient.open("windows", "owner", {
    mqttClientId: "kept",
    properties: { sessionExpiryInterval: 3600, receiveMaximum: 1 },
  });
  const { properties } = await client.expect("connack");
  const most = properties?.receiveMaximum ?? 0;
  client.send(subscribePacket("a", { qos: 2 }));
  await client.expect("suback");
  for (let packetId = 1; packetId <= most; packetId++) {
    client.send(publishPacket("a", `${packetId}`, { qos: 2, packetId }));
    expect(await client.expect("pubrec")).toMatchObject({ packetId });
    if (packetId === 1) expect(await client.message()).toBe("a=1");
  }
  await fallAsleep(stub);
  client.send({ type: "pingreq" });
  await client.expect("pingresp");
  client.send({ type: "pubrec", packetId: 1, reasonCode: 0 });
  await client.expect("pubrel");
  await fallAsleep(stub);
  client.send({ type: "pubcomp", packetId: 1, reasonCode: 0 });
  expect(await client.message()).toBe("a=2");
  client.send(publishPacket("a", "one too many", { qos: 2, packetId: most + 1 }));
  expect(await client.expect("disconnect")).toMatchObject({ reasonCode: 0x93 });
});

test("a keep alive runs out while the object sleeps: the alarm closes the socket and sends the will", async () => {
  const stub = cloudOf("silent");
  const owner = await WireClient.open("silent", "owner", { mqttClientId: "o" });
  await owner.expect("connack");
  owner.send(subscribePacket("devices/+/$state"));
  await owner.expect("suback");
  const device = await WireClient.open("silent", "device", {
    keepAliveSeconds: 20,
    will: { topicName: "$state" as never, payload: new TextEncoder().encode("lost"), qos: 0, retain: true },
  });
  await device.expect("connack");
  await evictDurableObject(stub);
  pass(40_000);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect(await owner.message()).toBe("devices/dh1/$state=lost");
  expect(await device.expect("disconnect")).toMatchObject({ reasonCode: 0x8d });
  expect(await device.closed).toBe(1000);
});

test("at the token's end the alarm disconnects a silent subscriber of a sleeping object", async () => {
  const stub = cloudOf("expires");
  const owner = await WireClient.open("expires", "owner", { expiresAtMs: Date.now() + 300_000 });
  await owner.expect("connack");
  owner.send(subscribePacket("#"));
  await owner.expect("suback");
  await evictDurableObject(stub);
  pass(301_000);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect(await owner.expect("disconnect")).toMatchObject({ reasonCode: 0x87 });
  expect(await owner.closed).toBe(1008);
});

test("a revocation closes a silent subscriber of a sleeping object", async () => {
  const stub = cloudOf("revoked");
  await stub.select({
    grantId: "app1" as never,
    appName: "App",
    devices: [],
    expiresAtMs: Date.now() + 3_600_000,
  });
  const app = await WireClient.open("revoked", "app");
  await app.expect("connack");
  app.send(subscribePacket("grant"));
  await app.expect("suback");
  await app.expect("publish");
  await evictDurableObject(stub);
  await stub.revoked({ user: "revoked" as never, handle: "app1", epoch: 2, reason: "revoked" });
  expect(await app.expect("disconnect")).toMatchObject({ reasonCode: 0x98 });
  expect(await stub.selection("app1" as never)).toBeUndefined();
});

test("a will that waits for its delay goes out from a sleeping object", async () => {
  const stub = cloudOf("delayed");
  const owner = await WireClient.open("delayed", "owner", { mqttClientId: "o" });
  await owner.expect("connack");
  owner.send(subscribePacket("devices/+/$state"));
  await owner.expect("suback");
  const device = await WireClient.open("delayed", "device", {
    properties: { sessionExpiryInterval: 600 },
    will: {
      topicName: "$state" as never,
      payload: new TextEncoder().encode("lost"),
      qos: 0,
      retain: false,
      properties: { willDelayInterval: 60 },
    },
  });
  await device.expect("connack");
  device.close();
  await device.closed;
  await evictDurableObject(stub);
  pass(61_000);
  await runDurableObjectAlarm(stub);
  expect(await owner.message()).toBe("devices/dh1/$state=lost");
});
