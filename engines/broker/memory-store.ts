import type { ClaimedDevice } from "../oauth/authority.ts";
import type { PendingCommand } from "./commands.ts";
import { type Refusal, keyOf as refusalKey } from "./ledger.ts";
import { type Delivery, deliveryBytes, type Message, type Publisher, retainedBytes } from "./message.ts";
import type {
  BrokerStore,
  QueueBounds,
  RetainedSize,
  SessionId,
  SessionRecord,
  StoredGrant,
  StoredState,
  StoreOp,
  Subscription,
} from "./store.ts";

/** A store that lives as long as its object: for tests and benches. `written` is what a real one would bill. */
export class MemoryStore implements BrokerStore {
  readonly #sessions = new Map<SessionId, SessionRecord>();
  readonly #subscriptions = new Map<SessionId, Map<string, Subscription>>();
  readonly #deliveries = new Map<SessionId, Map<number, Delivery>>();
  readonly #received = new Map<SessionId, Set<number>>();
  readonly #retained = new Map<string, Message>();
  readonly #devices = new Map<string, ClaimedDevice>();
  readonly #grants = new Map<string, StoredGrant>();
  readonly #commands = new Map<number, PendingCommand>();
  readonly #refusals = new Map<string, Refusal>();
  readonly #refusedEpochs = new Map<string, number>();
  /** Every change so far, in order. */
  readonly written: StoreOp[] = [];

  load(): StoredState {
    return {
      sessions: [...this.#sessions.values()].map((record) => ({
        ...record,
        subscriptions: [...(this.#subscriptions.get(record.id)?.values() ?? [])],
      })),
      devices: [...this.#devices.values()],
      grants: [...this.#grants.values()],
      commands: [...this.#commands.values()],
      refusedEpochs: new Map(this.#refusedEpochs),
    };
  }

  apply(op: StoreOp): void {
    this.written.push(op);
    switch (op.kind) {
      case "save-session":
        this.#sessions.set(op.session.id, op.session);
        return;
      case "delete-session":
        this.#sessions.delete(op.session);
        this.#subscriptions.delete(op.session);
        this.#deliveries.delete(op.session);
        this.#received.delete(op.session);
        return;
      case "subscribe": {
        const known = this.#subscriptions.get(op.session) ?? new Map();
        this.#subscriptions.set(op.session, known.set(op.subscription.topicFilter, op.subscription));
        return;
      }
      case "unsubscribe":
        this.#subscriptions.get(op.session)?.delete(op.topicFilter);
        return;
      case "enqueue":
        // A copy: what a socket received is only lent for the turn.
        this.#of(op.session).set(op.delivery.seq, { ...op.delivery, payload: op.delivery.payload.slice() });
        return;
      case "sent":
        this.#change(op.session, op.seq, { packetId: op.packetId });
        return;
      case "released":
        this.#change(op.session, op.seq, { isReleased: true, payload: new Uint8Array() });
        return;
      case "delivered":
        this.#of(op.session).delete(op.seq);
        return;
      case "received": {
        const received = this.#received.get(op.session) ?? new Set();
        this.#received.set(op.session, received.add(op.packetId));
        return;
      }
      case "completed":
        this.#received.get(op.session)?.delete(op.packetId);
        return;
      case "retain":
        this.#retained.set(op.message.topicName, { ...op.message, payload: op.message.payload.slice() });
        return;
      case "clear-retained":
        this.#retained.delete(op.topicName);
        return;
      case "clear-retained-under":
        this.#clearRetained((message) => message.topicName.startsWith(op.prefix));
        return;
      case "clear-retained-of":
        this.#clearRetained(
          ({ publisher }) => publisher.kind === op.publisher.kind && publisher.handle === op.publisher.handle,
        );
        return;
      case "clear-retained-before":
        this.#clearRetained(({ expiresAtMs }) => expiresAtMs !== undefined && expiresAtMs <= op.nowMs);
        return;
      case "save-device":
        this.#devices.set(op.device.handle, op.device);
        return;
      case "delete-device":
        this.#devices.delete(op.handle);
        return;
      case "save-grant":
        this.#grants.set(op.grant.grantId, op.grant);
        return;
      case "delete-grant":
        this.#grants.delete(op.grantId);
        return;
      case "refuse-below":
        this.#refusedEpochs.set(op.handle, op.epoch);
        return;
      case "save-command":
        this.#commands.set(op.command.id, op.command);
        return;
      case "delete-command":
        this.#commands.delete(op.id);
        return;
      case "save-refusal":
        this.#refusals.set(refusalKey(op.refusal), op.refusal);
        return;
      case "delete-refusal":
        this.#refusals.delete(refusalKey(op.refusal));
        return;
      case "forget-user":
        for (const table of [this.#sessions, this.#subscriptions, this.#deliveries]) table.clear();
        for (const table of [this.#received, this.#commands, this.#refusals]) table.clear();
        for (const table of [this.#retained, this.#devices, this.#grants]) table.clear();
        for (const handle of this.#refusedEpochs.keys())
          if (handle !== "*") this.#refusedEpochs.delete(handle);
        return;
    }
  }

  retainedUnder(prefix: string): Message[] {
    return [...this.#retained.values()]
      .filter((message) => message.topicName.startsWith(prefix))
      .sort((a, b) => (a.topicName < b.topicName ? -1 : 1));
  }

  retainedAt(topicName: string): Message | undefined {
    return this.#retained.get(topicName);
  }

  retainedSizes(): Iterable<readonly [Publisher, RetainedSize]> {
    const sizes = new Map<string, readonly [Publisher, RetainedSize]>();
    for (const message of this.#retained.values()) {
      const { publisher } = message;
      const key = JSON.stringify(publisher);
      const { topics, bytes } = sizes.get(key)?.[1] ?? { topics: 0, bytes: 0 };
      sizes.set(key, [publisher, { topics: topics + 1, bytes: bytes + retainedBytes(message) }]);
    }
    return sizes.values();
  }

  deliveries(session: SessionId): Delivery[] {
    return [...this.#of(session).values()].sort((a, b) => a.seq - b.seq);
  }

  queueBounds(session: SessionId): QueueBounds {
    const deliveries = this.deliveries(session);
    const [first] = deliveries;
    const last = deliveries.at(-1);
    return {
      lastSeq: last?.seq ?? 0,
      // As far apart as they are, like a real one that reads two rows.
      messages: first === undefined || last === undefined ? 0 : last.seq - first.seq + 1,
      bytes: deliveries.reduce((sum, delivery) => sum + deliveryBytes(delivery), 0),
    };
  }

  receivedPacketIds(session: SessionId): number[] {
    return [...(this.#received.get(session) ?? [])];
  }

  refusals(): Iterable<Refusal> {
    return this.#refusals.values();
  }

  #of(session: SessionId): Map<number, Delivery> {
    const known = this.#deliveries.get(session) ?? new Map<number, Delivery>();
    this.#deliveries.set(session, known);
    return known;
  }

  #change(session: SessionId, seq: number, change: Partial<Delivery>): void {
    const delivery = this.#of(session).get(seq);
    if (delivery !== undefined) this.#of(session).set(seq, { ...delivery, ...change });
  }

  #clearRetained(isMeant: (message: Message) => boolean): void {
    for (const [topicName, message] of this.#retained) if (isMeant(message)) this.#retained.delete(topicName);
  }
}
