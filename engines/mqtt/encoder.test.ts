import { describe, expect, test } from "vitest";
import { Decoder } from "./decoder.ts";
import { encode, encodeProperties, encodePublishQoS0, encodeTopicName, encodeWithin } from "./encoder.ts";
import type {
  Connack,
  Connect,
  Packet,
  Pingreq,
  Pingresp,
  Properties,
  Publish,
  TopicName,
} from "./packet.ts";
import { connackCode, isReasonCodeAllowed, reasonCode, reasonCodeName, reasonCodeOf } from "./reason-code.ts";

const topicName = "devices/d/telemetry/temperature" as TopicName;

describe("the fast path of QoS 0", () => {
  test.each([4, 5] as const)("writes the bytes of the general path at level %d", (level) => {
    for (const payloadBytes of [0, 1, 80, 200, 20_000]) {
      for (const retain of [false, true]) {
        for (const properties of [undefined, { messageExpiryInterval: 5 }] as const) {
          const payload = new Uint8Array(payloadBytes).fill(7);
          const packet: Publish = {
            type: "publish",
            topicName,
            payload,
            qos: 0,
            retain,
            dup: false,
            ...(properties && { properties }),
          };
          const fast = encodePublishQoS0(
            encodeTopicName(topicName),
            payload,
            retain,
            level,
            encodeProperties(properties),
          );
          expect(fast).toEqual(encode(packet, level));
        }
      }
    }
  });
});

describe("a packet for a receiver with a maximum packet size", () => {
  const connack: Connack = {
    type: "connack",
    sessionPresent: false,
    reasonCode: 0,
    properties: {
      assignedClientIdentifier: "id",
      reasonString: "a long story",
      userProperties: [["k", "v".repeat(50)]],
    },
  };
  const sizes = [undefined, "userProperties", "reasonString"].map((_, i) => without(i).length);

  function without(steps: number): Uint8Array {
    const { userProperties, reasonString, ...rest } = connack.properties ?? {};
    const lists: Properties[] = [
      { ...rest, ...(reasonString && { reasonString }), ...(userProperties && { userProperties }) },
      { ...rest, ...(reasonString && { reasonString }) },
      rest,
    ];
    return encode({ ...connack, properties: lists[steps] ?? {} }, 5);
  }

  test("is whole if it fits", () => {
    expect(encodeWithin(connack, 5, sizes[0] ?? 0)).toEqual(encode(connack, 5));
  });

  test("loses its user properties first [MQTT-3.2.2-20]", () => {
    expect(encodeWithin(connack, 5, (sizes[0] ?? 0) - 1)).toEqual(without(1));
  });

  test("then its reason string [MQTT-3.2.2-19]", () => {
    expect(encodeWithin(connack, 5, (sizes[1] ?? 0) - 1)).toEqual(without(2));
  });

  test.each<[string, Exclude<Packet, Publish | Connect | Pingreq | Pingresp>]>([
    ["PUBACK [MQTT-3.4.2-2] [MQTT-3.4.2-3]", { type: "puback", packetId: 1, reasonCode: 0x80 }],
    ["PUBREC [MQTT-3.5.2-2] [MQTT-3.5.2-3]", { type: "pubrec", packetId: 1, reasonCode: 0x80 }],
    ["PUBREL [MQTT-3.6.2-2] [MQTT-3.6.2-3]", { type: "pubrel", packetId: 1, reasonCode: 0x92 }],
    ["PUBCOMP [MQTT-3.7.2-2] [MQTT-3.7.2-3]", { type: "pubcomp", packetId: 1, reasonCode: 0x92 }],
    ["SUBACK [MQTT-3.9.2-1] [MQTT-3.9.2-2]", { type: "suback", packetId: 1, reasonCodes: [0] }],
    ["UNSUBACK [MQTT-3.11.2-1] [MQTT-3.11.2-2]", { type: "unsuback", packetId: 1, reasonCodes: [0] }],
    ["DISCONNECT [MQTT-3.14.2-3] [MQTT-3.14.2-4]", { type: "disconnect", reasonCode: 0x81 }],
    ["AUTH [MQTT-3.15.2-2] [MQTT-3.15.2-3]", { type: "auth", reasonCode: 0x18 }],
  ])("so does %s", (_, packet) => {
    const reasonString = "a long story";
    const full: Packet = { ...packet, properties: { reasonString, userProperties: [["k", "v"]] } };
    const withReason = encode({ ...packet, properties: { reasonString } }, 5);
    const bare = encode({ ...packet, properties: {} }, 5);
    expect(encodeWithin(full, 5, encode(full, 5).length)).toEqual(encode(full, 5));
    expect(encodeWithin(full, 5, encode(full, 5).length - 1)).toEqual(withReason);
    expect(encodeWithin(full, 5, withReason.length - 1)).toEqual(bare);
    expect(encodeWithin(full, 5, bare.length - 1)).toBeUndefined();
  });

  test("and is not sent if that does not help [MQTT-3.1.2-24]", () => {
    expect(encodeWithin(connack, 5, (sizes[2] ?? 0) - 1)).toBeUndefined();
  });

  test("a PUBLISH is never changed: its user properties are the sender's [MQTT-3.3.2-17]", () => {
    const publish: Publish = {
      type: "publish",
      topicName,
      payload: new Uint8Array(9),
      qos: 0,
      retain: false,
      dup: false,
      properties: { userProperties: [["a", "b"]] },
    };
    expect(encodeWithin(publish, 5, encode(publish, 5).length)).toEqual(encode(publish, 5));
    expect(encodeWithin(publish, 5, encode(publish, 5).length - 1)).toBeUndefined();
  });
});

test.each<[string, Packet, 4 | 5]>([
  ["a packet id of 0", { type: "puback", packetId: 0, reasonCode: 0 }, 4],
  ["a packet id above 65,535", { type: "puback", packetId: 65_536, reasonCode: 0 }, 5],
  [
    "a QoS 1 PUBLISH without a packet id",
    { type: "publish", topicName, payload: new Uint8Array(0), qos: 1, retain: false, dup: false },
    5,
  ],
  ["a SUBSCRIBE to nothing", { type: "subscribe", packetId: 1, subscriptions: [] }, 5],
  ["an UNSUBSCRIBE from nothing", { type: "unsubscribe", packetId: 1, topicFilters: [] }, 4],
  ["AUTH at 3.1.1", { type: "auth", reasonCode: 0 }, 4],
  [
    "a password without a user name at 3.1.1",
    {
      type: "connect",
      protocolLevel: 4,
      cleanStart: true,
      keepAliveSeconds: 0,
      mqttClientId: "a",
      password: new Uint8Array(1),
    },
    4,
  ],
  [
    "a lone surrogate",
    { type: "connack", sessionPresent: false, reasonCode: 0, properties: { reasonString: "\uD800" } },
    5,
  ],
  [
    "65,536 bytes of binary data",
    {
      type: "publish",
      topicName,
      payload: new Uint8Array(0),
      qos: 0,
      retain: false,
      dup: false,
      properties: { correlationData: new Uint8Array(65_536) },
    },
    5,
  ],
])("%s is not written, and the next packet is not harmed", (_, packet, level) => {
  expect(() => encode(packet, level)).toThrow(expect.objectContaining({ code: "MALFORMED_PACKET" }));
  expect([...encode({ type: "pingreq" }, level)]).toEqual([0xc0, 0]);
});

test("below 5.0 a CONNACK carries the nearest of the six return codes", () => {
  const code = (reason: number) =>
    encode({ type: "connack", sessionPresent: true, reasonCode: reason }, 4)[3];
  expect(code(reasonCode.success)).toBe(0);
  expect(code(reasonCode.unsupportedProtocolVersion)).toBe(1);
  expect(code(reasonCode.clientIdentifierNotValid)).toBe(2);
  expect(code(reasonCode.serverBusy)).toBe(3);
  expect(code(reasonCode.badUserNameOrPassword)).toBe(4);
  expect(code(reasonCode.notAuthorized)).toBe(5);
  for (const reason of Object.values(reasonCodeOf)) expect(connackCode(reason, 4)).toBeLessThan(6);
});

test("a refusal says that there is no session [MQTT-3.2.2-6] [MQTT-3.1.1:3.2.2-4]", () => {
  expect([...encode({ type: "connack", sessionPresent: true, reasonCode: 0x87 }, 5)]).toEqual([
    0x20, 3, 0, 0x87, 0,
  ]);
});

test("below 5.0 every refusal in a SUBACK is 0x80", () => {
  const suback: Packet = { type: "suback", packetId: 1, reasonCodes: [0, 2, 0x87, 0x8f] };
  expect([...encode(suback, 4)]).toEqual([0x90, 6, 0, 1, 0, 2, 0x80, 0x80]);
});

test("every error of ours has a code that a DISCONNECT or CONNACK may carry", () => {
  for (const reason of Object.values(reasonCodeOf)) {
    const isKnown =
      isReasonCodeAllowed("connack", reason, "server") || isReasonCodeAllowed("disconnect", reason, "server");
    expect(isKnown, reasonCodeName(reason)).toBe(true);
  }
});

test("reason codes have names", () => {
  expect(reasonCodeName(0x87)).toBe("not authorized");
  expect(reasonCodeName(0x00)).toBe("success");
  expect(reasonCodeName(0x77)).toBe("0x77");
});

test("a payload is a view into the received bytes when it came whole", () => {
  const bytes = encode(
    { type: "publish", topicName, payload: new Uint8Array(10), qos: 0, retain: false, dup: false },
    5,
  );
  const [packet] = new Decoder({ role: "server", protocolLevel: 5, maximumPacketSize: 100 }).push(
    bytes,
  ).packets;
  expect(packet?.type === "publish" && packet.payload.buffer).toBe(bytes.buffer);
});
