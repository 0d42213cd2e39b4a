import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { binaryFrame, FrameSocket } from "../../bench/broker/support/frame-socket.ts";
import { childrenNamed, residentMib } from "../../bench/broker/support/process-facts.ts";
import { Person } from "../../cli/sim/person.ts";
import { defaultLimits } from "../../engines/broker/limits.ts";
import { Decoder } from "../../engines/mqtt/decoder.ts";
import { encode } from "../../engines/mqtt/encoder.ts";
import type { Packet, Publish, Subscribe, TopicFilter, TopicName } from "../../engines/mqtt/packet.ts";
import { reasonCode } from "../../engines/mqtt/reason-code.ts";
import { addressesFrom } from "../../scripts/platform/addresses.ts";
import { type Platform, startPlatform } from "../../scripts/platform/platform.ts";
import { openFactory } from "../support/manufacturer.ts";
import { MqttPeer } from "../support/mqtt-peer.ts";
import { ownedDevice } from "../support/owned-device.ts";

/** Whoever misbehaves is told so with the announced limit's reason code; nobody else notices. */
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-abuse-"));
// The one limit that would take long to reach; all others are as they come.
const limits = { ...defaultLimits, retainedMessages: 50 };
let platform: Platform;
let url: string;
let workerdPid: number;
/** Alice's device misbehaves; another of hers, and Bob's, do not. */
let abuser: { accessToken: string; gatewayUri: string };
let neighbour: { accessToken: string };
let stranger: { accessToken: string };

beforeAll(async () => {
  platform = await startPlatform({
    addresses: addressesFrom(18_680, 18_684),
    stateDir,
    settings: {
      DEVICE_POLL_SECONDS: "1",
      LIMITS: JSON.stringify({ retainedMessages: limits.retainedMessages }),
    },
  });
  [workerdPid = 0] = childrenNamed("workerd");
  const { didp, gateway } = platform.addresses;
  url = `${gateway.replace("http", "ws")}/mqtt`;
  const factory = await openFactory(didp, platform.secrets.operatorToken);
  const alice = new Person({ login: "alice" });
  abuser = await ownedDevice(didp, factory, alice, "abuser");
  neighbour = await ownedDevice(didp, factory, alice, "neighbour");
  stranger = await ownedDevice(didp, factory, new Person({ login: "bob" }), "stranger");
});

afterAll(async () => {
  await platform.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

async function open({ accessToken }: { accessToken: string }, mqttClientId: string): Promise<MqttPeer> {
  const peer = await MqttPeer.open({ url, headers: { authorization: `Bearer ${accessToken}` } }, 5);
  if (typeof peer === "number") throw new Error(`refused with ${peer}`);
  peer.connect(undefined, { mqttClientId });
  expect((await peer.nextOf("connack")).reasonCode).toBe(0);
  return peer;
}

function publish(topicName: string, changes: Partial<Publish> = {}): Publish {
  return {
    type: "publish",
    topicName: topicName as TopicName, // no wildcards here
    payload: new Uint8Array(16),
    qos: 0,
    retain: false,
    dup: false,
    ...changes,
  };
}

function subscribe(...filters: readonly string[]): Subscribe {
  return {
    type: "subscribe",
    packetId: 1,
    subscriptions: filters.map((filter) => ({
      topicFilter: filter as TopicFilter, // filters all
      qos: 1,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
    })),
  };
}

/** The reason code of the next PUBACK; whatever comes before it is dropped. */
async function puback(peer: MqttPeer): Promise<number> {
  for (let packet = await peer.next(); packet !== undefined; packet = await peer.next()) {
    if (packet.type === "puback") return packet.reasonCode;
  }
  throw new Error(`the connection ended (${peer.ended}) before a PUBACK came`);
}

/** Waits until the server has seen that connections of a device were cut. */
async function roomFor({ accessToken }: { accessToken: string }): Promise<void> {
  for (let code = -1; code !== 0; ) {
    const peer = await MqttPeer.open({ url, headers: { authorization: `Bearer ${accessToken}` } }, 5);
    if (typeof peer === "number") throw new Error(`refused with ${peer}`);
    peer.connect(undefined, { mqttClientId: "room" });
    code = (await peer.nextOf("connack")).reasonCode;
    peer.cut();
  }
}

/** Another device of the same user and a device of another one get their own messages through. */
async function othersAreWell(): Promise<void> {
  for (const device of [neighbour, stranger]) {
    const peer = await open(device, "well");
    peer.send(subscribe("telemetry/well"));
    expect((await peer.nextOf("suback")).reasonCodes).toEqual([1]);
    peer.send(publish("telemetry/well", { qos: 1, packetId: 7 }));
    expect((await peer.nextOf("publish")).topicName).toBe("telemetry/well");
    peer.cut();
  }
}

test("a flood at QoS 1 gets 0x97 above the burst, and in the end 0x96", async () => {
  const peer = await open(abuser, "flood-1");
  const flood = (count: number) => {
    for (let n = 0; n < count; n += 1)
      peer.send(publish("telemetry/flood", { qos: 1, packetId: (n % 65_535) + 1 }));
  };
  flood(limits.messageBurst + 1000);
  const codes = new Map<number, number>();
  for (let n = 0; n < limits.messageBurst + 1000; n += 1) {
    const code = await puback(peer);
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  const accepted = (codes.get(reasonCode.noMatchingSubscribers) ?? 0) + (codes.get(0) ?? 0);
  expect(accepted).toBeGreaterThanOrEqual(limits.messageBurst);
  expect(codes.get(reasonCode.quotaExceeded)).toBe(limits.messageBurst + 1000 - accepted);
  expect(peer.ended).toBeUndefined();
  await othersAreWell();
  // Frame by frame it would be slowed down to its rate; so many in one frame are one too many.
  const packet = encode(publish("telemetry/flood", { qos: 1, packetId: 1 }), 5);
  peer.sendBytes(Buffer.concat(Array.from({ length: 12 * limits.messageBurst }, () => packet)));
  expect((await peer.nextOf("disconnect")).reasonCode).toBe(reasonCode.messageRateTooHigh);
  expect((await peer.end()).how).toBe(1008);
  await othersAreWell();
});

test("a flood at QoS 0 is dropped above the burst: its own subscriber gets no more than the quota", async () => {
  const subscriber = await open(neighbour, "flooded");
  subscriber.send(subscribe("telemetry/flood"));
  await subscriber.nextOf("suback");
  const peer = await open(neighbour, "flood-0");
  const count = 3 * limits.messageBurst;
  const startedAt = performance.now();
  for (let n = 0; n < count; n += 1) peer.send(publish("telemetry/flood"));
  peer.send({ type: "pingreq" });
  await peer.nextOf("pingresp");
  subscriber.send({ type: "pingreq" });
  let arrived = 0;
  for (let packet = await subscriber.next(); packet?.type === "publish"; packet = await subscriber.next())
    arrived += 1;
  const elapsedSeconds = (performance.now() - startedAt) / 1000;
  expect(arrived).toBeGreaterThanOrEqual(limits.messageBurst);
  expect(arrived).toBeLessThanOrEqual(limits.messageBurst + limits.messagesPerSecond * elapsedSeconds + 1);
  peer.cut();
  subscriber.cut();
  await othersAreWell();
});

test("a flood frame by frame is slowed down: the end of its authority does not wait behind it, nor do others", async () => {
  const { didp } = platform.addresses;
  const factory = await openFactory(didp, platform.secrets.operatorToken);
  const flooder = await ownedDevice(didp, factory, new Person({ login: "alice" }), "flooder");
  const before = residentMib(workerdPid);
  const frame = binaryFrame(encode(publish("telemetry/flood"), 5));
  const frames = Buffer.concat(Array.from({ length: 16 }, () => frame));
  let written = 0;
  const sockets = await Promise.all(
    Array.from({ length: 10 }, async (_, n) => {
      const socket = await FrameSocket.open(url, { Authorization: `Bearer ${flooder.accessToken}` });
      // DISCONNECT; the TCP connection itself ends behind all that was written before.
      const ended = new Promise<void>((resolve) => {
        socket.onPayload = (payload) => {
          if (payload[0] === 0xe0) resolve();
        };
      });
      const connect: Packet = {
        type: "connect",
        protocolLevel: 5,
        cleanStart: true,
        keepAliveSeconds: 0,
        mqttClientId: `flood-${n}`,
      };
      socket.write(binaryFrame(encode(connect, 5)));
      let isOpen = true;
      void ended.then(() => {
        isOpen = false;
      });
      const pour = () => {
        if (!isOpen) return;
        written += 16;
        if (socket.write(frames)) setImmediate(pour);
        else socket.onceDrained(pour);
      };
      pour();
      return { ended: ended.then(() => socket.close()) };
    }),
  );
  while (written < 20 * limits.messageBurst) await new Promise((resolve) => setImmediate(resolve));
  await othersAreWell();
  // At the rate to which it is slowed down, what has been written by now would take minutes.
  const startedAt = performance.now();
  await flooder.client.revoke(flooder.refreshToken);
  await Promise.all(sockets.map(({ ended }) => ended));
  console.log(`closed ${(performance.now() - startedAt).toFixed(0)} ms after the end of its authority`);
  expect(residentMib(workerdPid) - before).toBeLessThan(128);
  await othersAreWell();
});

test.each(["TCP", "a WebSocket without a token"])(
  "a flood over %s, through the gateway, costs bounded memory",
  async (way) => {
    const before = residentMib(workerdPid);
    const { mqtt } = platform.addresses;
    const carrier = way === "TCP" ? { tcpPort: Number(new URL(mqtt).port) } : { url };
    const peer = await MqttPeer.open(carrier, 5);
    if (typeof peer === "number") throw new Error(`refused with ${peer}`);
    peer.connect(neighbour.accessToken, { mqttClientId: "relayed-flood" });
    expect((await peer.nextOf("connack")).reasonCode).toBe(0);
    const large = encode(publish("telemetry/flood", { payload: new Uint8Array(20_000) }), 5);
    for (let n = 0; n < 10_000 && peer.ended === undefined; n += 1) {
      peer.sendBytes(large); // 200 MB if it is not stopped
      if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await othersAreWell();
    expect(residentMib(workerdPid) - before).toBeLessThan(128);
    peer.cut();
  },
);

test("a packet that announces 256 MB is refused by its first five bytes", async () => {
  const peer = await open(abuser, "giant");
  peer.sendBytes(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f));
  expect((await peer.nextOf("disconnect")).reasonCode).toBe(reasonCode.packetTooLarge);
  expect((await peer.end()).how).toBe(1009);
});

test("a packet above the announced maximum is refused, one of exactly that size arrives", async () => {
  const peer = await open(abuser, "large");
  peer.send(subscribe("telemetry/large"));
  await peer.nextOf("suback");
  const overhead =
    encode(publish("telemetry/large", { payload: new Uint8Array(100_000) }), 5).length - 100_000;
  peer.send(publish("telemetry/large", { payload: new Uint8Array(limits.maximumPacketBytes - overhead) }));
  expect((await peer.nextOf("publish")).payload.length).toBe(limits.maximumPacketBytes - overhead);
  peer.send(
    publish("telemetry/large", { payload: new Uint8Array(limits.maximumPacketBytes - overhead + 1) }),
  );
  expect((await peer.nextOf("disconnect")).reasonCode).toBe(reasonCode.packetTooLarge);
  await peer.end();
});

test("giants on all connections that a device may have, each one byte short, cost bounded memory", async () => {
  const before = residentMib(workerdPid);
  const peers = await Promise.all(
    Array.from({ length: limits.sessionsOfOne }, (_, n) => open(abuser, `slow-giant-${n}`)),
  );
  const whole = encode(publish("telemetry/large", { payload: new Uint8Array(200_000) }), 5);
  for (const peer of peers) peer.sendBytes(whole.subarray(0, -1));
  await othersAreWell();
  expect(residentMib(workerdPid) - before).toBeLessThan(128);
  for (const peer of peers) peer.cut();
  await Promise.all(peers.map((peer) => peer.end()));
  await roomFor(abuser);
});

test("more subscriptions than a session may have: those above the limit get 0x97, the others work", async () => {
  const peer = await open(abuser, "subscriber");
  const filters = Array.from({ length: 1500 }, (_, n) => `telemetry/s-${n}/+`);
  const codes: number[] = [];
  for (let from = 0; from < filters.length; from += 500) {
    peer.send(subscribe(...filters.slice(from, from + 500)));
    codes.push(...(await peer.nextOf("suback")).reasonCodes);
  }
  expect(codes.filter((code) => code === 1)).toHaveLength(limits.subscriptions);
  expect(codes.slice(limits.subscriptions)).toEqual(
    Array<number>(1500 - limits.subscriptions).fill(reasonCode.quotaExceeded),
  );
  peer.send(publish(`telemetry/s-${limits.subscriptions - 1}/x`));
  expect((await peer.nextOf("publish")).topicName).toBe(`telemetry/s-${limits.subscriptions - 1}/x`);
  await othersAreWell();
  peer.cut();
});

test("deep topics: filters above the limit get 0x8F, names 0x90", async () => {
  const peer = await open(abuser, "deep");
  const deep = `telemetry/${Array<string>(10_000).fill("a").join("/")}`;
  peer.send(subscribe(deep));
  expect((await peer.nextOf("suback")).reasonCodes).toEqual([reasonCode.topicFilterInvalid]);
  peer.send(publish(deep, { qos: 1, packetId: 1 }));
  expect(await puback(peer)).toBe(reasonCode.topicNameInvalid);
  peer.cut();
});

test("more retained topics than allowed get 0x97; those that are there may still change", async () => {
  const peer = await open(abuser, "retainer");
  const retain = async (n: number) => {
    peer.send(publish(`telemetry/r-${n}`, { qos: 1, packetId: 1, retain: true }));
    return await puback(peer);
  };
  for (let n = 0; n < limits.retainedMessages; n += 1) expect(await retain(n)).toBeLessThan(0x80);
  expect(await retain(limits.retainedMessages)).toBe(reasonCode.quotaExceeded);
  expect(await retain(0)).toBeLessThan(0x80);
  peer.cut();
});

test("more connections than one device may have are refused with 0x97; others are welcome, of the same user too", async () => {
  const peers: MqttPeer[] = [];
  let code = 0;
  for (let n = 0; code === 0 && n <= limits.sessionsOfOne; n += 1) {
    const peer = await MqttPeer.open({ url, headers: { authorization: `Bearer ${abuser.accessToken}` } }, 5);
    if (typeof peer === "number") throw new Error(`refused with ${peer}`);
    peers.push(peer);
    peer.connect(undefined, { mqttClientId: `many-${n}` });
    code = (await peer.nextOf("connack")).reasonCode;
  }
  expect(code).toBe(reasonCode.quotaExceeded);
  // The last test's connection may not have gone yet.
  expect(peers.length).toBeGreaterThan(limits.sessionsOfOne - 3);
  await othersAreWell();
  for (const peer of peers) peer.cut();
  await roomFor(abuser);
});

test("somebody without a token may send no more than a little before CONNECT is complete", async () => {
  const peer = await MqttPeer.open({ url: abuser.gatewayUri }, 5);
  if (typeof peer === "number") throw new Error(`refused with ${peer}`);
  const remaining = limits.bytesBeforeConnect * 2;
  const header = [0x10, (remaining & 0x7f) | 0x80, ((remaining >> 7) & 0x7f) | 0x80, remaining >> 14];
  peer.sendBytes(Uint8Array.from(header));
  const { unread } = await peer.end();
  expect(unread.every(({ type }) => type !== "publish")).toBe(true);
});

test("a reader that stands still costs bounded memory, and gets what the limits promise when it goes on", async () => {
  const payload = new Uint8Array(200_000);
  const slow = await FrameSocket.open(url, { Authorization: `Bearer ${neighbour.accessToken}` });
  const decoder = new Decoder({ role: "client", maximumPacketSize: 2 ** 28, protocolLevel: 5 });
  const arrived: Packet[] = [];
  let wake = () => {};
  slow.onPayload = (bytes) => {
    arrived.push(...decoder.push(Uint8Array.from(bytes)).packets);
    wake();
  };
  const say = (packet: Packet) => slow.write(binaryFrame(encode(packet, 5)));
  const until = async (type: Packet["type"]) => {
    while (!arrived.some((packet) => packet.type === type)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return arrived.splice(0);
  };
  say({ type: "connect", protocolLevel: 5, cleanStart: true, keepAliveSeconds: 0, mqttClientId: "slow" });
  await until("connack");
  say(subscribe("telemetry/slow"));
  await until("suback");
  slow.pause();
  const before = residentMib(workerdPid);
  const startedAt = performance.now();
  const peer = await open(neighbour, "fast");
  const count = 1500; // 300 MB, within the burst
  for (let n = 0; n < count; n += 1) {
    peer.send(
      publish("telemetry/slow", { payload, qos: n % 2 === 0 ? 0 : 1, ...(n % 2 === 1 && { packetId: n }) }),
    );
  }
  peer.send({ type: "pingreq" });
  await peer.nextOf("pingresp");
  // 64 in flight and 1 MiB waiting at QoS 1, 8 MiB at QoS 0; the rest of the room is the runtime's.
  expect(residentMib(workerdPid) - before).toBeLessThan(128);
  await othersAreWell();
  const elapsedSeconds = (performance.now() - startedAt) / 1000;
  say({ type: "pingreq" });
  slow.resume();
  const read = (await until("pingresp")).filter((packet) => packet.type === "publish");
  const sizes = limits.unheardBytes + elapsedSeconds * limits.unheardBytesPerSecond;
  const atMostOnce = read.filter(({ qos }) => qos === 0).length;
  expect(atMostOnce).toBeGreaterThan(0);
  expect(atMostOnce).toBeLessThanOrEqual(Math.ceil(sizes / payload.length));
  expect(read.length - atMostOnce).toBe(limits.inFlightMaximum);
  slow.close();
  peer.cut();
});
