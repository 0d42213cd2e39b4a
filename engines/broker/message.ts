import type { Properties, QoS, TopicFilter, UserProperty } from "../mqtt/packet.ts";
import type { Authority } from "../oauth/authority.ts";

/**
 * A topic name in the one tree of a user, as the owner sees it: `devices/{dh}/telemetry/…`. A session's own
 * name for it is a `TopicName`; only a `Mount` turns one into the other.
 */
export type CanonicalTopic = string & { readonly __brand: "CanonicalTopic" };

/** Who a message belongs to: it vanishes with that device or grant. The platform itself is `system`. */
export interface Publisher {
  readonly kind: Authority["kind"] | "system";
  readonly handle: string;
}

/** What travels with a message from its publisher to its subscribers (MQTT 5.0 §3.3.2.3). */
export interface MessageProperties {
  readonly payloadFormatIndicator?: 0 | 1;
  readonly contentType?: string;
  /** In the canonical tree; each mount reads it in its own names. */
  readonly responseTopic?: CanonicalTopic;
  readonly correlationData?: Uint8Array;
  readonly userProperties?: readonly UserProperty[];
}

/** An application message inside the broker. */
export interface Message {
  readonly topicName: CanonicalTopic;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly publisher: Publisher;
  readonly properties?: MessageProperties;
  /** From Message Expiry Interval; absent is never. */
  readonly expiresAtMs?: number;
}

/** A message on its way to one session, in that session's own names. */
export interface Delivery {
  /** Grows within the session; the order of sending. */
  readonly seq: number;
  readonly topicName: string;
  readonly payload: Uint8Array;
  readonly qos: 1 | 2;
  readonly retain: boolean;
  /** As it goes into the PUBLISH, without Message Expiry Interval. */
  readonly properties?: Properties;
  readonly expiresAtMs?: number;
  /** Absent while it waits for room in the window. */
  readonly packetId?: number;
  /** PUBREC came and PUBREL went. */
  readonly isReleased: boolean;
  readonly shared?: SharedOrigin;
}

/** Of a delivery by a shared subscription: what another of its members needs to get it instead. */
export interface SharedOrigin {
  /** With `$share/…`. */
  readonly topicFilter: TopicFilter;
  /** As published, before the QoS that was granted. */
  readonly qos: 1 | 2;
  /** As published, before Retain As Published. */
  readonly retain: boolean;
}

/** What a delivery counts against `Limits.queuedBytes`. */
export function deliveryBytes(delivery: Pick<Delivery, "topicName" | "payload" | "properties">): number {
  return delivery.topicName.length + delivery.payload.byteLength + propertiesBytes(delivery.properties);
}

/** Each retained message has a row, and a row is never smaller. */
export const leastRetainedBytes = 1024;

/** What a retained message counts against `Limits.retainedBytes`. */
export function retainedBytes({ topicName, payload, properties }: Message): number {
  return Math.max(leastRetainedBytes, topicName.length + payload.byteLength + propertiesBytes(properties));
}

/** A user property takes so much in memory beside its text. */
const pairBytes = 32;

function propertiesBytes(properties: Properties | MessageProperties | undefined): number {
  if (properties === undefined) return 0;
  const { contentType = "", responseTopic = "", correlationData, userProperties = [] } = properties;
  let bytes = contentType.length + responseTopic.length + (correlationData?.byteLength ?? 0);
  for (const [name, value] of userProperties) bytes += pairBytes + name.length + value.length;
  return bytes;
}
