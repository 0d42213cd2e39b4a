import { generate, type Packet as OraclePacket, parser } from "mqtt-packet";
import { expect, test } from "vitest";
import { Decoder } from "./decoder.ts";
import { encode } from "./encoder.ts";
import type { Packet, Properties, ProtocolLevel, UserProperty } from "./packet.ts";
import { RandomPackets } from "./random-packets.ts";
import type { Sender } from "./reason-code.ts";

const seed = Number(process.env.EDGENYM_SEED ?? Date.now() % 1_000_000_007);
const rounds = 3000;

// `mqtt-packet` was written by others from the same specification: what both understand alike is understood right.
test.each([
  [3, "client"],
  [3, "server"],
  [4, "client"],
  [4, "server"],
  [5, "client"],
  [5, "server"],
] as const)(
  `level %d, sent by the %s: mqtt-packet agrees in both directions (seed ${seed})`,
  (level, sender) => {
    const random = new RandomPackets(seed);
    for (let round = 0; round < rounds; round++) {
      const packet = random.packet(level, sender);
      const foreign = toOracle(packet, level);
      const theirs = generate(foreign, { protocolVersion: level });
      const ours = encode(packet, level);
      const label = `seed ${seed}, round ${round}, ${packet.type}`;
      // what they write, we read
      expect(decode(theirs, packet, level, sender), label).toEqual([packet]);
      // what we write, they read as they read their own
      expect(readByOracle(ours, level), label).toEqual(readByOracle(theirs, level));
      expect(decode(ours, packet, level, sender), label).toEqual([packet]);
    }
  },
);

function decode(bytes: Uint8Array, packet: Packet, level: ProtocolLevel, sender: Sender): readonly Packet[] {
  const decoder = new Decoder({
    role: sender === "client" ? "server" : "client",
    maximumPacketSize: 1_000_000,
    ...(packet.type === "connect" ? {} : { protocolLevel: level }),
  });
  const { packets, failure } = decoder.push(new Uint8Array(bytes));
  expect(failure).toBeUndefined();
  return packets;
}

function readByOracle(bytes: Uint8Array, level: ProtocolLevel): unknown {
  const seen: unknown[] = [];
  const reader = parser({ protocolVersion: level });
  // `length` is the remaining length: an acknowledgement has a short and a long form
  reader.on("packet", ({ length: _, ...packet }) => seen.push(packet));
  reader.on("error", (error: Error) => expect.fail(error.message));
  reader.parse(Buffer.from(bytes));
  expect(seen).toHaveLength(1);
  return seen[0];
}

/** Our model in the words of `mqtt-packet`. */
function toOracle(packet: Packet, level: ProtocolLevel): OraclePacket {
  const properties =
    "properties" in packet && packet.properties ? propertiesToOracle(packet.properties) : undefined;
  const common = { cmd: packet.type, ...(properties && { properties }) };
  const fields = fieldsToOracle(packet, level);
  // Its types are a union by `cmd`; the fields below are those that its writer reads for each of them.
  return { ...common, ...fields } as unknown as OraclePacket;
}

function fieldsToOracle(packet: Packet, level: ProtocolLevel): Record<string, unknown> {
  switch (packet.type) {
    case "connect": {
      const { will } = packet;
      return {
        protocolId: level === 3 ? "MQIsdp" : "MQTT",
        protocolVersion: level,
        clean: packet.cleanStart,
        keepalive: packet.keepAliveSeconds,
        clientId: packet.mqttClientId,
        ...(will && {
          will: {
            topic: will.topicName,
            payload: Buffer.from(will.payload),
            qos: will.qos,
            retain: will.retain,
            ...(will.properties && { properties: propertiesToOracle(will.properties) }),
          },
        }),
        ...(packet.userName !== undefined && { username: packet.userName }),
        ...(packet.password && { password: Buffer.from(packet.password) }),
      };
    }
    case "connack":
      return {
        sessionPresent: packet.sessionPresent,
        ...(level === 5 ? { reasonCode: packet.reasonCode } : { returnCode: packet.reasonCode }),
      };
    case "publish":
      return {
        topic: packet.topicName,
        payload: Buffer.from(packet.payload),
        qos: packet.qos,
        retain: packet.retain,
        dup: packet.dup,
        messageId: packet.packetId,
      };
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      return { messageId: packet.packetId, reasonCode: packet.reasonCode };
    case "subscribe":
      return {
        messageId: packet.packetId,
        subscriptions: packet.subscriptions.map((request) => ({
          topic: request.topicFilter,
          qos: request.qos,
          ...(level === 5 && {
            nl: request.noLocal,
            rap: request.retainAsPublished,
            rh: request.retainHandling,
          }),
        })),
      };
    case "suback":
    case "unsuback":
      return { messageId: packet.packetId, granted: [...packet.reasonCodes] };
    case "unsubscribe":
      return { messageId: packet.packetId, unsubscriptions: [...packet.topicFilters] };
    case "disconnect":
    case "auth":
      return { reasonCode: packet.reasonCode };
    case "pingreq":
    case "pingresp":
      return {};
  }
}

const flags: ReadonlySet<string> = new Set([
  "payloadFormatIndicator",
  "requestProblemInformation",
  "requestResponseInformation",
  "retainAvailable",
  "wildcardSubscriptionAvailable",
  "subscriptionIdentifierAvailable",
  "sharedSubscriptionAvailable",
]);

function propertiesToOracle(list: Properties): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(list)) {
    if (name === "userProperties") result[name] = byName(list.userProperties ?? []);
    else if (name === "subscriptionIdentifiers") result.subscriptionIdentifier = value;
    else if (name === "subscriptionIdentifierAvailable")
      result.subscriptionIdentifiersAvailable = value === 1;
    else if (flags.has(name)) result[name] = value === 1;
    else result[name] = value instanceof Uint8Array ? Buffer.from(value) : value;
  }
  return result;
}

function byName(list: readonly UserProperty[]): Record<string, string[]> {
  const result: Record<string, string[]> = {};
  for (const [name, value] of list) result[name] = [...(result[name] ?? []), value];
  return result;
}
