import { malformed } from "./mqtt-error.ts";
import type {
  Connack,
  Connect,
  Packet,
  Properties,
  ProtocolLevel,
  Puback,
  Publish,
  Suback,
  Subscribe,
  TopicName,
  Unsuback,
  Unsubscribe,
} from "./packet.ts";
import { PacketWriter } from "./packet-writer.ts";
import { writeProperties } from "./properties.ts";
import { connackCode, reasonCode } from "./reason-code.ts";
import { allocate } from "./slab.ts";
import { encodeUtf8, utf8Length, writeUtf8 } from "./utf8.ts";
import { variableByteIntegerLength, writeVariableByteInteger } from "./variable-byte-integer.ts";

const shared = new PacketWriter();
const frame = new PacketWriter();

/**
 * Encodes one packet for a protocol level. The result may be a view into a larger buffer. What the level does not have is left out: properties and reason
 * codes below 5.0; a CONNACK's reason code becomes the nearest return code.
 *
 * @throws CodedError `MALFORMED_PACKET` if a field cannot be written: a string with NUL or a lone surrogate, a
 * field above 65,535 bytes, AUTH below 5.0.
 */
export function encode(packet: Packet, protocolLevel: ProtocolLevel): Uint8Array<ArrayBuffer> {
  if (packet.type === "publish") return encodePublish(packet, protocolLevel);
  if ("packetId" in packet && "reasonCode" in packet && isShort(packet, protocolLevel)) {
    const id = checkedPacketId(packet.packetId);
    return Uint8Array.of(firstByteOf[packet.type], 2, id >>> 8, id);
  }
  shared.truncate(0); // an earlier packet may have thrown halfway
  writePacket(shared, packet, protocolLevel);
  return shared.take();
}

/**
 * Like `encode`, but keeps to the receiver's Maximum Packet Size: user properties and then the reason string
 * are left out if that helps.
 *
 * @returns `undefined` if the packet is still too large: it must not be sent at all.
 * @see MQTT 5.0 §3.1.2.11.4
 */
export function encodeWithin(
  packet: Packet,
  protocolLevel: ProtocolLevel,
  maximumPacketSize: number,
): Uint8Array<ArrayBuffer> | undefined {
  const bytes = encode(packet, protocolLevel);
  if (bytes.length <= maximumPacketSize) return bytes;
  // [MQTT-3.1.2-24] never more than the receiver takes
  // [MQTT-3.3.2-17] a PUBLISH keeps its user properties, so it is sent whole or not at all
  if (protocolLevel !== 5 || !("properties" in packet) || packet.properties === undefined) return undefined;
  if (packet.type === "publish" || packet.type === "connect") return undefined;
  // [MQTT-3.2.2-20] [MQTT-3.4.2-3] [MQTT-3.5.2-3] [MQTT-3.6.2-3] [MQTT-3.7.2-3] [MQTT-3.9.2-2] [MQTT-3.11.2-2]
  // [MQTT-3.14.2-4] [MQTT-3.15.2-3] user properties make no packet larger than the maximum
  const { userProperties: _, ...withoutUserProperties } = packet.properties;
  const second = encode({ ...packet, properties: withoutUserProperties }, protocolLevel);
  if (second.length <= maximumPacketSize) return second;
  // [MQTT-3.2.2-19] [MQTT-3.4.2-2] [MQTT-3.5.2-2] [MQTT-3.6.2-2] [MQTT-3.7.2-2] [MQTT-3.9.2-1] [MQTT-3.11.2-1]
  // [MQTT-3.14.2-3] [MQTT-3.15.2-2] nor does a reason string
  const { reasonString: __, ...withoutReason } = withoutUserProperties;
  const third = encode({ ...packet, properties: withoutReason }, protocolLevel);
  return third.length <= maximumPacketSize ? third : undefined;
}

/** Encodes packets back to back into one frame: one send, one system call, for all that leaves in a turn. */
export function encodeAll(packets: readonly Packet[], protocolLevel: ProtocolLevel): Uint8Array<ArrayBuffer> {
  frame.truncate(0);
  for (const packet of packets) frame.raw(encode(packet, protocolLevel));
  return frame.take();
}

/** Whether an acknowledgement is its packet identifier and no more: one for each message, so it has a fast path. */
function isShort(packet: Puback, protocolLevel: ProtocolLevel): boolean {
  return protocolLevel !== 5 || (packet.reasonCode === reasonCode.success && packet.properties === undefined);
}

/** @returns a topic name's bytes for `encodePublishQoS0`, to be kept beside the topic. */
export function encodeTopicName(topicName: TopicName): Uint8Array {
  return encodeUtf8(topicName);
}

/** @returns a property list with its length, for `encodePublishQoS0`. */
export function encodeProperties(list: Properties | undefined): Uint8Array<ArrayBuffer> {
  shared.truncate(0);
  writeProperties(shared, list);
  return shared.take();
}

const noProperties = Uint8Array.of(0);

/**
 * The fast path: one QoS 0 PUBLISH, one allocation, no string work.
 *
 * @param topicName what `encodeTopicName` returned.
 * @param propertyList what `encodeProperties` returned; ignored below 5.0.
 */
export function encodePublishQoS0(
  topicName: Uint8Array,
  payload: Uint8Array,
  retain: boolean,
  protocolLevel: ProtocolLevel,
  propertyList: Uint8Array = noProperties,
): Uint8Array<ArrayBuffer> {
  const propertyBytes = protocolLevel === 5 ? propertyList.length : 0;
  const bytes = newPacket(retain ? 0x31 : 0x30, 2 + topicName.length + propertyBytes + payload.length);
  let offset = bytes.length - payload.length - propertyBytes - topicName.length - 2;
  bytes[offset++] = topicName.length >>> 8;
  bytes[offset++] = topicName.length;
  bytes.set(topicName, offset);
  offset += topicName.length;
  if (propertyBytes > 1) bytes.set(propertyList, offset);
  bytes.set(payload, offset + propertyBytes);
  return bytes;
}

/** A packet of exactly its size, its fixed header written and the rest zero. */
function newPacket(firstByte: number, remainingLength: number): Uint8Array<ArrayBuffer> {
  const bytes = allocate(1 + variableByteIntegerLength(remainingLength) + remainingLength);
  bytes[0] = firstByte;
  writeVariableByteInteger(remainingLength, bytes, 1);
  return bytes;
}

function encodePublish(packet: Publish, protocolLevel: ProtocolLevel): Uint8Array<ArrayBuffer> {
  const { topicName, payload, qos, retain, dup, packetId } = packet;
  const topicBytes = utf8Length(topicName);
  const list = protocolLevel === 5 && packet.properties ? encodeProperties(packet.properties) : noProperties;
  const propertyBytes = protocolLevel === 5 ? list.length : 0;
  const bodyBytes = 2 + topicBytes + (qos > 0 ? 2 : 0) + propertyBytes + payload.length;
  const bytes = newPacket(0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0), bodyBytes);
  let offset = bytes.length - bodyBytes;
  bytes[offset++] = topicBytes >>> 8;
  bytes[offset++] = topicBytes;
  offset = writeUtf8(topicName, topicBytes, bytes, offset);
  if (qos > 0) {
    const id = checkedPacketId(packetId);
    bytes[offset++] = id >>> 8;
    bytes[offset++] = id;
  }
  if (propertyBytes > 1) bytes.set(list, offset);
  bytes.set(payload, offset + propertyBytes);
  return bytes;
}

/** [MQTT-2.2.1-3] [MQTT-2.2.1-4] [MQTT-3.1.1:2.3.1-1] a packet identifier is there, and is not zero. */
function checkedPacketId(packetId: number | undefined): number {
  if (packetId === undefined || packetId < 1 || packetId > 0xffff)
    throw malformed("packet identifier: not 1..65,535");
  return packetId;
}

function writePacket(writer: PacketWriter, packet: Exclude<Packet, Publish>, level: ProtocolLevel): void {
  writer.byte(firstByteOf[packet.type]);
  writer.withLength(() => writeBody(writer, packet, level));
}

/** Type and flags: [MQTT-2.1.3-1] [MQTT-3.1.1:2.2.2-1] the reserved flags have the value of the table. */
const firstByteOf: Record<Exclude<Packet["type"], "publish">, number> = {
  connect: 0x10,
  connack: 0x20,
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
  subscribe: 0x82,
  suback: 0x90,
  unsubscribe: 0xa2,
  unsuback: 0xb0,
  pingreq: 0xc0,
  pingresp: 0xd0,
  disconnect: 0xe0,
  auth: 0xf0,
};

function writeBody(writer: PacketWriter, packet: Exclude<Packet, Publish>, level: ProtocolLevel): void {
  switch (packet.type) {
    case "connect":
      writeConnect(writer, packet);
      break;
    case "connack":
      writeConnack(writer, packet, level);
      break;
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      writer.uint16(checkedPacketId(packet.packetId));
      if (level === 5) writeReason(writer, packet.reasonCode, packet.properties);
      break;
    case "subscribe":
      writeSubscribe(writer, packet, level === 5);
      break;
    case "unsubscribe":
      writeUnsubscribe(writer, packet, level === 5);
      break;
    case "suback":
    case "unsuback":
      writeReasonCodes(writer, packet, level === 5);
      break;
    case "disconnect":
      if (level === 5) writeReason(writer, packet.reasonCode, packet.properties);
      break;
    case "auth":
      if (level !== 5) throw malformed("AUTH: not a packet of this protocol level");
      // §3.15.2.1 shortens only the packet that says nothing; there is no form with a code alone
      if (packet.reasonCode === reasonCode.success && packet.properties === undefined) break;
      writer.byte(packet.reasonCode);
      writeProperties(writer, packet.properties);
      break;
    case "pingreq":
    case "pingresp":
      break;
  }
}

/** A reason code of 0 without properties is left out: the shortest form of §3.4.2.1 and §3.14.2.1. */
function writeReason(writer: PacketWriter, reason: number, list: Properties | undefined): void {
  if (list !== undefined) {
    writer.byte(reason);
    writeProperties(writer, list);
  } else if (reason !== reasonCode.success) {
    writer.byte(reason);
  }
}

function writeConnect(writer: PacketWriter, packet: Connect): void {
  const { protocolLevel, will, userName, password } = packet;
  // [MQTT-3.1.1:3.1.2-22] no password without a user name
  if (protocolLevel !== 5 && password !== undefined && userName === undefined) {
    throw malformed("CONNECT: a password without a user name");
  }
  writer.string(protocolLevel === 3 ? "MQIsdp" : "MQTT");
  writer.byte(protocolLevel);
  writer.byte(
    (userName === undefined ? 0 : 0x80) |
      (password === undefined ? 0 : 0x40) |
      (will === undefined ? 0 : (will.retain ? 0x20 : 0) | (will.qos << 3) | 0x04) |
      (packet.cleanStart ? 0x02 : 0),
  );
  writer.uint16(packet.keepAliveSeconds);
  if (protocolLevel === 5) writeProperties(writer, packet.properties);
  // [MQTT-3.1.3-1] [MQTT-3.1.1:3.1.3-1] client id, will, user name, password, in this order
  writer.string(packet.mqttClientId);
  if (will !== undefined) {
    if (protocolLevel === 5) writeProperties(writer, will.properties);
    writer.string(will.topicName);
    writer.binary(will.payload);
  }
  if (userName !== undefined) writer.string(userName);
  if (password !== undefined) writer.binary(password);
}

function writeConnack(writer: PacketWriter, packet: Connack, protocolLevel: ProtocolLevel): void {
  const code = connackCode(packet.reasonCode, protocolLevel);
  // [MQTT-3.2.2-6] [MQTT-3.1.1:3.2.2-4] no session with a refusal; 3.1 has no such flag (its byte is reserved)
  const sessionPresent = packet.sessionPresent && code === 0 && protocolLevel !== 3;
  // [MQTT-3.2.2-1] the upper seven bits are 0
  writer.byte(sessionPresent ? 1 : 0);
  writer.byte(code);
  if (protocolLevel === 5) writeProperties(writer, packet.properties);
}

function writeSubscribe(writer: PacketWriter, packet: Subscribe, isVersion5: boolean): void {
  writer.uint16(checkedPacketId(packet.packetId));
  if (isVersion5) writeProperties(writer, packet.properties);
  // [MQTT-3.8.3-2] [MQTT-3.1.1:3.8.3-3] at least one
  if (packet.subscriptions.length === 0) throw malformed("SUBSCRIBE: no topic filter");
  for (const request of packet.subscriptions) {
    writer.string(request.topicFilter);
    const options =
      (request.noLocal ? 0x04 : 0) | (request.retainAsPublished ? 0x08 : 0) | (request.retainHandling << 4);
    writer.byte(request.qos | (isVersion5 ? options : 0));
  }
}

function writeUnsubscribe(writer: PacketWriter, packet: Unsubscribe, isVersion5: boolean): void {
  writer.uint16(checkedPacketId(packet.packetId));
  if (isVersion5) writeProperties(writer, packet.properties);
  // [MQTT-3.10.3-2] [MQTT-3.1.1:3.10.3-2] at least one
  if (packet.topicFilters.length === 0) throw malformed("UNSUBSCRIBE: no topic filter");
  for (const topicFilter of packet.topicFilters) writer.string(topicFilter);
}

function writeReasonCodes(writer: PacketWriter, packet: Suback | Unsuback, isVersion5: boolean): void {
  writer.uint16(checkedPacketId(packet.packetId));
  if (isVersion5) writeProperties(writer, packet.properties);
  // 3.1.1 §3.11: an UNSUBACK has no payload
  else if (packet.type === "unsuback") return;
  // [MQTT-3.1.1:3.9.3-2] below 5.0 every refusal is 0x80
  for (const code of packet.reasonCodes) writer.byte(isVersion5 ? code : Math.min(code, 0x80));
}
