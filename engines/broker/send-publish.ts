import { encode } from "../mqtt/encoder.ts";
import type { Properties, Publish, TopicName } from "../mqtt/packet.ts";
import type { Connection } from "./connection.ts";
import type { Message } from "./message.ts";
import type { Mount } from "./mount.ts";
import type { Session } from "./session.ts";
import type { BrokerState } from "./state.ts";
import { visibleProperties } from "./view.ts";

/** No delivery after the token's end, even if the alarm is late (IDENTITY.md §2.D). */
export function isEnded(state: BrokerState, connection: Connection): boolean {
  return connection.authority !== undefined && connection.authority.expiresAtMs <= state.nowMs;
}

const longestAliased = 512;

/**
 * A PUBLISH in the client's level, with an alias for its topic if the client takes some: the first topics of a
 * connection get one each and keep it.
 */
export function encodePublishFor(state: BrokerState, connection: Connection, packet: Publish): Uint8Array {
  // [MQTT-3.3.2-9] [MQTT-3.1.2-26] [MQTT-3.1.2-27] no alias above the client's maximum, none if that is 0
  const most = Math.min(connection.topicAliasMaximum, state.limits.topicAliasMaximum);
  if (most === 0) return encode(packet, connection.protocolLevel);
  // Aliases lie in the attachment, so long topics go without.
  if (packet.topicName.length > longestAliased) return encode(packet, connection.protocolLevel);
  const known = connection.aliasesOut.get(packet.topicName);
  if (known === undefined && connection.aliasesOut.size >= most)
    return encode(packet, connection.protocolLevel);
  const topicAlias = known ?? connection.aliasesOut.size + 1;
  const bytes = encode(
    {
      ...packet,
      topicName: known === undefined ? packet.topicName : ("" as TopicName), // the alias stands for it
      properties: { ...packet.properties, topicAlias },
    },
    connection.protocolLevel,
  );
  // [MQTT-3.1.2-24] an alias is a property, and longer than a very short topic: it makes no packet too large
  if (bytes.byteLength > connection.maximumPacketBytes) return encode(packet, connection.protocolLevel);
  if (known === undefined) {
    connection.aliasesOut.set(packet.topicName, topicAlias);
    state.keep(connection);
  }
  return bytes;
}

/** [MQTT-3.1.2-24] [MQTT-3.1.2-25] too large for the client: dropped for it, as if it were delivered. */
export function sendPublishBytes(state: BrokerState, connection: Connection, bytes: Uint8Array): boolean {
  if (bytes.byteLength > connection.maximumPacketBytes) {
    state.counters.messagesDropped++;
    return false;
  }
  state.counters.messagesSent++;
  state.sendBytes(connection, bytes);
  return true;
}

/** What a subscriber is told of a message, beside its lifetime. */
export function outgoingProperties(
  session: Session,
  identifiers: readonly number[] | undefined,
  message: Message,
): Properties | undefined {
  return session.protocolLevel === 5 ? listedProperties(session.mount, identifiers, message) : undefined;
}

/** The same, whatever its client can read. */
export function listedProperties(
  mount: Mount,
  identifiers: readonly number[] | undefined,
  message: Message,
): Properties | undefined {
  const visible = visibleProperties(mount, message);
  if (identifiers === undefined) return visible;
  return { ...visible, subscriptionIdentifiers: identifiers };
}

/** [MQTT-3.3.2-6] the interval received, less the time it waited here. */
export function withExpiry(
  state: BrokerState,
  properties: Properties | undefined,
  expiresAtMs: number | undefined,
): Properties | undefined {
  if (expiresAtMs === undefined) return properties;
  const seconds = Math.max(0, Math.ceil((expiresAtMs - state.nowMs) / 1000));
  return { ...properties, messageExpiryInterval: seconds };
}
