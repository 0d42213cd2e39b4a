import { malformed, protocolError } from "./mqtt-error.ts";
import type { Packet, Properties, UserProperty } from "./packet.ts";
import type { PacketReader } from "./packet-reader.ts";
import type { PacketWriter } from "./packet-writer.ts";
import { reasonCode, type Sender } from "./reason-code.ts";
import { isTopicName } from "./topic.ts";

/** Where a property list can stand: the packet's type, or the will inside a CONNECT. */
export type PropertyHolder = Exclude<Packet["type"], "pingreq" | "pingresp"> | "will";

type PropertyType = "byte" | "uint16" | "uint32" | "variable" | "string" | "binary" | "pair";

interface Property {
  readonly id: number;
  readonly name: keyof Properties;
  readonly type: PropertyType;
  readonly holders: ReadonlySet<PropertyHolder>;
  /** Largest value, where it is smaller than what the type holds. */
  readonly maximum?: number;
  /** 0 is a protocol error. */
  readonly isNonZero?: true;
}

// biome-ignore format: a list of packets reads better packed
const acknowledgements: readonly PropertyHolder[] = [
  "connack", "puback", "pubrec", "pubrel", "pubcomp", "suback", "unsuback", "disconnect", "auth",
];
const everywhere: readonly PropertyHolder[] = [
  ...acknowledgements,
  "connect",
  "will",
  "publish",
  "subscribe",
  "unsubscribe",
];

/**
 * The table of MQTT 5.0 §2.2.2.2: identifier, name, type, where it may stand.
 * A user property, and a PUBLISH's subscription identifier, may be there several times; the rest once.
 */
export const properties: readonly Property[] = [
  row(0x01, "payloadFormatIndicator", "byte", ["publish", "will"], { maximum: 1 }),
  row(0x02, "messageExpiryInterval", "uint32", ["publish", "will"]),
  row(0x03, "contentType", "string", ["publish", "will"]),
  row(0x08, "responseTopic", "string", ["publish", "will"]),
  row(0x09, "correlationData", "binary", ["publish", "will"]),
  row(0x0b, "subscriptionIdentifiers", "variable", ["publish", "subscribe"], { isNonZero: true }),
  row(0x11, "sessionExpiryInterval", "uint32", ["connect", "connack", "disconnect"]),
  row(0x12, "assignedClientIdentifier", "string", ["connack"]),
  row(0x13, "serverKeepAlive", "uint16", ["connack"]),
  row(0x15, "authenticationMethod", "string", ["connect", "connack", "auth"]),
  row(0x16, "authenticationData", "binary", ["connect", "connack", "auth"]),
  row(0x17, "requestProblemInformation", "byte", ["connect"], { maximum: 1 }),
  row(0x18, "willDelayInterval", "uint32", ["will"]),
  row(0x19, "requestResponseInformation", "byte", ["connect"], { maximum: 1 }),
  row(0x1a, "responseInformation", "string", ["connack"]),
  row(0x1c, "serverReference", "string", ["connack", "disconnect"]),
  row(0x1f, "reasonString", "string", acknowledgements),
  row(0x21, "receiveMaximum", "uint16", ["connect", "connack"], { isNonZero: true }),
  row(0x22, "topicAliasMaximum", "uint16", ["connect", "connack"]),
  row(0x23, "topicAlias", "uint16", ["publish"]),
  row(0x24, "maximumQoS", "byte", ["connack"], { maximum: 1 }),
  row(0x25, "retainAvailable", "byte", ["connack"], { maximum: 1 }),
  row(0x26, "userProperties", "pair", everywhere),
  row(0x27, "maximumPacketSize", "uint32", ["connect", "connack"], { isNonZero: true }),
  row(0x28, "wildcardSubscriptionAvailable", "byte", ["connack"], { maximum: 1 }),
  row(0x29, "subscriptionIdentifierAvailable", "byte", ["connack"], { maximum: 1 }),
  row(0x2a, "sharedSubscriptionAvailable", "byte", ["connack"], { maximum: 1 }),
];

const byId: readonly (Property | undefined)[] = Array.from({ length: 0x2b }, (_, id) =>
  properties.find((property) => property.id === id),
);

function row(
  id: number,
  name: keyof Properties,
  type: PropertyType,
  holders: readonly PropertyHolder[],
  limits: Pick<Property, "maximum" | "isNonZero"> = {},
): Property {
  return { id, name, type, holders: new Set(holders), ...limits };
}

/**
 * Reads a property list, its length included.
 *
 * @returns `undefined` if it is empty: most are, and the model treats both alike.
 * @throws CodedError `MALFORMED_PACKET` or `PROTOCOL_ERROR`.
 * @see MQTT 5.0 §2.2.2
 */
export function readProperties(
  reader: PacketReader,
  holder: PropertyHolder,
  sender: Sender,
): Properties | undefined {
  const length = reader.variableByteInteger();
  if (length === 0) return undefined;
  if (length > reader.remaining) throw malformed("property length: beyond the remaining length");
  const packetEnd = reader.end;
  reader.end = reader.offset + length;
  const found: Draft = {};
  while (reader.remaining > 0) readProperty(reader, holder, sender, found);
  reader.end = packetEnd;
  if (found.authenticationData !== undefined && found.authenticationMethod === undefined) {
    throw protocolError("authentication data: without an authentication method");
  }
  // By way of unknown: the brand of a topic name and the 0 | 1 of a flag were checked, but the compiler saw only
  // the scalar. Sound, since each value was read by the row that pairs its name with the model's type.
  return found as unknown as Properties;
}

/** A property list while it is being read. */
type Draft = {
  [name in Exclude<keyof Properties, "userProperties" | "subscriptionIdentifiers">]?: Scalar;
} & { userProperties?: UserProperty[]; subscriptionIdentifiers?: number[] };

type Scalar = number | string | Uint8Array;

function readProperty(reader: PacketReader, holder: PropertyHolder, sender: Sender, found: Draft): void {
  const property = byId[reader.variableByteInteger()];
  if (property === undefined) throw malformed("property: unknown identifier");
  const { name } = property;
  if (!property.holders.has(holder)) throw malformed(`${name}: not a property of this packet`);
  if (name === "userProperties") {
    found.userProperties ??= [];
    found.userProperties.push([reader.string(), reader.string()]);
    return;
  }
  const value = readScalar(reader, property);
  checkValue(property, value);
  checkSender(property, holder, sender);
  if (name === "subscriptionIdentifiers") {
    if (found.subscriptionIdentifiers !== undefined && holder !== "publish") throw repeated(name);
    found.subscriptionIdentifiers ??= [];
    found.subscriptionIdentifiers.push(Number(value));
    return;
  }
  if (found[name] !== undefined) throw repeated(name);
  found[name] = value;
}

function repeated(name: keyof Properties) {
  return protocolError(`${name}: more than once`);
}

function readScalar(reader: PacketReader, property: Property): Scalar {
  switch (property.type) {
    case "byte":
      return reader.byte();
    case "uint16":
      return reader.uint16();
    case "uint32":
      return reader.uint32();
    case "variable":
      return reader.variableByteInteger();
    case "binary":
      return reader.binary();
    case "string":
    case "pair":
      return reader.string();
  }
}

function checkValue(property: Property, value: Scalar): void {
  const { name } = property;
  if (typeof value === "number") {
    if (property.maximum !== undefined && value > property.maximum) {
      throw protocolError(`${name}: above ${property.maximum}`);
    }
    if (property.isNonZero && value === 0) throw protocolError(`${name}: zero`);
    // [MQTT-3.3.2-8] a topic alias is never 0
    if (name === "topicAlias" && value === 0)
      throw protocolError(`${name}: zero`, reasonCode.topicAliasInvalid);
  }
  // [MQTT-3.3.2-13] [MQTT-3.3.2-14] a response topic is a topic name: no wildcards
  if (name === "responseTopic" && typeof value === "string" && !isTopicName(value)) {
    throw protocolError(`${name}: not a topic name`);
  }
}

/** The two properties that only one side may send in a packet that both sides send. */
function checkSender(property: Property, holder: PropertyHolder, sender: Sender): void {
  // [MQTT-3.3.4-6] a client's PUBLISH has no subscription identifier
  if (property.name === "subscriptionIdentifiers" && holder === "publish" && sender === "client") {
    throw protocolError(`${property.name}: in a PUBLISH of a client`);
  }
  // [MQTT-3.14.2-2] a server's DISCONNECT has no session expiry interval
  if (property.name === "sessionExpiryInterval" && holder === "disconnect" && sender === "server") {
    throw protocolError(`${property.name}: in a DISCONNECT of the server`);
  }
}

/**
 * Appends a property list with its length; `undefined` is the empty list.
 *
 * @throws CodedError `MALFORMED_PACKET` if a string or binary value does not fit its field.
 * @see MQTT 5.0 §2.2.2
 */
export function writeProperties(writer: PacketWriter, list: Properties | undefined): void {
  if (list === undefined) {
    // [MQTT-2.2.2-1] no properties: a length of zero
    writer.byte(0);
    return;
  }
  writer.withLength(() => {
    for (const property of properties) {
      const value = list[property.name];
      if (value !== undefined) writeProperty(writer, property, value);
    }
  });
}

function writeProperty(
  writer: PacketWriter,
  property: Property,
  value: NonNullable<Properties[keyof Properties]>,
): void {
  if (typeof value === "number") {
    writer.byte(property.id);
    writeNumber(writer, property.type, value);
  } else if (typeof value === "string") {
    writer.byte(property.id);
    writer.string(value);
  } else if (value instanceof Uint8Array) {
    writer.byte(property.id);
    writer.binary(value);
  } else {
    for (const item of value) {
      writer.byte(property.id);
      if (typeof item === "number") {
        writer.variableByteInteger(item);
      } else {
        writer.string(item[0]);
        writer.string(item[1]);
      }
    }
  }
}

function writeNumber(writer: PacketWriter, type: PropertyType, value: number): void {
  if (type === "byte") writer.byte(value);
  else if (type === "uint16") writer.uint16(value);
  else writer.uint32(value);
}
