import { describe, expect, test } from "vitest";
import type { Packet, TopicName } from "../mqtt/packet.ts";
import { Random } from "../testing/random.ts";
import { type TestClient, TestHome } from "./test-home.ts";

const seeds = Array.from({ length: 150 }, (_, index) => 0xe71c + index);

// Branded strings in this file are a test's own.

/** What a client may notice of a packet; identifiers may differ, for the counter is not worth a row. */
function noticed(packet: Packet): unknown {
  if (packet.type === "publish") {
    const { topicName, qos, retain, dup, payload, properties } = packet;
    return { topicName, qos, retain, dup, payload: [...payload], properties };
  }
  if (packet.type === "pubrel") return { type: packet.type, reasonCode: packet.reasonCode };
  return packet;
}

/**
 * Clients by chance on one home: they connect, subscribe, publish at every QoS, acknowledge or not, vanish and
 * come back. Everything depends only on the seed and on what the broker sends.
 */
function play(seed: number, evictsAlways: boolean): unknown[][] {
  const random = new Random(seed);
  // Without slack, both know to the millisecond when a client was last heard from.
  const home = new TestHome({ keepAliveSlack: 0, unsavedMs: 0, receiveMaximum: random.pick([3, 64]) });
  home.evictsAlways = evictsAlways;
  home.claim("dh1");
  home.claim("dh2");
  home.consent("app1", { dh1: ["read", "command"] });
  const all: TestClient[] = [];
  const live = new Map<string, TestClient>();
  const names = ["dh1", "dh2", "app1", "owner1", "owner2"];
  const connect = (name: string) => {
    const kind = name.startsWith("dh") ? "device" : name.startsWith("app") ? "app" : "owner";
    const persistent = random.chance(70);
    const client = home.client(kind, {
      handle: name,
      mqttClientId: name,
      protocolLevel: random.pick([4, 5, 5] as const),
      cleanStart: !persistent,
      keepAliveSeconds: random.pick([0, 0, 60]),
      ...(kind !== "app" && {
        will: {
          topicName: (kind === "owner" ? `will/${name}` : "$state") as TopicName,
          payload: new Uint8Array([seed & 0x7f]),
          qos: 1 as const,
          retain: random.chance(50),
          properties: { willDelayInterval: random.pick([0, 5]) },
        },
      }),
      properties: {
        sessionExpiryInterval: persistent ? 1000 : 0,
        receiveMaximum: random.pick([1, 2, 65_535]),
        topicAliasMaximum: random.pick([0, 2]),
      },
    });
    live.set(name, client);
    all.push(client);
  };
  const filters = [
    "#",
    "+/#",
    "devices/#",
    "telemetry/+",
    "command/#",
    "devices/+/telemetry/#",
    "free/+",
    "will/#",
  ];
  const topics = [
    "telemetry/t",
    "command/light",
    "free/x",
    "devices/dh1/command/light",
    "devices/ph-app1-dh1/command/light",
    "command/light/reply",
  ];
  const answered = new Map<TestClient, number>();
  for (let step = 0; step < 120; step++) {
    const name = random.pick(names);
    const client = live.get(name);
    const action = random.int(100);
    if (client === undefined || client.isClosed) connect(name);
    else if (action < 20) {
      client.subscribe(random.pick(filters), {
        qos: random.pick([0, 1, 2] as const),
        ...(client.protocolLevel === 5 && {
          noLocal: random.chance(30),
          retainHandling: random.pick([0, 1, 2] as const),
        }),
      });
    } else if (action < 60) {
      const qos = random.pick([0, 1, 2] as const);
      client.publish(random.pick(topics), String(step), {
        qos,
        retain: random.chance(30),
        packetId: 1 + random.int(20),
      });
    } else if (action < 85) {
      const from = answered.get(client) ?? 0;
      const upTo = from + random.int(4);
      for (const packet of client.received.slice(from, upTo)) answer(client, packet);
      answered.set(client, Math.min(upTo, client.received.length));
    } else if (action < 92) {
      client.vanish();
      live.delete(name);
    } else if (action < 95) {
      client.disconnect();
      live.delete(name);
    } else {
      home.pass(random.pick([1000, 10_000, 100_000]));
    }
  }
  return all.map(({ received, closeCode }) => [...received.map(noticed), closeCode]);
}

function answer(client: TestClient, packet: Packet): void {
  if (client.isClosed || client.isLost) return;
  if (packet.type === "pubrec") client.send({ type: "pubrel", packetId: packet.packetId, reasonCode: 0 });
  if (packet.type === "pubrel") client.send({ type: "pubcomp", packetId: packet.packetId, reasonCode: 0 });
  if (packet.type !== "publish" || packet.packetId === undefined) return;
  client.send({ type: packet.qos === 1 ? "puback" : "pubrec", packetId: packet.packetId, reasonCode: 0 });
}

describe("a broker that forgets its memory before every turn", () => {
  test.each(seeds)("is not to be told from one that never does (seed %i)", (seed) => {
    const awake = play(seed, false);
    expect(awake.flat().length).toBeGreaterThan(50);
    expect(play(seed, true)).toEqual(awake);
  });
});
