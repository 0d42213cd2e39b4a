import { malformed, protocolError } from "./mqtt-error.ts";
import type {
  Packet,
  Properties,
  ProtocolLevel,
  Puback,
  Publish,
  QoS,
  SubscribeRequest,
  TopicFilter,
  TopicName,
} from "./packet.ts";
import type { PacketReader } from "./packet-reader.ts";
import { readProperties } from "./properties.ts";
import { connectReturnCode, isReasonCodeAllowed, reasonCode, type Sender } from "./reason-code.ts";
import { isShared, isTopicFilter, parseSharedFilter } from "./topic.ts";
import type { TopicNames } from "./topic-names.ts";

/** What is known about a stream of packets when one of them is decoded. */
export interface Context {
  readonly sender: Sender;
  readonly protocolLevel: ProtocolLevel;
  readonly topicNames: TopicNames;
}

/**
 * Decodes the body of one whole packet whose first byte `checkFirstByte` has accepted. CONNECT has a function
 * of its own, for it decides the level.
 *
 * @param reader stands behind the fixed header; its end is the end of the packet.
 * @throws CodedError `MALFORMED_PACKET` or `PROTOCOL_ERROR`.
 */
export function decodeBody(firstByte: number, reader: PacketReader, context: Context): Packet {
  const packet = decodeByType(firstByte, reader, context);
  if (reader.remaining > 0) throw malformed(`${packet.type}: bytes behind its last field`);
  return packet;
}

function decodeByType(firstByte: number, reader: PacketReader, context: Context): Packet {
  switch (firstByte >> 4) {
    case 2:
      return decodeConnack(reader, context);
    case 3:
      return decodePublish(firstByte, reader, context);
    case 4:
      return decodeAcknowledgement("puback", reader, context);
    case 5:
      return decodeAcknowledgement("pubrec", reader, context);
    case 6:
      return decodeAcknowledgement("pubrel", reader, context);
    case 7:
      return decodeAcknowledgement("pubcomp", reader, context);
    case 8:
      return decodeSubscribe(reader, context);
    case 9:
      return decodeSuback(reader, context);
    case 10:
      return decodeUnsubscribe(reader, context);
    case 11:
      return decodeUnsuback(reader, context);
    case 12:
      return { type: "pingreq" };
    case 13:
      return { type: "pingresp" };
    case 14:
      return decodeDisconnect(reader, context);
    case 15:
      return decodeAuth(reader, context);
    default:
      throw malformed("fixed header: no such packet type");
  }
}

/** §3.3: the hot path, so it reads the bytes itself and makes one object and one view. */
function decodePublish(firstByte: number, reader: PacketReader, context: Context): Publish {
  const qos = asQoS((firstByte >> 1) & 3); // 3 was refused with the first byte
  const retain = (firstByte & 1) === 1;
  const dup = (firstByte & 8) === 8;
  const topicName = readTopicName(reader, context);
  if (qos === 0) {
    if (context.protocolLevel !== 5) {
      return { type: "publish", topicName, payload: reader.rest(), qos, retain, dup };
    }
    const properties = readProperties(reader, "publish", context.sender);
    requireTopic(topicName, properties);
    const payload = reader.rest();
    return properties === undefined
      ? { type: "publish", topicName, payload, qos, retain, dup }
      : { type: "publish", topicName, payload, qos, retain, dup, properties };
  }
  const packetId = readPacketId(reader);
  if (context.protocolLevel !== 5) {
    return { type: "publish", topicName, payload: reader.rest(), qos, retain, dup, packetId };
  }
  const properties = readProperties(reader, "publish", context.sender);
  requireTopic(topicName, properties);
  const payload = reader.rest();
  return properties === undefined
    ? { type: "publish", topicName, payload, qos, retain, dup, packetId }
    : { type: "publish", topicName, payload, qos, retain, dup, packetId, properties };
}

/** [MQTT-3.3.2-1] [MQTT-3.1.1:3.3.2-1] The first field, a UTF-8 string. */
function readTopicName(reader: PacketReader, context: Context): TopicName {
  const length = reader.uint16();
  const start = reader.offset;
  if (length > reader.remaining) throw malformed("topic name: beyond the remaining length");
  reader.offset = start + length;
  // An alias may stand for the name in 5.0 (§3.3.2.3.4); whether one is there is checked with the properties.
  if (length === 0 && context.protocolLevel === 5) return "" as TopicName;
  return context.topicNames.decode(reader.bytes, start, start + length);
}

function requireTopic(topicName: TopicName, properties: Properties | undefined): void {
  if (topicName === "" && properties?.topicAlias === undefined) {
    throw protocolError("PUBLISH: neither a topic name nor a topic alias");
  }
}

/**
 * The specification names no code for a packet identifier of 0; what brokers in use answer is 0x81 to a request and
 * 0x82 to all else (docs/decisions/010).
 */
function readPacketId(reader: PacketReader, refuse: typeof malformed = protocolError): number {
  const packetId = reader.uint16();
  // [MQTT-2.2.1-3] [MQTT-2.2.1-4] [MQTT-3.1.1:2.3.1-1] never 0
  if (packetId === 0) throw refuse("packet identifier: zero");
  return packetId;
}

function requireReason(
  type: Parameters<typeof isReasonCodeAllowed>[0],
  code: number,
  sender: Sender,
): number {
  if (!isReasonCodeAllowed(type, code, sender))
    throw protocolError(`${type}: a reason code that it cannot have`);
  return code;
}

/** §3.4..§3.7. In 5.0 the reason code and then the properties may be missing at the end. */
function decodeAcknowledgement(type: Puback["type"], reader: PacketReader, context: Context): Puback {
  const packetId = readPacketId(reader);
  if (context.protocolLevel !== 5 || reader.remaining === 0) {
    return { type, packetId, reasonCode: reasonCode.success };
  }
  // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] one of the packet's own codes
  const code = requireReason(type, reader.byte(), context.sender);
  const properties = reader.remaining === 0 ? undefined : readProperties(reader, type, context.sender);
  return properties === undefined
    ? { type, packetId, reasonCode: code }
    : { type, packetId, reasonCode: code, properties };
}

function decodeSubscribe(reader: PacketReader, context: Context): Packet {
  const packetId = readPacketId(reader, malformed);
  const isVersion5 = context.protocolLevel === 5;
  const properties = isVersion5 ? readProperties(reader, "subscribe", context.sender) : undefined;
  const subscriptions: SubscribeRequest[] = [];
  while (reader.remaining > 0) {
    const topicFilter = readTopicFilter(reader, isVersion5);
    subscriptions.push(decodeOptions(topicFilter, reader.byte(), isVersion5));
  }
  // [MQTT-3.8.3-2] [MQTT-3.1.1:3.8.3-3] at least one topic filter
  if (subscriptions.length === 0) throw protocolError("SUBSCRIBE: no topic filter");
  return properties === undefined
    ? { type: "subscribe", packetId, subscriptions }
    : { type: "subscribe", packetId, subscriptions, properties };
}

function readTopicFilter(reader: PacketReader, isVersion5: boolean): TopicFilter {
  // [MQTT-3.8.3-1] [MQTT-3.10.3-1] [MQTT-3.1.1:3.8.3-1] [MQTT-3.1.1:3.10.3-1] a UTF-8 string
  const text = reader.string();
  // [MQTT-4.7.3-1] [MQTT-3.1.1:4.7.3-1] at least one character
  if (!isTopicFilter(text))
    throw malformed("topic filter: empty, or a wildcard that does not fill its level");
  // [MQTT-4.8.2-1] [MQTT-4.8.2-2] the form of a shared subscription
  if (isVersion5 && isShared(text) && parseSharedFilter(text) === undefined) {
    throw malformed("topic filter: not a well-formed shared subscription");
  }
  return text;
}

/** §3.8.3.1. */
function decodeOptions(topicFilter: TopicFilter, options: number, isVersion5: boolean): SubscribeRequest {
  const qos = options & 3;
  // [MQTT-3.1.1:3.8.3-4] (and 5.0 §3.8.3.1) QoS 3
  if (qos === 3) throw isVersion5 ? protocolError("SUBSCRIBE: QoS 3") : malformed("SUBSCRIBE: QoS 3");
  if (!isVersion5) {
    // [MQTT-3.1.1:3.8.3-4] the upper six bits are zero
    if (options > 2) throw malformed("SUBSCRIBE: reserved bits of the requested QoS");
    return { topicFilter, qos: asQoS(qos), noLocal: false, retainAsPublished: false, retainHandling: 0 };
  }
  // [MQTT-3.8.3-5] the reserved bits are zero
  if (options > 0x3f) throw malformed("SUBSCRIBE: reserved bits of the subscription options");
  const retainHandling = options >> 4;
  if (retainHandling === 3) throw protocolError("SUBSCRIBE: retain handling 3");
  const noLocal = (options & 0x04) !== 0;
  // [MQTT-3.8.3-4] No Local on a shared subscription is a protocol error
  if (noLocal && isShared(topicFilter)) throw protocolError("SUBSCRIBE: No Local on a shared subscription");
  return {
    topicFilter,
    qos: asQoS(qos),
    noLocal,
    retainAsPublished: (options & 0x08) !== 0,
    retainHandling: asQoS(retainHandling),
  };
}

/** 0, 1 or 2; the caller has refused 3. */
export function asQoS(value: number): QoS {
  return value === 2 ? 2 : value === 1 ? 1 : 0;
}

function decodeUnsubscribe(reader: PacketReader, context: Context): Packet {
  const packetId = readPacketId(reader, malformed);
  const isVersion5 = context.protocolLevel === 5;
  const properties = isVersion5 ? readProperties(reader, "unsubscribe", context.sender) : undefined;
  const topicFilters: TopicFilter[] = [];
  while (reader.remaining > 0) topicFilters.push(readTopicFilter(reader, isVersion5));
  // [MQTT-3.10.3-2] [MQTT-3.1.1:3.10.3-2] at least one topic filter
  if (topicFilters.length === 0) throw protocolError("UNSUBSCRIBE: no topic filter");
  return properties === undefined
    ? { type: "unsubscribe", packetId, topicFilters }
    : { type: "unsubscribe", packetId, topicFilters, properties };
}

function decodeSuback(reader: PacketReader, context: Context): Packet {
  const packetId = readPacketId(reader);
  const isVersion5 = context.protocolLevel === 5;
  const properties = isVersion5 ? readProperties(reader, "suback", context.sender) : undefined;
  const reasonCodes = [...reader.rest()];
  if (reasonCodes.length === 0) throw protocolError("SUBACK: no reason code");
  for (const code of reasonCodes) {
    // [MQTT-3.9.3-2] one of the listed codes
    if (isVersion5) requireReason("suback", code, context.sender);
    // [MQTT-3.1.1:3.9.3-2] 0x00, 0x01, 0x02 and 0x80
    else if (code > 2 && code !== 0x80) throw malformed("SUBACK: a reserved return code");
  }
  return properties === undefined
    ? { type: "suback", packetId, reasonCodes }
    : { type: "suback", packetId, reasonCodes, properties };
}

function decodeUnsuback(reader: PacketReader, context: Context): Packet {
  const packetId = readPacketId(reader);
  if (context.protocolLevel !== 5) return { type: "unsuback", packetId, reasonCodes: [] };
  const properties = readProperties(reader, "unsuback", context.sender);
  const reasonCodes = [...reader.rest()];
  if (reasonCodes.length === 0) throw protocolError("UNSUBACK: no reason code");
  // [MQTT-3.11.3-2] one of the listed codes
  for (const code of reasonCodes) requireReason("unsuback", code, context.sender);
  return properties === undefined
    ? { type: "unsuback", packetId, reasonCodes }
    : { type: "unsuback", packetId, reasonCodes, properties };
}

function decodeDisconnect(reader: PacketReader, context: Context): Packet {
  if (context.protocolLevel !== 5 || reader.remaining === 0) {
    return { type: "disconnect", reasonCode: reasonCode.normalDisconnection };
  }
  // [MQTT-3.14.2-1] one of the listed codes
  const code = requireReason("disconnect", reader.byte(), context.sender);
  const properties =
    reader.remaining === 0 ? undefined : readProperties(reader, "disconnect", context.sender);
  return properties === undefined
    ? { type: "disconnect", reasonCode: code }
    : { type: "disconnect", reasonCode: code, properties };
}

function decodeAuth(reader: PacketReader, context: Context): Packet {
  if (reader.remaining === 0) return { type: "auth", reasonCode: reasonCode.success };
  // [MQTT-3.15.2-1] one of the listed codes
  const code = requireReason("auth", reader.byte(), context.sender);
  const properties = readProperties(reader, "auth", context.sender);
  if (properties?.authenticationMethod === undefined) throw protocolError("AUTH: no authentication method");
  return { type: "auth", reasonCode: code, properties };
}

function decodeConnack(reader: PacketReader, context: Context): Packet {
  const flags = reader.byte();
  const code = reader.byte();
  const isVersion5 = context.protocolLevel === 5;
  // [MQTT-3.2.2-1] bits 7 to 1 are reserved; 3.1 reserves the whole byte and says nothing about its value
  if (flags > 1 && context.protocolLevel !== 3) throw malformed("CONNACK: reserved acknowledge flags");
  const sessionPresent = flags === 1 && context.protocolLevel !== 3;
  // [MQTT-3.2.2-8] one of the listed codes
  if (isVersion5) requireReason("connack", code, context.sender);
  else if (code > connectReturnCode.notAuthorized) throw malformed("CONNACK: a reserved return code");
  // [MQTT-3.2.2-6] [MQTT-3.1.1:3.2.2-4] no session beside a refusal
  if (sessionPresent && code !== 0) throw protocolError("CONNACK: session present beside a refusal");
  const properties = isVersion5 ? readProperties(reader, "connack", context.sender) : undefined;
  return properties === undefined
    ? { type: "connack", sessionPresent, reasonCode: code }
    : { type: "connack", sessionPresent, reasonCode: code, properties };
}
