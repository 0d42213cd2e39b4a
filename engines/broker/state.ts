import { encodeWithin } from "../mqtt/encoder.ts";
import type { Packet, ProtocolLevel, TopicName } from "../mqtt/packet.ts";
import { TopicNames } from "../mqtt/topic-names.ts";
import type { ClaimedDevice, GatewayUserId } from "../oauth/authority.ts";
import { type Budget, newBudget } from "./budget.ts";
import { PendingCommands } from "./commands.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionId, Effect } from "./effect.ts";
import type { Limits } from "./limits.ts";
import type { CanonicalTopic, Message } from "./message.ts";
import type { RetainedTotals } from "./retained-room.ts";
import { Routes } from "./routes.ts";
import type { Session } from "./session.ts";
import type { BrokerStore, SessionId, StoredGrant } from "./store.ts";

/** A PUBLISH as it went to one subscriber, and what another must have in common to get the same bytes. */
interface Encoded {
  readonly message: Message;
  readonly topicName: TopicName;
  readonly protocolLevel: ProtocolLevel;
  readonly retained: boolean;
  readonly bytes: Uint8Array;
}

/** What a broker is given from outside. */
export interface BrokerPorts {
  /** Whose cloud this is: authority of any other user is refused. */
  readonly user: GatewayUserId;
  readonly store: BrokerStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Cryptographically random bytes, for ids that the server assigns. */
  readonly random: (bytes: number) => Uint8Array;
  readonly limits: Limits;
  /** Sees every message that is handed out, whether or not anybody subscribed to it. */
  readonly observe?: (message: Message) => void;
}

/** Counted since the broker woke, for `$SYS`. */
export interface Counters {
  messagesReceived: number;
  messagesSent: number;
  bytesReceived: number;
  bytesSent: number;
  messagesDropped: number;
  publishesRefused: number;
  subscriptionsRefused: number;
}

/**
 * Everything a broker knows, and the effects of the turn that is running. The steps of a packet are functions
 * over this; each lives in the file of its subject.
 */
export class BrokerState {
  readonly ports: BrokerPorts;
  readonly store: BrokerStore;
  readonly limits: Limits;
  readonly routes: Routes;
  readonly connections = new Map<ConnectionId, Connection>();
  readonly sessions = new Map<SessionId, Session>();
  /** By `sessionKey`. */
  readonly clients = new Map<string, Session>();
  readonly devices = new Map<string, ClaimedDevice>();
  readonly grants = new Map<string, StoredGrant>();
  readonly refusedEpochs = new Map<string, number>();
  commands = new PendingCommands();
  readonly topicNames = new TopicNames(64);
  readonly counters: Counters = {
    messagesReceived: 0,
    messagesSent: 0,
    bytesReceived: 0,
    bytesSent: 0,
    messagesDropped: 0,
    publishesRefused: 0,
    subscriptionsRefused: 0,
  };
  /** What all connections may spend together; forgotten in sleep, as theirs. */
  readonly budget = newBudget(0);
  /** The same of each device and app that has sent something. */
  readonly principalBudgets = new Map<string, Budget>();
  /** The clock, read once a turn. */
  nowMs = 0;
  /** What the shell's alarm is set to. */
  alarmAtMs = Number.POSITIVE_INFINITY;
  /** No deadline, with or without an alarm, is sooner than this. */
  dueAtMs = 0;
  nextSessionId = 1;
  wokeAtMs = 0;
  /** When `$SYS` is published again, while someone listens. */
  sysDueAtMs: number | undefined;
  /** When the ledger is published again, if something came to it and someone listens. */
  ledgerDueAtMs: number | undefined;
  /** When `saveUnsaved` must run, if something is in memory only. */
  unsavedDueAtMs: number | undefined;
  /** Topics that a connection retains at QoS 0, and which connection it is: see `retain`. */
  readonly freshRetained = new Map<CanonicalTopic, Connection>();
  /** Counted when first needed, and again after a sweep. */
  retainedTotals: RetainedTotals | undefined;
  /** The last QoS 0 packet, for the next subscriber that gets the same bytes. */
  lastEncoded: Encoded | undefined;
  #effects: Effect[] = [];
  /** Who sent more than they may in this turn. */
  readonly #held = new Set<ConnectionId>();
  /** Connections with something to send or to keep. */
  #touched: Connection[] = [];

  constructor(ports: BrokerPorts) {
    this.ports = ports;
    this.store = ports.store;
    this.limits = ports.limits;
    this.routes = new Routes((handle) => this.devices.has(handle));
  }

  /** Runs one turn to its end: afterwards everything it wrote may be committed, and its effects carried out. */
  turn(work: () => void): Effect[] {
    this.nowMs = this.ports.now();
    work();
    const touched = this.#touched;
    if (touched.length > 0) {
      this.#touched = [];
      for (const connection of touched) this.#flush(connection);
    }
    for (const from of this.#held) this.effect({ kind: "hold", from });
    this.#held.clear();
    const effects = this.#effects;
    this.#effects = [];
    this.lastEncoded = undefined;
    return effects;
  }

  effect(effect: Effect): void {
    this.#effects.push(effect);
  }

  /**
   * Puts a packet in the frame that leaves at the end of the turn.
   *
   * @returns `false` if the client takes no packet of that size; nothing is sent then.
   */
  send(connection: Connection, packet: Packet): boolean {
    const bytes = encodeWithin(packet, connection.protocolLevel, connection.maximumPacketBytes);
    if (bytes === undefined) return false;
    this.sendBytes(connection, bytes);
    return true;
  }

  /** The same for a packet that is encoded already and known to fit. */
  sendBytes(connection: Connection, bytes: Uint8Array): void {
    if (connection.isClosed) return;
    this.#touch(connection);
    connection.outbox.push(bytes);
    this.counters.bytesSent += bytes.byteLength;
  }

  /** Has the connection's attachment written at the end of the turn. */
  keep(connection: Connection): void {
    this.#touch(connection);
    connection.isChanged = true;
  }

  /** Closes the socket behind what was sent to it in this turn. */
  close(connection: Connection, code: number): void {
    this.#touch(connection);
    this.#flush(connection);
    connection.isClosed = true;
    this.connections.delete(connection.id);
    this.effect({ kind: "close", to: connection.id, code });
  }

  /** Something is due at `atMs`: it happens in the first turn from then on. */
  dueAt(atMs: number): void {
    if (atMs < this.dueAtMs) this.dueAtMs = atMs;
  }

  /** The same, and makes sure that there is such a turn: `Broker.alarm` is called at `atMs` or before. */
  wakeAt(atMs: number): void {
    this.dueAt(atMs);
    if (atMs >= this.alarmAtMs) return;
    this.alarmAtMs = atMs;
    this.effect({ kind: "alarm", atMs });
  }

  /** Has the shell take nothing in for a moment, once this turn is done, because of what that connection sends. */
  hold(from: ConnectionId): void {
    this.#held.add(from);
  }

  #touch(connection: Connection): void {
    if (connection.outbox.length === 0 && !connection.isChanged) this.#touched.push(connection);
  }

  #flush(connection: Connection): void {
    const { outbox } = connection;
    if (outbox.length > 0) {
      connection.outbox = [];
      for (const bytes of frames(outbox, this.limits.maximumPacketBytes)) {
        this.effect({ kind: "send", to: connection.id, bytes });
      }
    }
    if (connection.isChanged && !connection.isClosed) {
      connection.isChanged = false;
      connection.isStale = false;
      connection.attachedSeenMs = connection.lastSeenMs;
      this.effect({ kind: "attach", to: connection.id, attachment: connection.attachment() });
    }
  }
}

/** Whole packets back to back, in frames of at most `maximumBytes` (or of one packet that is larger). */
function frames(packets: readonly Uint8Array[], maximumBytes: number): Uint8Array[] {
  const [only] = packets;
  if (packets.length === 1 && only !== undefined) return [only];
  const joined: Uint8Array[] = [];
  let start = 0;
  while (start < packets.length) {
    let length = 0;
    let end = start;
    for (; end < packets.length; end++) {
      const next = packets[end]?.byteLength ?? 0;
      if (length > 0 && length + next > maximumBytes) break;
      length += next;
    }
    const frame = new Uint8Array(length);
    let offset = 0;
    for (const packet of packets.slice(start, end)) {
      frame.set(packet, offset);
      offset += packet.byteLength;
    }
    joined.push(frame);
    start = end;
  }
  return joined;
}
