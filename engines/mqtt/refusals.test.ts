import { describe, expect, test } from "vitest";
import { Decoder, type DecoderOptions } from "./decoder.ts";
import type { ProtocolLevel, ReasonCode } from "./packet.ts";

const encoder = new TextEncoder();
const str = (text: string): number[] => [0, encoder.encode(text).length, ...encoder.encode(text)];
const byHand = (hex: string): number[] =>
  (hex.match(/[0-9a-f]{2}/gi) ?? []).map((pair) => Number.parseInt(pair, 16));

/** Puts the remaining length behind the first byte. */
const packet = (firstByte: number, ...body: number[]): number[] => [firstByte, body.length, ...body];

const connect4 = (flags: number, ...payload: number[]): number[] =>
  packet(0x10, ...str("MQTT"), 4, flags, 0, 10, ...payload);
const connect5 = (flags: number, ...rest: number[]): number[] =>
  packet(0x10, ...str("MQTT"), 5, flags, 0, 10, ...rest);
const publish5 = (...properties: number[]): number[] =>
  packet(0x30, ...str("a"), properties.length, ...properties);

const malformed = 0x81;
const protocolError = 0x82;

type Case = readonly [title: string, bytes: readonly number[], reason: ReasonCode];

/** Refused by a server that waits for CONNECT; the last column is the level to answer in, if at all [MQTT-3.1.1:3.1.4-1]. */
const beforeConnect: readonly (readonly [...Case, answerLevel: ProtocolLevel | undefined])[] = [
  ["a PUBLISH comes first [MQTT-3.1.0-1]", packet(0x30, ...str("a")), protocolError, undefined],
  ["a packet of type 0 comes first", [0x00, 0], protocolError, undefined],
  [
    "the protocol name is another [MQTT-3.1.2-1] [MQTT-3.1.1:3.1.2-1]",
    packet(0x10, ...str("MQTU"), 4, 2, 0, 1, ...str("")),
    0x84,
    undefined,
  ],
  ["the protocol name is empty", packet(0x10, ...str(""), 4, 2, 0, 1, ...str("")), 0x84, undefined],
  ["the level is 6 [MQTT-3.1.2-2]", packet(0x10, ...str("MQTT"), 6, 2, 0, 1, 0, ...str("")), 0x84, 5],
  ["the level is 2 [MQTT-3.1.1:3.1.2-2]", packet(0x10, ...str("MQTT"), 2, 2, 0, 1, ...str("")), 0x84, 4],
  ["the level is a bridge's 0x84", packet(0x10, ...str("MQTT"), 0x84, 2, 0, 1, ...str("")), 0x84, 4],
  ["the name is 3.1's and the level is 4", packet(0x10, ...str("MQIsdp"), 4, 2, 0, 1, ...str("")), 0x84, 3],
  [
    "the fixed header has flags [MQTT-2.1.3-1] [MQTT-3.1.1:2.2.2-1]",
    [0x11, ...connect4(2, ...str("p")).slice(1)],
    malformed,
    undefined,
  ],
  [
    "the reserved flag is set [MQTT-3.1.2-3] [MQTT-3.1.1:3.1.2-3]",
    connect4(0x03, ...str("p")),
    malformed,
    undefined,
  ],
  ["there is no client id [MQTT-3.1.3-3] [MQTT-3.1.1:3.1.3-3]", connect4(0x02), malformed, undefined],
  [
    "will QoS without a will [MQTT-3.1.2-11] [MQTT-3.1.1:3.1.2-13]",
    connect4(0x0a, ...str("p")),
    malformed,
    undefined,
  ],
  [
    "will retain without a will [MQTT-3.1.2-13] [MQTT-3.1.1:3.1.2-15]",
    connect4(0x22, ...str("p")),
    malformed,
    undefined,
  ],
  [
    "will QoS 3 [MQTT-3.1.2-12] [MQTT-3.1.1:3.1.2-14]",
    connect4(0x1e, ...str("p"), ...str("w"), ...str("m")),
    malformed,
    undefined,
  ],
  [
    "a will without its message [MQTT-3.1.2-9] [MQTT-3.1.1:3.1.2-9]",
    connect4(0x06, ...str("p"), ...str("w")),
    malformed,
    undefined,
  ],
  [
    "a will topic with a wildcard",
    connect4(0x06, ...str("p"), ...str("w/#"), ...str("m")),
    malformed,
    undefined,
  ],
  [
    "a password without a user name [MQTT-3.1.1:3.1.2-22]",
    connect4(0x42, ...str("p"), ...str("s")),
    malformed,
    undefined,
  ],
  [
    "a user name is promised and missing [MQTT-3.1.2-17] [MQTT-3.1.1:3.1.2-19]",
    connect4(0x82, ...str("p")),
    malformed,
    undefined,
  ],
  [
    "a password is promised and missing [MQTT-3.1.2-19] [MQTT-3.1.1:3.1.2-21]",
    connect4(0xc2, ...str("p"), ...str("u")),
    malformed,
    undefined,
  ],
  [
    "a user name is there and not promised [MQTT-3.1.2-16]",
    connect4(0x02, ...str("p"), ...str("u")),
    malformed,
    undefined,
  ],
  [
    "a client id with NUL [MQTT-1.5.4-2] [MQTT-3.1.1:1.5.3-2]",
    connect4(0x02, ...str("a\0")),
    malformed,
    undefined,
  ],
  [
    "a client id with a surrogate [MQTT-1.5.4-1] [MQTT-3.1.3-4] [MQTT-3.1.1:1.5.3-1] [MQTT-3.1.1:3.1.3-4]",
    connect4(0x02, 0, 3, 0xed, 0xa0, 0x80),
    malformed,
    undefined,
  ],
  ["a client id in overlong UTF-8", connect4(0x02, 0, 2, 0xc1, 0x81), malformed, undefined],
  [
    "a will topic with a surrogate [MQTT-3.1.3-11] [MQTT-3.1.1:3.1.3-10]",
    connect4(0x06, ...str("p"), 0, 3, 0xed, 0xa0, 0x80, ...str("m")),
    malformed,
    undefined,
  ],
  [
    "a user name with a surrogate [MQTT-3.1.3-12] [MQTT-3.1.1:3.1.3-11]",
    connect4(0x82, ...str("p"), 0, 3, 0xed, 0xa0, 0x80),
    malformed,
    undefined,
  ],
  ["5.0: a reserved flag", connect5(0x03, 0, ...str("p")), malformed, 5],
  ["5.0: no property length", connect5(0x02), malformed, 5],
  ["5.0: property length beyond the packet", connect5(0x02, 9, ...str("p")), malformed, 5],
  ["5.0: receive maximum 0", connect5(0x02, 3, 0x21, 0, 0, ...str("p")), protocolError, 5],
  ["5.0: maximum packet size 0", connect5(0x02, 5, 0x27, 0, 0, 0, 0, ...str("p")), protocolError, 5],
  ["5.0: request problem information 2", connect5(0x02, 2, 0x17, 2, ...str("p")), protocolError, 5],
  ["5.0: request response information 2", connect5(0x02, 2, 0x19, 2, ...str("p")), protocolError, 5],
  [
    "5.0: a session expiry interval twice",
    connect5(0x02, 10, 0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1, ...str("p")),
    protocolError,
    5,
  ],
  ["5.0: authentication data alone", connect5(0x02, 3, 0x16, 0, 0, ...str("p")), protocolError, 5],
  ["5.0: a topic alias", connect5(0x02, 3, 0x23, 0, 1, ...str("p")), malformed, 5],
  [
    "5.0: a will delay among its own properties",
    connect5(0x02, 5, 0x18, 0, 0, 0, 1, ...str("p")),
    malformed,
    5,
  ],
  [
    "5.0: a remaining length longer than needed [MQTT-1.5.5-1]",
    byHand("10 8e 00 0004 4d515454 05 02 000a 00 0001 70"),
    malformed,
    5,
  ],
];

test.each(beforeConnect)("before CONNECT is done: %s", (_, bytes, reason, level) => {
  const { packets, failure } = decoder({}).push(Uint8Array.from(bytes));
  expect(packets).toEqual([]);
  expect(failure?.reasonCode).toBe(reason);
  expect(failure?.protocolLevel).toBe(level);
});

/** Refused at 3.1.1 and 5.0 alike; `5` puts an empty property list where 5.0 has one. */
const atBothLevels: readonly (readonly [
  title: string,
  bytes: (none: number[]) => number[],
  reason: ReasonCode,
])[] = [
  [
    "a second CONNECT [MQTT-3.1.0-2]",
    (none) => packet(0x10, ...str("MQTT"), 4, 2, 0, 1, ...none, 0, 0),
    protocolError,
  ],
  ["a packet of type 0", () => [0x00, 0], protocolError],
  ["CONNACK", () => packet(0x20, 0, 0), protocolError],
  ["SUBACK", () => packet(0x90, 0, 1, 0), protocolError],
  ["UNSUBACK", () => packet(0xb0, 0, 1), protocolError],
  ["PINGRESP", () => [0xd0, 0], protocolError],
  ["a remaining length of five bytes", () => [0x30, 0xff, 0xff, 0xff, 0xff, 0x7f], malformed],
  [
    "PUBLISH, QoS 3 [MQTT-3.3.1-4] [MQTT-3.1.1:3.3.1-4]",
    (none) => packet(0x36, ...str("a"), 0, 1, ...none),
    malformed,
  ],
  [
    "PUBLISH, DUP at QoS 0 [MQTT-3.3.1-2] [MQTT-3.1.1:3.3.1-2]",
    (none) => packet(0x38, ...str("a"), ...none),
    malformed,
  ],
  [
    "PUBLISH to a wildcard [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT-3.1.1:3.3.2-2] [MQTT-3.1.1:4.7.1-1]",
    (none) => packet(0x30, ...str("a/+"), ...none),
    malformed,
  ],
  ["PUBLISH to a filter with # [MQTT-3.3.2-2]", (none) => packet(0x30, ...str("#"), ...none), malformed],
  ["PUBLISH with a topic beyond the packet", () => packet(0x30, 0, 9, 0x61), malformed],
  [
    "PUBLISH with NUL in the topic [MQTT-4.7.3-2] [MQTT-3.1.1:4.7.3-2]",
    (none) => packet(0x30, ...str("a\0b"), ...none),
    malformed,
  ],
  [
    "PUBLISH with a surrogate in the topic [MQTT-3.3.2-1] [MQTT-3.1.1:3.3.2-1]",
    (none) => packet(0x30, 0, 3, 0xed, 0xbf, 0xbf, ...none),
    malformed,
  ],
  [
    "PUBLISH with a control character in the topic",
    (none) => packet(0x30, ...str("a\u0001"), ...none),
    malformed,
  ],
  [
    "PUBLISH, QoS 1, packet id 0 [MQTT-2.2.1-3] [MQTT-3.1.1:2.3.1-1]",
    (none) => packet(0x32, ...str("a"), 0, 0, ...none),
    protocolError,
  ],
  ["PUBLISH, QoS 1, no packet id", () => packet(0x32, ...str("a")), malformed],
  ["PUBACK with flags", () => packet(0x41, 0, 1), malformed],
  ["PUBACK, packet id 0", () => packet(0x40, 0, 0), protocolError],
  ["PUBACK cut short", () => packet(0x40, 1), malformed],
  ["PUBREC with flags", () => packet(0x52, 0, 1), malformed],
  ["PUBREL without its flags [MQTT-3.6.1-1] [MQTT-3.1.1:3.6.1-1]", () => packet(0x60, 0, 1), malformed],
  ["PUBCOMP with flags", () => packet(0x78, 0, 1), malformed],
  [
    "SUBSCRIBE without its flags [MQTT-3.8.1-1] [MQTT-3.1.1:3.8.1-1]",
    (none) => packet(0x80, 0, 1, ...none, ...str("a"), 0),
    malformed,
  ],
  [
    "SUBSCRIBE without a filter [MQTT-3.8.3-2] [MQTT-3.1.1:3.8.3-3]",
    (none) => packet(0x82, 0, 1, ...none),
    protocolError,
  ],
  ["SUBSCRIBE without options", (none) => packet(0x82, 0, 1, ...none, ...str("a")), malformed],
  ["SUBSCRIBE, packet id 0", (none) => packet(0x82, 0, 0, ...none, ...str("a"), 0), malformed],
  [
    "SUBSCRIBE to the empty filter [MQTT-4.7.3-1] [MQTT-3.1.1:4.7.3-1]",
    (none) => packet(0x82, 0, 1, ...none, ...str(""), 0),
    malformed,
  ],
  ["SUBSCRIBE to a/b# [MQTT-4.7.1-1]", (none) => packet(0x82, 0, 1, ...none, ...str("a/b#"), 0), malformed],
  ["SUBSCRIBE to #/a [MQTT-4.7.1-1]", (none) => packet(0x82, 0, 1, ...none, ...str("#/a"), 0), malformed],
  ["SUBSCRIBE to a+/b [MQTT-4.7.1-2]", (none) => packet(0x82, 0, 1, ...none, ...str("a+/b"), 0), malformed],
  ["SUBSCRIBE to +a [MQTT-4.7.1-2]", (none) => packet(0x82, 0, 1, ...none, ...str("+a"), 0), malformed],
  [
    "SUBSCRIBE with reserved bits [MQTT-3.8.3-5]",
    (none) => packet(0x82, 0, 1, ...none, ...str("a"), 0xc0),
    malformed,
  ],
  [
    "UNSUBSCRIBE without its flags [MQTT-3.10.1-1] [MQTT-3.1.1:3.10.1-1]",
    (none) => packet(0xa0, 0, 1, ...none, ...str("a")),
    malformed,
  ],
  [
    "UNSUBSCRIBE without a filter [MQTT-3.10.3-2] [MQTT-3.1.1:3.10.3-2]",
    (none) => packet(0xa2, 0, 1, ...none),
    protocolError,
  ],
  ["UNSUBSCRIBE, packet id 0", (none) => packet(0xa2, 0, 0, ...none, ...str("a")), malformed],
  ["UNSUBSCRIBE from the empty filter", (none) => packet(0xa2, 0, 1, ...none, ...str("")), malformed],
  [
    "SUBSCRIBE to a surrogate [MQTT-3.8.3-1] [MQTT-3.1.1:3.8.3-1]",
    (none) => packet(0x82, 0, 1, ...none, 0, 3, 0xed, 0xa0, 0x80, 0),
    malformed,
  ],
  [
    "UNSUBSCRIBE from a surrogate [MQTT-3.10.3-1] [MQTT-3.1.1:3.10.3-1]",
    (none) => packet(0xa2, 0, 1, ...none, 0, 3, 0xed, 0xa0, 0x80),
    malformed,
  ],
  ["PINGREQ with a body", () => packet(0xc0, 0), malformed],
  ["PINGREQ with flags", () => [0xc1, 0], malformed],
  ["DISCONNECT with flags [MQTT-3.14.1-1] [MQTT-3.1.1:3.14.1-1]", () => [0xe8, 0], malformed],
];

describe.each([4, 5] as const)("level %d refuses", (level) => {
  test.each(atBothLevels)("%s", (_, bytes, reason) => {
    const decoded = decoder({ protocolLevel: level }).push(Uint8Array.from(bytes(level === 5 ? [0] : [])));
    expect(decoded.packets).toEqual([]);
    expect(decoded.failure?.reasonCode).toBe(reason);
    expect(decoded.failure?.protocolLevel).toBe(level);
  });
});

const at4: readonly Case[] = [
  ["AUTH", [0xf0, 0], protocolError],
  ["PUBLISH without a topic", packet(0x30, ...str("")), malformed],
  ["PUBACK with a reason code", packet(0x40, 0, 1, 0), malformed],
  ["DISCONNECT with a reason code", packet(0xe0, 0), malformed],
  ["SUBSCRIBE, QoS 3 [MQTT-3.1.1:3.8.3-4]", packet(0x82, 0, 1, ...str("a"), 3), malformed],
  ["SUBSCRIBE with 5.0's options [MQTT-3.1.1:3.8.3-4]", packet(0x82, 0, 1, ...str("a"), 4), malformed],
];

test.each(at4)("level 4 refuses %s", (_, bytes, reason) => {
  expect(decoder({ protocolLevel: 4 }).push(Uint8Array.from(bytes)).failure?.reasonCode).toBe(reason);
});

const at5: readonly Case[] = [
  ["PUBLISH without topic and alias", packet(0x30, ...str(""), 0), protocolError],
  ["PUBLISH with alias 0 [MQTT-3.3.2-8]", publish5(0x23, 0, 0), 0x94],
  ["PUBLISH with two aliases", publish5(0x23, 0, 1, 0x23, 0, 1), protocolError],
  ["PUBLISH with payload format 2", publish5(0x01, 2), protocolError],
  ["PUBLISH with a client's subscription identifier [MQTT-3.3.4-6]", publish5(0x0b, 1), protocolError],
  [
    "PUBLISH with a wildcard in the response topic [MQTT-3.3.2-14]",
    publish5(0x08, ...str("a/#")),
    protocolError,
  ],
  [
    "PUBLISH with a surrogate in the response topic [MQTT-3.3.2-13]",
    publish5(0x08, 0, 3, 0xed, 0xa0, 0x80),
    malformed,
  ],
  ["PUBLISH with an empty response topic", publish5(0x08, ...str("")), protocolError],
  ["PUBLISH with NUL in the content type [MQTT-3.3.2-19]", publish5(0x03, ...str("a\0")), malformed],
  ["PUBLISH with a property of CONNACK", publish5(0x24, 1), malformed],
  ["PUBLISH with a reason string", publish5(0x1f, ...str("a")), malformed],
  ["PUBLISH with an unknown property", publish5(0x7f, 1), malformed],
  ["PUBLISH with property 0", publish5(0x00, 1), malformed],
  ["PUBLISH with a property identifier longer than needed", publish5(0x81, 0x00, 1), malformed],
  ["PUBLISH with half a property", publish5(0x02, 0, 0), malformed],
  ["PUBLISH with a user property without a value", publish5(0x26, ...str("a")), malformed],
  [
    "PUBLISH with a surrogate in a user property [MQTT-1.5.7-1]",
    publish5(0x26, 0, 3, 0xed, 0xa0, 0x80, 0, 0),
    malformed,
  ],
  ["a remaining length longer than needed [MQTT-1.5.5-1]", byHand("c0 80 00"), malformed],
  ["PUBLISH whose property length is longer than needed", packet(0x30, ...str("a"), 0x80, 0x00), malformed],
  ["PUBACK with a reason of SUBACK [MQTT-3.4.2-1]", packet(0x40, 0, 1, 0x01), protocolError],
  ["PUBREC with an unknown reason [MQTT-3.5.2-1]", packet(0x50, 0, 1, 0xff), protocolError],
  ["PUBREL with a reason of PUBACK [MQTT-3.6.2-1]", packet(0x62, 0, 1, 0x10), protocolError],
  ["PUBCOMP with a reason of PUBACK [MQTT-3.7.2-1]", packet(0x70, 0, 1, 0x87), protocolError],
  ["PUBACK with bytes behind its properties", packet(0x40, 0, 1, 0, 0, 0), malformed],
  ["PUBACK with a content type", packet(0x40, 0, 1, 0, 4, 0x03, ...str("a")), malformed],
  ["SUBSCRIBE, QoS 3", packet(0x82, 0, 1, 0, ...str("a"), 3), protocolError],
  ["SUBSCRIBE, retain handling 3", packet(0x82, 0, 1, 0, ...str("a"), 0x30), protocolError],
  [
    "SUBSCRIBE, No Local on $share [MQTT-3.8.3-4]",
    packet(0x82, 0, 1, 0, ...str("$share/g/a"), 0x04),
    protocolError,
  ],
  [
    "SUBSCRIBE to $share without a filter [MQTT-4.8.2-2]",
    packet(0x82, 0, 1, 0, ...str("$share/g"), 0),
    malformed,
  ],
  ["SUBSCRIBE to $share with an empty filter", packet(0x82, 0, 1, 0, ...str("$share/g/"), 0), malformed],
  [
    "SUBSCRIBE to $share without a name [MQTT-4.8.2-1]",
    packet(0x82, 0, 1, 0, ...str("$share//a"), 0),
    malformed,
  ],
  ["SUBSCRIBE to $share/+ [MQTT-4.8.2-1]", packet(0x82, 0, 1, 0, ...str("$share/+/a"), 0), malformed],
  ["SUBSCRIBE with identifier 0", packet(0x82, 0, 1, 2, 0x0b, 0, ...str("a"), 0), protocolError],
  ["SUBSCRIBE with two identifiers", packet(0x82, 0, 1, 4, 0x0b, 1, 0x0b, 1, ...str("a"), 0), protocolError],
  ["SUBSCRIBE with a reason string", packet(0x82, 0, 1, 4, 0x1f, ...str("a"), ...str("a"), 0), malformed],
  ["DISCONNECT with a server's reason [MQTT-3.14.2-1]", packet(0xe0, 0x8e), protocolError],
  ["DISCONNECT with an unknown reason", packet(0xe0, 0x01), protocolError],
  ["AUTH with flags [MQTT-3.15.1-1]", [0xf1, 0], malformed],
  ["AUTH, success, from a client [MQTT-3.15.2-1]", packet(0xf0, 0x00, 4, 0x15, ...str("m")), protocolError],
  ["AUTH without a method", packet(0xf0, 0x18, 0), protocolError],
];

test.each(at5)("level 5 refuses %s", (_, bytes, reason) => {
  expect(decoder({ protocolLevel: 5 }).push(Uint8Array.from(bytes)).failure?.reasonCode).toBe(reason);
});

const fromServer: readonly Case[] = [
  ["CONNECT", [0x10], protocolError],
  ["SUBSCRIBE", [0x82], protocolError],
  ["PINGREQ", [0xc0], protocolError],
  ["CONNACK with reserved flags [MQTT-3.2.2-1]", packet(0x20, 2, 0, 0), malformed],
  ["CONNACK with a session beside a refusal [MQTT-3.2.2-6]", packet(0x20, 1, 0x87, 0), protocolError],
  ["CONNACK with an unknown reason [MQTT-3.2.2-8]", packet(0x20, 0, 0x01, 0), protocolError],
  ["SUBACK with an unknown reason [MQTT-3.9.3-2]", packet(0x90, 0, 1, 0, 0x03), protocolError],
  ["SUBACK without a reason", packet(0x90, 0, 1, 0), protocolError],
  ["UNSUBACK with an unknown reason [MQTT-3.11.3-2]", packet(0xb0, 0, 1, 0, 0x01), protocolError],
  ["DISCONNECT with a will", packet(0xe0, 0x04), protocolError],
  [
    "DISCONNECT with a session expiry interval [MQTT-3.14.2-2]",
    packet(0xe0, 0, 5, 0x11, 0, 0, 0, 0),
    protocolError,
  ],
  ["AUTH, re-authenticate, from a server", packet(0xf0, 0x19, 4, 0x15, ...str("m")), protocolError],
];

test.each(fromServer)("a client refuses %s", (_, bytes, reason) => {
  const client = decoder({ role: "client", protocolLevel: 5 });
  expect(client.push(Uint8Array.from(bytes)).failure?.reasonCode).toBe(reason);
});

test("a 3.1.1 client refuses return codes that the specification reserves [MQTT-3.1.1:3.9.3-2]", () => {
  for (const bytes of [packet(0x20, 0, 6), packet(0x90, 0, 1, 3)]) {
    const client = decoder({ role: "client", protocolLevel: 4 });
    expect(client.push(Uint8Array.from(bytes)).failure?.reasonCode).toBe(malformed);
  }
});

test("an announced giant is refused with its header, before a byte of it is there", () => {
  const server = decoder({ protocolLevel: 5, maximumPacketSize: 100 });
  expect(server.push(Uint8Array.of(0x30, 0xff, 0xff, 0xff)).failure).toBeUndefined();
  expect(server.push(Uint8Array.of(0x7f)).failure?.reasonCode).toBe(0x95);
  expect(server.pendingBytes).toBe(0);
});

test("a packet of exactly the maximum passes, one byte more does not", () => {
  const exact = packet(0x30, ...str("a"), 0, ...new Array<number>(94).fill(7));
  expect(exact.length).toBe(100);
  const server = () => decoder({ protocolLevel: 5, maximumPacketSize: 100 });
  expect(server().push(Uint8Array.from(exact)).packets).toHaveLength(1);
  const more = packet(0x30, ...str("a"), 0, ...new Array<number>(95).fill(7));
  expect(server().push(Uint8Array.from(more)).failure?.reasonCode).toBe(0x95);
});

test("a CONNECT has a limit of its own, for it comes before anybody is known", () => {
  const server = decoder({ maximumConnectSize: 50 });
  expect(server.push(Uint8Array.of(0x10, 49)).failure?.code).toBe("PACKET_TOO_LARGE");
});

test("what came before the failure is kept, what comes after is not read", () => {
  const server = decoder({ protocolLevel: 5 });
  const decoded = server.push(Uint8Array.of(0xc0, 0, 0xc0, 0, 0x36, 0, 0xc0, 0));
  expect(decoded.packets).toEqual([{ type: "pingreq" }, { type: "pingreq" }]);
  expect(decoded.failure?.code).toBe("MALFORMED_PACKET");
  const later = server.push(Uint8Array.of(0xc0, 0));
  expect(later.packets).toEqual([]);
  expect(later.failure).toEqual(decoded.failure);
});

test("a bad first byte is refused alone, without waiting for a length", () => {
  expect(decoder({ protocolLevel: 5 }).push(Uint8Array.of(0x36)).failure?.reasonCode).toBe(malformed);
});

test("the message names the rule and holds nothing of what was sent", () => {
  const { failure } = decoder({ protocolLevel: 5 }).push(
    Uint8Array.from(packet(0x30, ...str("secret/#"), 0)),
  );
  expect(failure?.message).not.toContain("secret");
});

function decoder(options: Partial<DecoderOptions>): Decoder {
  return new Decoder({ role: "server", maximumPacketSize: 1000, ...options });
}
