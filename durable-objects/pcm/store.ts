import type { PendingCommand } from "../../engines/broker/commands.ts";
import type { Refusal } from "../../engines/broker/ledger.ts";
import { type Delivery, type Message, type Publisher, retainedBytes } from "../../engines/broker/message.ts";
import type {
  BrokerStore,
  QueueBounds,
  RetainedSize,
  SessionId,
  SessionRecord,
  StoredGrant,
  StoredSession,
  StoredState,
  StoreOp,
  Subscription,
} from "../../engines/broker/store.ts";
import type { QoS, TopicFilter } from "../../engines/mqtt/packet.ts";
import type { ClaimedDevice, GrantId } from "../../engines/oauth/authority.ts";
import { DeliveryRows } from "./delivery-rows.ts";
import { fromJson, toJson } from "./json.ts";
import { KeptRows, type Kind } from "./kept-rows.ts";

/** Of which a deleted account leaves nothing. */
const ofTheUser = {
  tables: ["subscription", "delivery", "received", "retained", "pairwise_key", "ledger"],
  kinds: ["session", "device", "grant", "command", "attachment"],
} as const;

/** Retained messages read at once, so that a wildcard over thousands holds few of them. */
const pageRows = 64;

type RetainedRow = {
  topic_name: string;
  payload: ArrayBuffer;
  qos: number;
  properties: string | null;
  publisher_kind: string;
  publisher_handle: string;
  expires_at_ms: number | null;
};

type RefusalRow = {
  kind: string;
  handle: string;
  action: string;
  topic: string;
  reason_code: number;
  first_at_ms: number;
  last_at_ms: number;
  count: number;
};

type SubscriptionRow = {
  session: number;
  topic_filter: string;
  qos: number;
  no_local: number;
  retain_as_published: number;
  identifier: number | null;
};

/** A broker's store in the SQLite of its object. The runtime commits a turn's writes together. */
export class SqlStore implements BrokerStore {
  readonly #sql: SqlStorage;
  readonly #kept: KeptRows;
  readonly #deliveries: DeliveryRows;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#kept = new KeptRows(sql);
    this.#deliveries = new DeliveryRows(sql);
  }

  /** A turn has ended: writes what of it was gathered. */
  settle(): void {
    this.#deliveries.settle();
  }

  load(): StoredState {
    const all = <T>(kind: Kind) => this.#kept.all<T>(kind).map(({ content }) => content);
    return {
      sessions: this.#sessions(),
      devices: all<ClaimedDevice>("device"),
      grants: all<StoredGrant>("grant"),
      commands: all<PendingCommand>("command").sort((one, other) => one.id - other.id),
      refusedEpochs: new Map(
        this.#kept.all<number>("refused-epoch").map(({ key, content }) => [key, content]),
      ),
    };
  }

  apply(op: StoreOp): void {
    const sql = this.#sql;
    switch (op.kind) {
      case "save-session":
        this.#kept.save("session", String(op.session.id), op.session);
        return;
      case "delete-session":
        this.#kept.delete("session", String(op.session));
        sql.exec("DELETE FROM subscription WHERE session = ?", op.session);
        this.#deliveries.deleteAll(op.session);
        sql.exec("DELETE FROM received WHERE session = ?", op.session);
        return;
      case "subscribe":
        this.#subscribe(op.session, op.subscription);
        return;
      case "unsubscribe":
        sql.exec(
          "DELETE FROM subscription WHERE session = ? AND topic_filter = ?",
          op.session,
          op.topicFilter,
        );
        return;
      case "enqueue":
        this.#deliveries.add(op.session, op.delivery);
        return;
      case "sent":
        this.#deliveries.sent(op.session, op.seq, op.packetId);
        return;
      case "released":
        this.#deliveries.released(op.session, op.seq);
        return;
      case "delivered":
        this.#deliveries.delete(op.session, op.seq);
        return;
      case "received":
        sql.exec(
          "INSERT OR IGNORE INTO received (session, packet_id) VALUES (?, ?)",
          op.session,
          op.packetId,
        );
        return;
      case "completed":
        sql.exec("DELETE FROM received WHERE session = ? AND packet_id = ?", op.session, op.packetId);
        return;
      case "retain":
        this.#retain(op.message);
        return;
      case "clear-retained":
        sql.exec("DELETE FROM retained WHERE topic_name = ?", op.topicName);
        return;
      case "clear-retained-under":
        sql.exec(
          "DELETE FROM retained WHERE topic_name >= ? AND topic_name < ?",
          op.prefix,
          afterAll(op.prefix),
        );
        return;
      case "clear-retained-of":
        sql.exec(
          "DELETE FROM retained WHERE publisher_kind = ? AND publisher_handle = ?",
          op.publisher.kind,
          op.publisher.handle,
        );
        return;
      case "clear-retained-before":
        sql.exec("DELETE FROM retained WHERE expires_at_ms <= ?", op.nowMs);
        return;
      case "save-device":
        this.#kept.save("device", op.device.handle, op.device);
        return;
      case "delete-device":
        this.#kept.delete("device", op.handle);
        return;
      case "save-grant":
        this.#kept.save("grant", op.grant.grantId, op.grant);
        return;
      case "delete-grant":
        this.#kept.delete("grant", op.grantId);
        sql.exec("DELETE FROM pairwise_key WHERE grant_id = ?", op.grantId);
        return;
      case "refuse-below":
        this.#kept.save("refused-epoch", op.handle, op.epoch);
        return;
      case "save-command":
        this.#kept.save("command", String(op.command.id), op.command);
        return;
      case "delete-command":
        this.#kept.delete("command", String(op.id));
        return;
      case "save-refusal":
        sql.exec(
          `INSERT OR REPLACE INTO ledger (kind, handle, action, topic, reason_code, first_at_ms, last_at_ms, count)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
          op.refusal.kind,
          op.refusal.handle,
          op.refusal.action,
          op.refusal.topic,
          op.refusal.reasonCode,
          op.refusal.firstAtMs,
          op.refusal.lastAtMs,
          op.refusal.count,
        );
        return;
      case "delete-refusal":
        sql.exec(
          "DELETE FROM ledger WHERE kind = ? AND handle = ? AND action = ? AND topic = ? AND reason_code = ?",
          op.refusal.kind,
          op.refusal.handle,
          op.refusal.action,
          op.refusal.topic,
          op.refusal.reasonCode,
        );
        return;
      case "forget-user":
        for (const table of ofTheUser.tables) sql.exec(`DELETE FROM ${table}`);
        for (const kind of ofTheUser.kinds) this.#kept.clear(kind);
        this.#kept.clear("refused-epoch", "*");
        this.#deliveries.forget();
        return;
    }
  }

  *retainedUnder(prefix: string): Iterable<Message> {
    const end = afterAll(prefix);
    let from = prefix;
    for (;;) {
      // ">=" for the first page, for the prefix itself may be a topic.
      const comparison = from === prefix ? ">=" : ">";
      const page = this.#sql
        .exec<RetainedRow>(
          `SELECT * FROM retained WHERE topic_name ${comparison} ? AND topic_name < ? ORDER BY topic_name LIMIT ${pageRows}`,
          from,
          end,
        )
        .toArray();
      for (const row of page) yield toMessage(row);
      const last = page.at(-1);
      if (last === undefined || page.length < pageRows) return;
      from = last.topic_name;
    }
  }

  retainedAt(topicName: string): Message | undefined {
    const [row] = this.#sql
      .exec<RetainedRow>("SELECT * FROM retained WHERE topic_name = ?", topicName)
      .toArray();
    return row === undefined ? undefined : toMessage(row);
  }

  retainedSizes(): (readonly [Publisher, RetainedSize])[] {
    return this.#sql
      .exec<{ kind: string; handle: string; topics: number; bytes: number }>(
        `SELECT publisher_kind AS kind, publisher_handle AS handle, count(*) AS topics, sum(bytes) AS bytes
           FROM retained GROUP BY publisher_kind, publisher_handle`,
      )
      .toArray()
      .map(({ kind, handle, topics, bytes }) => [toPublisher(kind, handle), { topics, bytes }]);
  }

  deliveries(session: SessionId): Delivery[] {
    return this.#deliveries.of(session);
  }

  queueBounds(session: SessionId): QueueBounds {
    return this.#deliveries.bounds(session);
  }

  receivedPacketIds(session: SessionId): number[] {
    return this.#sql
      .exec<{ packet_id: number }>("SELECT packet_id FROM received WHERE session = ?", session)
      .toArray()
      .map(({ packet_id }) => packet_id);
  }

  refusals(): Refusal[] {
    return this.#sql
      .exec<RefusalRow>("SELECT * FROM ledger")
      .toArray()
      .map((row) => ({
        kind: row.kind as Refusal["kind"], // made from a Refusal
        handle: row.handle,
        action: row.action as Refusal["action"], // the same
        topic: row.topic,
        reasonCode: row.reason_code as Refusal["reasonCode"], // the same
        firstAtMs: row.first_at_ms,
        lastAtMs: row.last_at_ms,
        count: row.count,
      }));
  }

  /** `K_gid`: makes an app's own names for its devices (IDENTITY.md §3.3); random, made when first asked for. */
  pairwiseKey(grantId: GrantId): Uint8Array {
    const [row] = this.#sql
      .exec<{ key: ArrayBuffer }>("SELECT key FROM pairwise_key WHERE grant_id = ?", grantId)
      .toArray();
    if (row !== undefined) return new Uint8Array(row.key);
    const key = crypto.getRandomValues(new Uint8Array(32));
    this.#sql.exec("INSERT INTO pairwise_key (grant_id, key) VALUES (?, ?)", grantId, key);
    return key;
  }

  #sessions(): StoredSession[] {
    const records = this.#kept.all<SessionRecord>("session");
    if (records.length === 0) return [];
    const subscriptions = new Map<SessionId, Subscription[]>();
    for (const row of this.#sql.exec<SubscriptionRow>("SELECT * FROM subscription")) {
      const known = subscriptions.get(row.session);
      if (known === undefined) subscriptions.set(row.session, [toSubscription(row)]);
      else known.push(toSubscription(row));
    }
    return records.map(({ content }) => ({ ...content, subscriptions: subscriptions.get(content.id) ?? [] }));
  }

  #subscribe(session: SessionId, subscription: Subscription): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO subscription (session, topic_filter, qos, no_local, retain_as_published, identifier)
         VALUES (?, ?, ?, ?, ?, ?)`,
      session,
      subscription.topicFilter,
      subscription.qos,
      subscription.noLocal ? 1 : 0,
      subscription.retainAsPublished ? 1 : 0,
      subscription.identifier ?? null,
    );
  }

  #retain(message: Message): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO retained (topic_name, payload, qos, properties, publisher_kind, publisher_handle,
         expires_at_ms, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      message.topicName,
      message.payload,
      message.qos,
      message.properties === undefined ? null : toJson(message.properties),
      message.publisher.kind,
      message.publisher.handle,
      message.expiresAtMs ?? null,
      retainedBytes(message),
    );
  }
}

/** Sorts behind every text that starts with `prefix`: SQLite compares UTF-8, whose greatest character this is. */
function afterAll(prefix: string): string {
  return `${prefix}\u{10ffff}`;
}

function toSubscription(row: SubscriptionRow): Subscription {
  return {
    topicFilter: row.topic_filter as TopicFilter, // made from a Subscription
    qos: row.qos as QoS, // the same
    noLocal: row.no_local === 1,
    retainAsPublished: row.retain_as_published === 1,
    ...(row.identifier !== null && { identifier: row.identifier }),
  };
}

function toMessage(row: RetainedRow): Message {
  return {
    topicName: row.topic_name as Message["topicName"], // made from a Message
    payload: new Uint8Array(row.payload),
    qos: row.qos as QoS, // made from a Message
    retain: true,
    publisher: toPublisher(row.publisher_kind, row.publisher_handle),
    ...(row.properties !== null && { properties: fromJson(row.properties) }),
    ...(row.expires_at_ms !== null && { expiresAtMs: row.expires_at_ms }),
  };
}

function toPublisher(kind: string, handle: string): Publisher {
  return { kind: kind as Publisher["kind"], handle }; // made from a Publisher
}
