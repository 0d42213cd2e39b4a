import { MqttError, malformed } from "./mqtt-error.ts";
import type { Connect, ProtocolLevel, Will } from "./packet.ts";
import { asQoS } from "./packet-decoder.ts";
import type { PacketReader } from "./packet-reader.ts";
import { readProperties } from "./properties.ts";
import { isTopicName } from "./topic.ts";

/** The level a CONNECT asks for, and the one to answer in when that is not ours. */
export interface RequestedLevel {
  /** `undefined` when the protocol name is not MQTT's: then there is nothing to answer in. */
  readonly answerLevel: ProtocolLevel | undefined;
  readonly protocolLevel: ProtocolLevel | undefined;
}

/**
 * Reads the protocol name and level, which decide how the rest of a CONNECT (and any refusal) is written.
 *
 * @see MQTT 5.0 §3.1.2.1, §3.1.2.2; MQTT 3.1.1 §3.1.2.1, §3.1.2.2
 */
export function readRequestedLevel(reader: PacketReader): RequestedLevel {
  const name = reader.string();
  const level = reader.byte();
  if (name === "MQIsdp") return { answerLevel: 3, protocolLevel: level === 3 ? 3 : undefined };
  // [MQTT-3.1.2-1] [MQTT-3.1.1:3.1.2-1] another name is another protocol
  if (name !== "MQTT") return { answerLevel: undefined, protocolLevel: undefined };
  if (level === 4 || level === 5) return { answerLevel: level, protocolLevel: level };
  // [MQTT-3.1.2-2] [MQTT-3.1.1:3.1.2-2] a level we do not speak. The upper bit marks a bridge of Mosquitto's.
  return { answerLevel: (level & 0x7f) >= 5 ? 5 : 4, protocolLevel: undefined };
}

/**
 * Decodes what follows the level in a CONNECT.
 *
 * @throws CodedError `MALFORMED_PACKET` or `PROTOCOL_ERROR`.
 * @see MQTT 5.0 §3.1, MQTT 3.1.1 §3.1
 */
export function decodeConnect(reader: PacketReader, protocolLevel: ProtocolLevel): Connect {
  const flags = reader.byte();
  // [MQTT-3.1.2-3] [MQTT-3.1.1:3.1.2-3] the reserved flag is zero; 3.1 says "not used"
  if ((flags & 1) !== 0 && protocolLevel !== 3) throw malformed("CONNECT: reserved flag");
  const keepAliveSeconds = reader.uint16();
  const properties = protocolLevel === 5 ? readProperties(reader, "connect", "client") : undefined;
  // [MQTT-3.1.3-1] [MQTT-3.1.1:3.1.3-1] client id, will, user name, password, in this order
  // [MQTT-3.1.3-3] [MQTT-3.1.3-4] [MQTT-3.1.1:3.1.3-3] [MQTT-3.1.1:3.1.3-4] the client id is there, in UTF-8
  const mqttClientId = reader.string();
  const will = decodeWill(flags, reader, protocolLevel);
  const { userName, password } = decodeCredentials(flags, reader, protocolLevel);
  if (reader.remaining > 0) throw malformed("CONNECT: bytes behind its last field");
  return {
    type: "connect",
    protocolLevel,
    cleanStart: (flags & 0x02) !== 0,
    keepAliveSeconds,
    mqttClientId,
    ...(will === undefined ? {} : { will }),
    ...(userName === undefined ? {} : { userName }),
    ...(password === undefined ? {} : { password }),
    ...(properties === undefined ? {} : { properties }),
  };
}

function decodeWill(flags: number, reader: PacketReader, protocolLevel: ProtocolLevel): Will | undefined {
  const qos = (flags >> 3) & 3;
  const retain = (flags & 0x20) !== 0;
  if ((flags & 0x04) === 0) {
    // [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT-3.1.1:3.1.2-13] [MQTT-3.1.1:3.1.2-15] no will: its QoS and retain are 0
    if (qos !== 0 || retain) throw malformed("CONNECT: will QoS or will retain without a will");
    return undefined;
  }
  // [MQTT-3.1.2-12] [MQTT-3.1.1:3.1.2-14] not 3
  if (qos === 3) throw malformed("CONNECT: will QoS 3");
  // [MQTT-3.1.2-9] [MQTT-3.1.1:3.1.2-9] the flag says that the fields are there
  const properties = protocolLevel === 5 ? readProperties(reader, "will", "client") : undefined;
  // [MQTT-3.1.3-11] [MQTT-3.1.1:3.1.3-10] a UTF-8 string
  const topicName = reader.string();
  if (!isTopicName(topicName)) throw malformed("CONNECT: the will topic is not a topic name");
  const will = { topicName, payload: reader.binary(), qos: asQoS(qos), retain };
  return properties === undefined ? will : { ...will, properties };
}

function decodeCredentials(
  flags: number,
  reader: PacketReader,
  protocolLevel: ProtocolLevel,
): { userName: string | undefined; password: Uint8Array | undefined } {
  const hasUserName = (flags & 0x80) !== 0;
  const hasPassword = (flags & 0x40) !== 0;
  // [MQTT-3.1.1:3.1.2-22] no password without a user name; 5.0 allows it
  if (hasPassword && !hasUserName && protocolLevel !== 5)
    throw malformed("CONNECT: a password without a user name");
  // 3.1 tells servers to accept a packet that ends before the fields its flags promise (MQTT 3.1 §3.1)
  const mayEndEarly = protocolLevel === 3;
  // [MQTT-3.1.2-17] [MQTT-3.1.3-12] [MQTT-3.1.1:3.1.2-19] [MQTT-3.1.1:3.1.3-11] there if the flag says so, in UTF-8
  const userName = hasUserName && !(mayEndEarly && reader.remaining === 0) ? reader.string() : undefined;
  // [MQTT-3.1.2-19] [MQTT-3.1.1:3.1.2-21] the same for the password, which is binary
  const password = hasPassword && !(mayEndEarly && reader.remaining === 0) ? reader.binary() : undefined;
  return { userName, password };
}

/** An unsupported level as an error: 0x84 in 5.0, return code 0x01 below. */
export function unsupportedLevel(): MqttError {
  return new MqttError("UNSUPPORTED_PROTOCOL_VERSION", "CONNECT: protocol name or level");
}
