import type { ProtocolLevel, QoS, TopicFilter } from "../mqtt/packet.ts";
import type {
  AccessAction,
  Authority,
  ClaimedDevice,
  DeviceHandle,
  GrantId,
  Permission,
} from "../oauth/authority.ts";
import type { PendingCommand } from "./commands.ts";
import type { Refusal } from "./ledger.ts";
import type { CanonicalTopic, Delivery, Message, Publisher } from "./message.ts";

/** Number of a session within one user's store; never reused while its rows live. */
export type SessionId = number;

/** One subscription of a session (MQTT 5.0 §3.8.3.1). */
export interface Subscription {
  /** As the client wrote it, with `$share/…` if it had one. */
  readonly topicFilter: TopicFilter;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly identifier?: number;
}

/** A will, in canonical names. */
export interface StoredWill {
  readonly message: Message;
  readonly delaySeconds: number;
  /** Message Expiry Interval counts from the moment of publication (MQTT 5.0 §3.1.3.2.4). */
  readonly expirySeconds?: number;
}

/** All of a session but its subscriptions and messages; one row. */
export interface SessionRecord {
  readonly id: SessionId;
  readonly kind: Authority["kind"];
  readonly handle: string;
  readonly mqttClientId: string;
  readonly protocolLevel: ProtocolLevel;
  /** Grows with every connection, so that a socket of an earlier one is known as such. */
  readonly generation: number;
  /** A session that is connected here but has no socket after a restart lost it. */
  readonly isConnected: boolean;
  /** 0 ends with the connection. */
  readonly expirySeconds: number;
  /** While not connected: when the session ends. */
  readonly endsAtMs?: number;
  readonly permissions: readonly Permission[];
  readonly will?: StoredWill;
  /** While not connected: when the delayed will goes out. */
  readonly willDueAtMs?: number;
}

/** A session as it is read again: with its subscriptions, each of which is a row. */
export interface StoredSession extends SessionRecord {
  readonly subscriptions: readonly Subscription[];
}

/** What an owner chose for one app, with the app's own names for the devices. */
export interface StoredGrant {
  readonly grantId: GrantId;
  readonly appName: string;
  readonly expiresAtMs: number;
  readonly devices: readonly {
    readonly handle: DeviceHandle;
    /** `ph`: how this app sees this device (IDENTITY.md §3.3). */
    readonly pairwiseHandle: string;
    readonly actions: readonly AccessAction[];
  }[];
}

/** What a broker must know as soon as it wakes. Messages are read when they are needed. */
export interface StoredState {
  readonly sessions: readonly StoredSession[];
  readonly devices: readonly ClaimedDevice[];
  readonly grants: readonly StoredGrant[];
  /** In the order of their ids. */
  readonly commands: readonly PendingCommand[];
  /** Handle (or "*") → tokens of a lower epoch are refused. */
  readonly refusedEpochs: ReadonlyMap<string, number>;
}

/** One change of the store. All of a turn become durable together. */
export type StoreOp =
  | { readonly kind: "save-session"; readonly session: SessionRecord }
  /** With its subscriptions, its deliveries and its received packet ids. */
  | { readonly kind: "delete-session"; readonly session: SessionId }
  /** Adds it, or replaces the one with the same filter. */
  | { readonly kind: "subscribe"; readonly session: SessionId; readonly subscription: Subscription }
  | { readonly kind: "unsubscribe"; readonly session: SessionId; readonly topicFilter: TopicFilter }
  | { readonly kind: "enqueue"; readonly session: SessionId; readonly delivery: Delivery }
  | { readonly kind: "sent"; readonly session: SessionId; readonly seq: number; readonly packetId: number }
  | { readonly kind: "released"; readonly session: SessionId; readonly seq: number }
  | { readonly kind: "delivered"; readonly session: SessionId; readonly seq: number }
  /** A QoS 2 packet id of the client's, from PUBLISH until PUBREL. */
  | { readonly kind: "received"; readonly session: SessionId; readonly packetId: number }
  | { readonly kind: "completed"; readonly session: SessionId; readonly packetId: number }
  | { readonly kind: "retain"; readonly message: Message }
  | { readonly kind: "clear-retained"; readonly topicName: CanonicalTopic }
  | { readonly kind: "clear-retained-under"; readonly prefix: string }
  | { readonly kind: "clear-retained-of"; readonly publisher: Message["publisher"] }
  | { readonly kind: "clear-retained-before"; readonly nowMs: number }
  | { readonly kind: "save-device"; readonly device: ClaimedDevice }
  | { readonly kind: "delete-device"; readonly handle: DeviceHandle }
  | { readonly kind: "save-grant"; readonly grant: StoredGrant }
  | { readonly kind: "delete-grant"; readonly grantId: GrantId }
  | { readonly kind: "refuse-below"; readonly handle: string; readonly epoch: number }
  | { readonly kind: "save-command"; readonly command: PendingCommand }
  | { readonly kind: "delete-command"; readonly id: PendingCommand["id"] }
  | { readonly kind: "save-refusal"; readonly refusal: Refusal }
  | { readonly kind: "delete-refusal"; readonly refusal: Refusal }
  /** Everything but the epoch below which all of the user's tokens are refused. */
  | { readonly kind: "forget-user" };

/** How much waits for one session, without reading it. */
export interface QueueBounds {
  readonly lastSeq: number;
  readonly messages: number;
  readonly bytes: number;
}

/** How much is retained. */
export interface RetainedSize {
  readonly topics: number;
  /** As `retainedBytes` counts them. */
  readonly bytes: number;
}

/**
 * Where a broker keeps what outlives its memory. Reads see every `apply` before them. Synchronous, so that
 * nothing can come between reading and writing.
 */
export interface BrokerStore {
  load(): StoredState;
  apply(op: StoreOp): void;
  /** In topic order; those past their expiry may still be among them. */
  retainedUnder(prefix: string): Iterable<Message>;
  retainedAt(topicName: CanonicalTopic): Message | undefined;
  /** How much each publisher retains; reads every retained row. */
  retainedSizes(): Iterable<readonly [Publisher, RetainedSize]>;
  /** In the order of `seq`. */
  deliveries(session: SessionId): readonly Delivery[];
  /** An upper bound is enough for `messages` and `bytes`. */
  queueBounds(session: SessionId): QueueBounds;
  receivedPacketIds(session: SessionId): readonly number[];
  /** The ledger's lines. */
  refusals(): Iterable<Refusal>;
}
