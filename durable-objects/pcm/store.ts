import type { Refusal } from "../../engines/broker/ledger.ts";
import type { Delivery, Message, Publisher } from "../../engines/broker/message.ts";
import type {
  BrokerStore,
  QueueBounds,
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

/** All tables but the refused epochs, of which one stays, and the schema's version. */
const ofTheUser = [
  "session",
  "subscription",
  "delivery",
  "received",
  "retained",
  "device",
  "app_grant",
  "pairwise_key",
  "pending_command",
  "ledger",
  "attachment",
];

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

type CommandRow = {
  id: number;
  device: string;
  name: string;
  publisher_kind: string;
  publisher_handle: string;
  keys: string;
  expires_at_ms: number;
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
  readonly #deliveries: DeliveryRows;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#deliveries = new DeliveryRows(sql);
  }

  /** A turn has ended: writes what of it was gathered. */
  settle(): void {
    this.#deliveries.settle();
  }

  load(): StoredState {
    return {
      sessions: this.#sessions(),
      devices: this.#sql
        .exec<{ handle: string; name: string; model: string }>("SELECT handle, name, model FROM device")
        .toArray()
        // Each row was made from a ClaimedDevice.
        .map(({ handle, name, model }) => ({ handle, name, model: fromJson(model) }) as ClaimedDevice),
      grants: this.#sql
        .exec<{ grant_id: string; app_name: string; devices: string; expires_at_ms: number }>(
          "SELECT grant_id, app_name, devices, expires_at_ms FROM app_grant",
        )
        .toArray()
        .map(
          (row): StoredGrant => ({
            grantId: row.grant_id as GrantId, // made from a StoredGrant
            appName: row.app_name,
            devices: fromJson(row.devices),
            expiresAtMs: row.expires_at_ms,
          }),
        ),
      commands: this.#sql
        .exec<CommandRow>("SELECT * FROM pending_command ORDER BY id")
        .toArray()
        .map(({ id, device, name, publisher_kind, publisher_handle, keys, expires_at_ms }) => ({
          id,
          device,
          name,
          publisher: toPublisher(publisher_kind, publisher_handle),
          keys: fromJson<string[]>(keys),
          expiresAtMs: expires_at_ms,
        })),
      refusedEpochs: new Map(
        this.#sql
          .exec<{ handle: string; epoch: number }>("SELECT handle, epoch FROM refused_epoch")
          .toArray()
          .map(({ handle, epoch }) => [handle, epoch]),
      ),
    };
  }

  apply(op: StoreOp): void {
    const sql = this.#sql;
    switch (op.kind) {
      case "save-session":
        sql.exec(
          "INSERT OR REPLACE INTO session (id, record) VALUES (?, ?)",
          op.session.id,
          toJson(op.session),
        );
        return;
      case "delete-session":
        sql.exec("DELETE FROM session WHERE id = ?", op.session);
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
        sql.exec(
          "INSERT OR REPLACE INTO device (handle, name, model) VALUES (?, ?, ?)",
          op.device.handle,
          op.device.name,
          toJson(op.device.model),
        );
        return;
      case "delete-device":
        sql.exec("DELETE FROM device WHERE handle = ?", op.handle);
        return;
      case "save-grant":
        sql.exec(
          "INSERT OR REPLACE INTO app_grant (grant_id, app_name, devices, expires_at_ms) VALUES (?, ?, ?, ?)",
          op.grant.grantId,
          op.grant.appName,
          toJson(op.grant.devices),
          op.grant.expiresAtMs,
        );
        return;
      case "delete-grant":
        sql.exec("DELETE FROM app_grant WHERE grant_id = ?", op.grantId);
        sql.exec("DELETE FROM pairwise_key WHERE grant_id = ?", op.grantId);
        return;
      case "refuse-below":
        sql.exec("INSERT OR REPLACE INTO refused_epoch (handle, epoch) VALUES (?, ?)", op.handle, op.epoch);
        return;
      case "save-command":
        sql.exec(
          `INSERT INTO pending_command (id, device, name, publisher_kind, publisher_handle, keys, expires_at_ms)
             VALUES (?, ?, ?, ?, ?, ?, ?)`,
          op.command.id,
          op.command.device,
          op.command.name,
          op.command.publisher.kind,
          op.command.publisher.handle,
          toJson(op.command.keys),
          op.command.expiresAtMs,
        );
        return;
      case "delete-command":
        sql.exec("DELETE FROM pending_command WHERE id = ?", op.id);
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
        for (const table of ofTheUser) sql.exec(`DELETE FROM ${table}`);
        sql.exec("DELETE FROM refused_epoch WHERE handle <> '*'");
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

  retainedTopics(): (readonly [Publisher, number])[] {
    return this.#sql
      .exec<{ kind: string; handle: string; topics: number }>(
        `SELECT publisher_kind AS kind, publisher_handle AS handle, count(*) AS topics FROM retained
           GROUP BY publisher_kind, publisher_handle`,
      )
      .toArray()
      .map(({ kind, handle, topics }) => [toPublisher(kind, handle), topics]);
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
    const subscriptions = new Map<SessionId, Subscription[]>();
    for (const row of this.#sql.exec<SubscriptionRow>("SELECT * FROM subscription")) {
      const known = subscriptions.get(row.session);
      if (known === undefined) subscriptions.set(row.session, [toSubscription(row)]);
      else known.push(toSubscription(row));
    }
    return this.#sql
      .exec<{ record: string }>("SELECT record FROM session")
      .toArray()
      .map(({ record }) => fromJson<SessionRecord>(record))
      .map((session) => ({ ...session, subscriptions: subscriptions.get(session.id) ?? [] }));
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
         expires_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      message.topicName,
      message.payload,
      message.qos,
      message.properties === undefined ? null : toJson(message.properties),
      message.publisher.kind,
      message.publisher.handle,
      message.expiresAtMs ?? null,
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
