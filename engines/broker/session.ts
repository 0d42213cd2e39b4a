import type { PacketId, ProtocolLevel } from "../mqtt/packet.ts";
import { levelsOf } from "../mqtt/topic.ts";
import type { Authority, Permission } from "../oauth/authority.ts";
import type { Budget } from "./budget.ts";
import type { Connection } from "./connection.ts";
import type { Delivery, Publisher } from "./message.ts";
import type { Mount } from "./mount.ts";
import { compilePermissions, type PermissionSet } from "./permission.ts";
import type { Verdict } from "./routes.ts";
import type { SessionId, SessionRecord, StoredSession, StoredWill, Subscription } from "./store.ts";

/** A QoS 1 or 2 message that was sent and not yet acknowledged in full. */
export interface InFlight {
  readonly qos: 1 | 2;
  /** Of its row; 0 when it never gets one, because the session ends with its connection. */
  readonly seq: number;
  isReleased: boolean;
  /** While there is no row yet: what another member of its share group gets if the session ends first. */
  kept?: Omit<Delivery, "seq"> | undefined;
}

/** Messages on their way to a client, while it is connected (or as its socket's attachment kept them). */
export interface Outgoing {
  readonly inFlight: Map<PacketId, InFlight>;
  /**
   * Waiting for room in the window, oldest first. One with a packet identifier was sent on an
   * earlier connection and goes out again with it.
   */
  readonly waiting: Delivery[];
  /** How many of `waiting` have a row, from the front; the others' session ends with its connection. */
  savedWaiting: number;
  lastPacketId: PacketId;
}

/** How much waits for a client. */
export interface Queued {
  lastSeq: number;
  messages: number;
  bytes: number;
  /** From then on fewer may wait than this says: something passes its expiry, or nothing was counted one by one yet. */
  recountAtMs: number;
}

/**
 * What a server keeps for one client across its connections (MQTT 5.0 §4.1). A client is a principal and its
 * MQTT client id together: the same id under another device or grant is another client.
 */
export class Session {
  readonly id: SessionId;
  readonly publisher: Publisher;
  readonly kind: Authority["kind"];
  readonly handle: string;
  readonly mqttClientId: string;
  mount: Mount;
  protocolLevel: ProtocolLevel;
  generation: number;
  expirySeconds: number;
  endsAtMs: number | undefined;
  /** What the connections of its device or app may spend together, once one has sent something. */
  principalBudget: Budget | undefined;
  will: StoredWill | undefined;
  willDueAtMs: number | undefined;
  readonly #subscriptions: Map<string, Subscription>;
  #filterCharacters = 0;
  #filterLevels = 0;
  connection: Connection | undefined;
  #permissions: readonly Permission[];
  #permitted: PermissionSet;
  /** Read from the store when first needed after waking. */
  outgoing: Outgoing | undefined;
  /** See `Attachment`; only until `outgoing` is read. */
  unsentFromSeq: number | undefined;
  incoming: Set<PacketId> | undefined;
  /** What waits, as far as it was counted since waking. */
  queued: Queued | undefined;
  /** Where this session's topics lead; dropped when any route changes. */
  readonly verdicts = new Map<string, Verdict>();
  verdictsVersion = -1;

  constructor(record: StoredSession, mount: Mount) {
    this.id = record.id;
    this.kind = record.kind;
    this.handle = record.handle;
    this.publisher = { kind: record.kind, handle: record.handle };
    this.mqttClientId = record.mqttClientId;
    this.mount = mount;
    this.protocolLevel = record.protocolLevel;
    this.generation = record.generation;
    this.expirySeconds = record.expirySeconds;
    this.endsAtMs = record.endsAtMs;
    this.will = record.will;
    this.willDueAtMs = record.willDueAtMs;
    this.#subscriptions = new Map();
    for (const subscription of record.subscriptions) this.subscribe(subscription);
    this.#permissions = record.permissions;
    this.#permitted = compilePermissions(record.permissions);
  }

  /** By topic filter, as the client wrote it. */
  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.#subscriptions;
  }

  /** Characters of all its topic filters together. */
  get filterCharacters(): number {
    return this.#filterCharacters;
  }

  /** Levels of all its topic filters together: what they take in the index. */
  get filterLevels(): number {
    return this.#filterLevels;
  }

  /** Adds a subscription, or replaces the one with the same filter. */
  subscribe(subscription: Subscription): void {
    const { topicFilter } = subscription;
    if (!this.#subscriptions.has(topicFilter)) {
      this.#filterCharacters += topicFilter.length;
      this.#filterLevels += levelsOf(topicFilter);
    }
    this.#subscriptions.set(topicFilter, subscription);
  }

  /** @returns what it was, or `undefined` if there was none with that filter. */
  unsubscribe(topicFilter: string): Subscription | undefined {
    const subscription = this.#subscriptions.get(topicFilter);
    if (this.#subscriptions.delete(topicFilter)) {
      this.#filterCharacters -= topicFilter.length;
      this.#filterLevels -= levelsOf(topicFilter);
    }
    return subscription;
  }

  get permissions(): readonly Permission[] {
    return this.#permissions;
  }

  /** From the newest token of the session. */
  set permissions(permissions: readonly Permission[]) {
    this.#permissions = permissions;
    this.#permitted = compilePermissions(permissions);
  }

  mayPublish(topicName: string): boolean {
    return this.#permitted.mayPublish(topicName) && this.mount.view.mayPublish(topicName);
  }

  mayReceive(topicName: string): boolean {
    return this.#permitted.mayReceive(topicName) && this.mount.view.mayReceive(topicName);
  }

  maySubscribe(topicFilter: string): boolean {
    return this.#permitted.maySubscribe(topicFilter) && this.mount.view.maySubscribe(topicFilter);
  }

  /** Whether it outlives its connection; only then do its messages need rows. */
  get isPersistent(): boolean {
    return this.expirySeconds > 0;
  }

  record(): SessionRecord {
    return {
      id: this.id,
      kind: this.kind,
      handle: this.handle,
      mqttClientId: this.mqttClientId,
      protocolLevel: this.protocolLevel,
      generation: this.generation,
      isConnected: this.connection !== undefined,
      expirySeconds: this.expirySeconds,
      permissions: this.#permissions,
      ...(this.endsAtMs !== undefined && { endsAtMs: this.endsAtMs }),
      ...(this.will !== undefined && { will: this.will }),
      ...(this.willDueAtMs !== undefined && { willDueAtMs: this.willDueAtMs }),
    };
  }
}

/** Finds a session again when its client returns. */
export function sessionKey(kind: Authority["kind"], handle: string, mqttClientId: string): string {
  return `${kind}/${handle}/${mqttClientId}`;
}
