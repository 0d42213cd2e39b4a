/**
 * The MQTT control packets as plain objects, one shape for 3.1, 3.1.1 and 5.0.
 *
 * A field that a protocol level does not have is absent (`properties`) or ignored by the encoder
 * (`reasonCode` of a 3.1.1 PUBACK). Binary fields are views into the received bytes: whoever keeps one
 * beyond the turn copies it.
 *
 * @see MQTT 5.0 §3, MQTT 3.1.1 §3
 */

/** 3 is MQTT 3.1, 4 is MQTT 3.1.1, 5 is MQTT 5.0 (MQTT 5.0 §3.1.2.2). */
export type ProtocolLevel = 3 | 4 | 5;

/** Quality of service of a PUBLISH or a granted subscription. */
export type QoS = 0 | 1 | 2;

/** A topic name: no wildcards, no NUL, 1..65,535 UTF-8 bytes. The decoder is what makes one. */
export type TopicName = string & { readonly __brand: "TopicName" };

/** A topic filter: may hold `+`, `#` and a `$share/{group}/` prefix. */
export type TopicFilter = string & { readonly __brand: "TopicFilter" };

/** 1..65,535 (MQTT 5.0 §2.2.1). */
export type PacketId = number;

/** One byte; below 0x80 is success (MQTT 5.0 §2.4). The names are in `reason-code.ts`. */
export type ReasonCode = number;

/** Name and value, in the order received; names may repeat (MQTT 5.0 §1.5.7). */
export type UserProperty = readonly [name: string, value: string];

/** Every property of MQTT 5.0 §2.2.2.2. Which packet may hold which is the codec's to check. */
export interface Properties {
  payloadFormatIndicator?: 0 | 1;
  messageExpiryInterval?: number;
  contentType?: string;
  responseTopic?: TopicName;
  correlationData?: Uint8Array;
  /** Several on a PUBLISH to a client, one on a SUBSCRIBE. */
  subscriptionIdentifiers?: readonly number[];
  sessionExpiryInterval?: number;
  assignedClientIdentifier?: string;
  serverKeepAlive?: number;
  authenticationMethod?: string;
  authenticationData?: Uint8Array;
  requestProblemInformation?: 0 | 1;
  willDelayInterval?: number;
  requestResponseInformation?: 0 | 1;
  responseInformation?: string;
  serverReference?: string;
  reasonString?: string;
  receiveMaximum?: number;
  topicAliasMaximum?: number;
  topicAlias?: number;
  maximumQoS?: 0 | 1;
  retainAvailable?: 0 | 1;
  userProperties?: readonly UserProperty[];
  maximumPacketSize?: number;
  wildcardSubscriptionAvailable?: 0 | 1;
  subscriptionIdentifierAvailable?: 0 | 1;
  sharedSubscriptionAvailable?: 0 | 1;
}

export interface Will {
  readonly topicName: TopicName;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties?: Properties;
}

export interface Connect {
  readonly type: "connect";
  readonly protocolLevel: ProtocolLevel;
  /** Clean Session in 3.1 and 3.1.1, Clean Start in 5.0. */
  readonly cleanStart: boolean;
  /** 0 switches keep alive off. */
  readonly keepAliveSeconds: number;
  /** "" asks the server to assign one. */
  readonly mqttClientId: string;
  readonly will?: Will;
  readonly userName?: string;
  readonly password?: Uint8Array;
  readonly properties?: Properties;
}

export interface Connack {
  readonly type: "connack";
  readonly sessionPresent: boolean;
  /** The return code of 3.1.1 §3.2.2.3 (0..5) or the reason code of 5.0. */
  readonly reasonCode: ReasonCode;
  readonly properties?: Properties;
}

export interface Publish {
  readonly type: "publish";
  /** "" only in 5.0, beside a `topicAlias`. */
  readonly topicName: TopicName;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  /** Present exactly when `qos` is above 0. */
  readonly packetId?: PacketId;
  readonly properties?: Properties;
}

export interface Puback {
  readonly type: "puback" | "pubrec" | "pubrel" | "pubcomp";
  readonly packetId: PacketId;
  /** 0 where the level or the packet has none. */
  readonly reasonCode: ReasonCode;
  readonly properties?: Properties;
}

export interface SubscribeRequest {
  readonly topicFilter: TopicFilter;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** 0 send retained, 1 only if the subscription is new, 2 do not send (MQTT 5.0 §3.8.3.1). */
  readonly retainHandling: 0 | 1 | 2;
}

export interface Subscribe {
  readonly type: "subscribe";
  readonly packetId: PacketId;
  readonly subscriptions: readonly SubscribeRequest[];
  readonly properties?: Properties;
}

export interface Suback {
  readonly type: "suback";
  readonly packetId: PacketId;
  readonly reasonCodes: readonly ReasonCode[];
  readonly properties?: Properties;
}

export interface Unsubscribe {
  readonly type: "unsubscribe";
  readonly packetId: PacketId;
  readonly topicFilters: readonly TopicFilter[];
  readonly properties?: Properties;
}

export interface Unsuback {
  readonly type: "unsuback";
  readonly packetId: PacketId;
  /** Empty in 3.1.1, which has none. */
  readonly reasonCodes: readonly ReasonCode[];
  readonly properties?: Properties;
}

export interface Pingreq {
  readonly type: "pingreq";
}

export interface Pingresp {
  readonly type: "pingresp";
}

export interface Disconnect {
  readonly type: "disconnect";
  readonly reasonCode: ReasonCode;
  readonly properties?: Properties;
}

/** MQTT 5.0 only (§3.15). */
export interface Auth {
  readonly type: "auth";
  readonly reasonCode: ReasonCode;
  readonly properties?: Properties;
}

export type Packet =
  | Connect
  | Connack
  | Publish
  | Puback
  | Subscribe
  | Suback
  | Unsubscribe
  | Unsuback
  | Pingreq
  | Pingresp
  | Disconnect
  | Auth;
