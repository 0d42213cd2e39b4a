import type { Packet, Properties, ProtocolLevel, TopicFilter, TopicName } from "./packet.ts";
import type { Sender } from "./reason-code.ts";

/** One packet in both forms. Tests parse, generate, round-trip and split it. */
export interface PacketFixture {
  readonly name: string;
  readonly level: ProtocolLevel;
  readonly sender: Sender;
  readonly bytes: Uint8Array;
  readonly packet: Packet;
  /** Well formed, but not the form that the encoder chooses: parsed only. */
  readonly isAlternative?: true;
}

const encoder = new TextEncoder();
const utf8 = (text: string): Uint8Array => encoder.encode(text);
// Fixtures are known to be well formed; the brands are what the decoder would give them.
const name = (text: string): TopicName => text as TopicName;
const filter = (text: string): TopicFilter => text as TopicFilter;

/** The bytes of a string field with its length in front. */
const str = (text: string): number[] => {
  const bytes = utf8(text);
  return [bytes.length >> 8, bytes.length & 0xff, ...bytes];
};

const list: PacketFixture[] = [];

function fixture(
  level: ProtocolLevel,
  sender: Sender,
  title: string,
  bytes: readonly number[],
  packet: Packet,
  form?: "alternative",
): void {
  const base = { name: title, level, sender, bytes: Uint8Array.from(bytes), packet };
  list.push(form === undefined ? base : { ...base, isAlternative: true });
}

// --- 3.1 ------------------------------------------------------------------------------------------------------

fixture(
  3,
  "client",
  "3.1 CONNECT, clean session",
  [0x10, 15, ...str("MQIsdp"), 3, 0x02, 0, 10, ...str("p")],
  { type: "connect", protocolLevel: 3, cleanStart: true, keepAliveSeconds: 10, mqttClientId: "p" },
);
fixture(
  3,
  "client",
  "3.1 CONNECT whose flags promise a user name that does not come",
  [0x10, 15, ...str("MQIsdp"), 3, 0xc2, 0, 10, ...str("p")],
  { type: "connect", protocolLevel: 3, cleanStart: true, keepAliveSeconds: 10, mqttClientId: "p" },
  "alternative",
);
fixture(
  3,
  "client",
  "3.1 CONNECT with unused bits set",
  [0x14, 15, ...str("MQIsdp"), 3, 0x03, 0, 10, ...str("p")],
  { type: "connect", protocolLevel: 3, cleanStart: true, keepAliveSeconds: 10, mqttClientId: "p" },
  "alternative",
);
fixture(
  3,
  "client",
  "3.1 SUBSCRIBE with DUP",
  [0x8a, 6, 0, 1, ...str("a"), 1],
  {
    type: "subscribe",
    packetId: 1,
    subscriptions: [
      { topicFilter: filter("a"), qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 },
    ],
  },
  "alternative",
);
fixture(3, "server", "3.1 CONNACK", [0x20, 2, 0, 0], {
  type: "connack",
  sessionPresent: false,
  reasonCode: 0,
});

// --- 3.1.1 and 5.0, side by side -------------------------------------------------------------------------------

/** The same packet at both levels; `at5` is where 5.0 has an empty property list. */
function both(
  sender: Sender,
  title: string,
  firstByte: number,
  body: readonly number[],
  propertiesAt: number | undefined,
  packet: Packet,
): void {
  fixture(4, sender, `3.1.1 ${title}`, [firstByte, body.length, ...body], packet);
  const body5 =
    propertiesAt === undefined ? body : [...body.slice(0, propertiesAt), 0, ...body.slice(propertiesAt)];
  fixture(5, sender, `5.0 ${title}`, [firstByte, body5.length, ...body5], packet);
}

for (const level of [4, 5] as const) {
  const none = level === 5 ? [0] : [];
  fixture(
    level,
    "client",
    `${level} CONNECT, shortest`,
    [0x10, 12 + none.length, ...str("MQTT"), level, 0x02, 0, 0, ...none, ...str("")],
    { type: "connect", protocolLevel: level, cleanStart: true, keepAliveSeconds: 0, mqttClientId: "" },
  );
  fixture(
    level,
    "client",
    `${level} CONNECT with will, user name and password`,
    [
      ...[0x10, 34 + 2 * none.length],
      ...[...str("MQTT"), level],
      0b1111_0100, // user name, password, will retain, will QoS 2, will
      ...[0x01, 0x2c], // keep alive 300 s
      ...none,
      ...str("id"),
      ...[...none, ...str("w/t"), ...[0, 2, 0xff, 0x00]], // will topic, will payload
      ...str("Bearer"),
      ...[0, 1, 0x00], // password
    ],
    {
      type: "connect",
      protocolLevel: level,
      cleanStart: false,
      keepAliveSeconds: 300,
      mqttClientId: "id",
      will: { topicName: name("w/t"), payload: Uint8Array.of(0xff, 0x00), qos: 2, retain: true },
      userName: "Bearer",
      password: Uint8Array.of(0),
    },
  );
}

both("server", "CONNACK, session present", 0x20, [1, 0], 2, {
  type: "connack",
  sessionPresent: true,
  reasonCode: 0,
});
fixture(4, "server", "3.1.1 CONNACK, not authorised", [0x20, 2, 0, 5], {
  type: "connack",
  sessionPresent: false,
  reasonCode: 5,
});
fixture(5, "server", "5.0 CONNACK, not authorised", [0x20, 3, 0, 0x87, 0], {
  type: "connack",
  sessionPresent: false,
  reasonCode: 0x87,
});

both("client", "PUBLISH, QoS 0, retained, empty payload", 0x31, [...str("a")], 3, {
  type: "publish",
  topicName: name("a"),
  payload: new Uint8Array(0),
  qos: 0,
  retain: true,
  dup: false,
});
both("client", "PUBLISH, QoS 1", 0x32, [...str("a/b"), 0, 10, ...utf8("hi")], 7, {
  type: "publish",
  topicName: name("a/b"),
  payload: utf8("hi"),
  qos: 1,
  retain: false,
  dup: false,
  packetId: 10,
});
both("server", "PUBLISH, QoS 2, again", 0x3c, [...str("/é漢😀\uFEFF"), 0xff, 0xff, 0], 18, {
  type: "publish",
  topicName: name("/é漢😀\uFEFF"),
  payload: Uint8Array.of(0),
  qos: 2,
  retain: false,
  dup: true,
  packetId: 65_535,
});
for (const [type, firstByte] of [
  ["puback", 0x40],
  ["pubrec", 0x50],
  ["pubrel", 0x62],
  ["pubcomp", 0x70],
] as const) {
  both("client", `${type}`, firstByte, [0x12, 0x34], undefined, { type, packetId: 0x1234, reasonCode: 0 });
}
both("client", "SUBSCRIBE to two filters", 0x82, [0, 7, ...str("a/+/b"), 2, ...str("$share/g/#"), 0], 2, {
  type: "subscribe",
  packetId: 7,
  subscriptions: [
    { topicFilter: filter("a/+/b"), qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0 },
    {
      topicFilter: filter("$share/g/#"),
      qos: 0,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
    },
  ],
});
both("server", "SUBACK", 0x90, [0, 7, 0, 1, 2, 0x80], 2, {
  type: "suback",
  packetId: 7,
  reasonCodes: [0, 1, 2, 0x80],
});
both("client", "UNSUBSCRIBE", 0xa2, [0, 8, ...str("a"), ...str("#")], 2, {
  type: "unsubscribe",
  packetId: 8,
  topicFilters: [filter("a"), filter("#")],
});
fixture(4, "server", "3.1.1 UNSUBACK", [0xb0, 2, 0, 8], { type: "unsuback", packetId: 8, reasonCodes: [] });
fixture(5, "server", "5.0 UNSUBACK", [0xb0, 5, 0, 8, 0, 0, 0x11], {
  type: "unsuback",
  packetId: 8,
  reasonCodes: [0, 0x11],
});
both("client", "PINGREQ", 0xc0, [], undefined, { type: "pingreq" });
both("server", "PINGRESP", 0xd0, [], undefined, { type: "pingresp" });
both("client", "DISCONNECT", 0xe0, [], undefined, { type: "disconnect", reasonCode: 0 });

fixture(
  4,
  "client",
  "3.1.1 PINGREQ with a remaining length in two bytes",
  [0xc0, 0x80, 0x00],
  { type: "pingreq" },
  "alternative",
);

// --- 5.0 alone -------------------------------------------------------------------------------------------------

/** A property list with its length, in front of a body whose other parts are given. */
function withProperties(
  before: readonly number[],
  list: readonly number[],
  after: readonly number[] = [],
): number[] {
  return [...before, list.length, ...list, ...after];
}

function only5(
  sender: Sender,
  title: string,
  firstByte: number,
  body: readonly number[],
  packet: Packet,
  form?: "alternative",
): void {
  const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
  fixture(5, sender, `5.0 ${title}`, [firstByte, ...length, ...body], packet, form);
}

only5(
  "client",
  "CONNECT with every property",
  0x10,
  withProperties(
    [...str("MQTT"), 5, 0x06, 0, 60],
    [
      ...[0x11, 0xff, 0xff, 0xff, 0xff], // session expiry interval: never
      ...[0x15, ...str("m")], // authentication method
      ...[0x16, 0, 1, 9], // authentication data
      ...[0x17, 0], // request problem information
      ...[0x19, 1], // request response information
      ...[0x21, 0, 20], // receive maximum
      ...[0x22, 0, 10], // topic alias maximum
      ...[0x26, ...str("k"), ...str("1")], // user property
      ...[0x26, ...str("k"), ...str("2")],
      ...[0x27, 0, 1, 0, 0], // maximum packet size
    ],
    withProperties(
      str("c"),
      [
        ...[0x01, 1], // payload format indicator
        ...[0x02, 0, 0, 0, 60], // message expiry interval
        ...[0x03, ...str("t")], // content type
        ...[0x08, ...str("r")], // response topic
        ...[0x09, 0, 2, 1, 2], // correlation data
        ...[0x18, 0, 0, 0, 5], // will delay interval
        ...[0x26, ...str(""), ...str("")], // user property
      ],
      [...str("w"), 0, 0],
    ),
  ),
  {
    type: "connect",
    protocolLevel: 5,
    cleanStart: true,
    keepAliveSeconds: 60,
    mqttClientId: "c",
    will: {
      topicName: name("w"),
      payload: new Uint8Array(0),
      qos: 0,
      retain: false,
      properties: {
        payloadFormatIndicator: 1,
        messageExpiryInterval: 60,
        contentType: "t",
        responseTopic: name("r"),
        correlationData: Uint8Array.of(1, 2),
        willDelayInterval: 5,
        userProperties: [["", ""]],
      },
    },
    properties: {
      sessionExpiryInterval: 0xffff_ffff,
      authenticationMethod: "m",
      authenticationData: Uint8Array.of(9),
      requestProblemInformation: 0,
      requestResponseInformation: 1,
      receiveMaximum: 20,
      topicAliasMaximum: 10,
      userProperties: [
        ["k", "1"],
        ["k", "2"],
      ],
      maximumPacketSize: 65_536,
    },
  },
);
only5(
  "client",
  "CONNECT with a password and no user name",
  0x10,
  [...str("MQTT"), 5, 0x40, 0, 0, 0, ...str("c"), 0, 1, 7],
  {
    type: "connect",
    protocolLevel: 5,
    cleanStart: false,
    keepAliveSeconds: 0,
    mqttClientId: "c",
    password: Uint8Array.of(7),
  },
);
only5(
  "server",
  "CONNACK with every property",
  0x20,
  withProperties(
    [0, 0],
    [
      ...[0x11, 0, 0, 0, 0], // session expiry interval
      ...[0x12, ...str("id")], // assigned client identifier
      ...[0x13, 0, 30], // server keep alive
      ...[0x15, ...str("m")], // authentication method
      ...[0x16, 0, 0], // authentication data
      ...[0x1a, ...str("r")], // response information
      ...[0x1c, ...str("s")], // server reference
      ...[0x1f, ...str("why")], // reason string
      ...[0x21, 0xff, 0xff], // receive maximum
      ...[0x22, 0, 0], // topic alias maximum
      ...[0x24, 1], // maximum QoS
      ...[0x25, 0], // retain available
      ...[0x26, ...str("k"), ...str("v")], // user property
      ...[0x27, 0, 4, 0, 0], // maximum packet size
      ...[0x28, 0], // wildcard subscription available
      ...[0x29, 0], // subscription identifier available
      ...[0x2a, 0], // shared subscription available
    ],
  ),
  {
    type: "connack",
    sessionPresent: false,
    reasonCode: 0,
    properties: {
      sessionExpiryInterval: 0,
      assignedClientIdentifier: "id",
      serverKeepAlive: 30,
      authenticationMethod: "m",
      authenticationData: new Uint8Array(0),
      responseInformation: "r",
      serverReference: "s",
      reasonString: "why",
      receiveMaximum: 65_535,
      topicAliasMaximum: 0,
      maximumQoS: 1,
      retainAvailable: 0,
      userProperties: [["k", "v"]],
      maximumPacketSize: 262_144,
      wildcardSubscriptionAvailable: 0,
      subscriptionIdentifierAvailable: 0,
      sharedSubscriptionAvailable: 0,
    },
  },
);
only5("client", "PUBLISH by alias", 0x30, withProperties(str(""), [0x23, 0, 1], [1, 2, 3]), {
  type: "publish",
  topicName: name(""),
  payload: Uint8Array.of(1, 2, 3),
  qos: 0,
  retain: false,
  dup: false,
  properties: { topicAlias: 1 },
});
only5(
  "server",
  "PUBLISH with two subscription identifiers",
  0x30,
  withProperties(str("a"), [0x0b, 0x01, 0x0b, 0xff, 0xff, 0xff, 0x7f], [9]),
  {
    type: "publish",
    topicName: name("a"),
    payload: Uint8Array.of(9),
    qos: 0,
    retain: false,
    dup: false,
    properties: { subscriptionIdentifiers: [1, 268_435_455] },
  },
);
only5(
  "client",
  "SUBSCRIBE with options and an identifier",
  0x82,
  withProperties([0, 1], [0x0b, 0x80, 0x01], [...str("a"), 0b0010_1101]),
  {
    type: "subscribe",
    packetId: 1,
    subscriptions: [
      { topicFilter: filter("a"), qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 },
    ],
    properties: { subscriptionIdentifiers: [128] },
  },
);

const reason: Properties = { reasonString: "no", userProperties: [["a", "b"]] };
const reasonBytes = [0x1f, ...str("no"), 0x26, ...str("a"), ...str("b")];
for (const [type, firstByte, code] of [
  ["puback", 0x40, 0x97],
  ["pubrec", 0x50, 0x10],
  ["pubrel", 0x62, 0x92],
  ["pubcomp", 0x70, 0x92],
] as const) {
  only5("server", `${type} with a reason`, firstByte, [0, 9, code], { type, packetId: 9, reasonCode: code });
  only5("client", `${type} with properties`, firstByte, withProperties([0, 9, code], reasonBytes), {
    type,
    packetId: 9,
    reasonCode: code,
    properties: reason,
  });
  const long = [0, 9, 0, 0];
  only5("client", `${type}, long form`, firstByte, long, { type, packetId: 9, reasonCode: 0 }, "alternative");
}
only5("server", "SUBACK with properties", 0x90, withProperties([0, 9], reasonBytes, [0x8f, 0xa2]), {
  type: "suback",
  packetId: 9,
  reasonCodes: [0x8f, 0xa2],
  properties: reason,
});
only5("client", "DISCONNECT with will", 0xe0, [0x04], { type: "disconnect", reasonCode: 4 });
only5("client", "DISCONNECT with a session expiry interval", 0xe0, withProperties([0], [0x11, 0, 0, 0, 9]), {
  type: "disconnect",
  reasonCode: 0,
  properties: { sessionExpiryInterval: 9 },
});
only5("server", "DISCONNECT, session taken over", 0xe0, withProperties([0x8e], [0x1c, ...str("s")]), {
  type: "disconnect",
  reasonCode: 0x8e,
  properties: { serverReference: "s" },
});
only5("client", "AUTH, re-authenticate", 0xf0, withProperties([0x19], [0x15, ...str("m"), 0x16, 0, 1, 1]), {
  type: "auth",
  reasonCode: 0x19,
  properties: { authenticationMethod: "m", authenticationData: Uint8Array.of(1) },
});
only5("server", "AUTH, success", 0xf0, [], { type: "auth", reasonCode: 0 });

/** Every packet and every property, at every level that has it. */
export const packetFixtures: readonly PacketFixture[] = list;
