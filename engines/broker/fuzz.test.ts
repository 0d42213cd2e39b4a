import { describe, expect, test } from "vitest";
import { encode } from "../mqtt/encoder.ts";
import type { Packet, ProtocolLevel } from "../mqtt/packet.ts";
import { Random } from "../testing/random.ts";
import { connectPacket, publishPacket, subscribePacket, type TestClient, TestHome } from "./test-home.ts";

// Branded strings in this file are a test's own.
const seeds = Array.from({ length: 60 }, (_, index) => 0xf022 + index);
const topics = ["a", "a/b", "$auth/token", "$SYS/x", "command/light", "devices/dh1/command/light", ""];
const filters = ["#", "+", "a/#", "$share/g/a/+", "$share/g/#", "$SYS/#", "$auth/expiring", "devices/#"];

/** Something a client might send, right or wrong in its place. */
function anyPacket(random: Random): Packet {
  const packetId = 1 + random.int(5);
  const qos = random.pick([0, 1, 2] as const);
  switch (random.int(9)) {
    case 0:
      return publishPacket(random.pick(topics) || "a", "x".repeat(random.int(40)), {
        qos,
        packetId,
        retain: random.chance(40),
        dup: qos > 0 && random.chance(30),
        properties: {
          ...(random.chance(30) && { topicAlias: 1 + random.int(20) }),
          ...(random.chance(30) && { messageExpiryInterval: random.int(5) }),
          ...(random.chance(30) && { responseTopic: random.pick(topics) as never }),
          ...(random.chance(30) && { userProperties: [["k", "v"]] as const }),
        },
      });
    case 1:
      return subscribePacket(
        random.pick(filters),
        { qos, retainHandling: random.pick([0, 1, 2] as const), retainAsPublished: random.chance(50) },
        random.chance(30) ? { subscriptionIdentifiers: [1 + random.int(300)] } : undefined,
      );
    case 2:
      return { type: "unsubscribe", packetId, topicFilters: [random.pick(filters)] as never };
    case 3:
      return {
        type: random.pick(["puback", "pubrec", "pubrel", "pubcomp"] as const),
        packetId,
        reasonCode: 0,
      };
    case 4:
      return { type: "pingreq" };
    case 5:
      return { type: "disconnect", reasonCode: random.pick([0, 4]) };
    case 6:
      return connectPacket({ mqttClientId: random.pick(["x", "y", ""]) });
    case 7:
      return { type: "suback", packetId, reasonCodes: [0] };
    default:
      return publishPacket("a", "x", { qos, packetId });
  }
}

/** The packet's bytes; in half of the cases some are changed, cut or added. */
function anyBytes(random: Random, level: ProtocolLevel): Uint8Array {
  let bytes: Uint8Array = encode(anyPacket(random), level);
  if (random.chance(50)) return bytes;
  bytes = bytes.slice(0, 1 + random.int(bytes.length));
  for (let i = random.int(4); i > 0; i--) bytes[random.int(bytes.length)] = random.int(256);
  return random.chance(30) ? new Uint8Array([...bytes, random.int(256), random.int(256)]) : bytes;
}

describe("whatever a client sends", () => {
  test.each(seeds)("the broker stands, and another session is unharmed (seed %i)", (seed) => {
    const random = new Random(seed);
    const home = new TestHome();
    home.claim("dh1");
    home.consent("app1", { dh1: ["read", "command"] });
    const witness = home.client("device", { handle: "dh2", mqttClientId: "witness" });
    witness.subscribe("w", { qos: 1 });
    let client: TestClient | undefined;
    for (let step = 0; step < 250; step++) {
      if (client === undefined || client.isClosed || client.isLost) {
        const kind = random.pick(["device", "app", "owner"] as const);
        const options = {
          protocolLevel: random.pick([3, 4, 5] as const),
          mqttClientId: random.pick(["x", "y"]),
          cleanStart: random.chance(50),
          properties: {
            sessionExpiryInterval: random.pick([0, 5, 100]),
            topicAliasMaximum: random.pick([0, 3]),
          },
        };
        client = home.client(kind, options);
        // Before CONNECT bytes may ask for any level, so nothing that comes back is read.
        const unknown = home.socket(kind, options);
        unknown.isLost = true;
        for (let i = random.int(4); i > 0; i--) unknown.sendBytes(anyBytes(random, options.protocolLevel));
        unknown.vanish();
      }
      const bytes = anyBytes(random, client.protocolLevel);
      const cut = random.chance(20) ? random.int(bytes.length) : bytes.length;
      for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
        if (part.length > 0 && !client.isClosed) client.sendBytes(part);
      }
      if (random.chance(2)) client.vanish();
      if (random.chance(3)) home.pass(random.int(10_000));
      if (random.chance(5)) home.evict();
    }
    witness.take();
    witness.publish("w", "still here", { qos: 1 });
    expect(witness.take()).toMatchObject([
      { type: "puback", reasonCode: 0 },
      { type: "publish", topicName: "w" },
    ]);
  });
});
