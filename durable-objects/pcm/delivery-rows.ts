import { type Delivery, deliveryBytes } from "../../engines/broker/message.ts";
import type { QueueBounds, SessionId } from "../../engines/broker/store.ts";
import { fromJson, toJson } from "./json.ts";

type DeliveryRow = {
  seq: number;
  packet_id: number | null;
  is_released: number;
  qos: number;
  retain: number;
  topic_name: string;
  payload: ArrayBuffer;
  properties: string | null;
  expires_at_ms: number | null;
  shared: string | null;
};

/** Twelve values each; the runtime takes a hundred for a statement. */
const rowsOfAnInsert = 8;

/**
 * What waits for sessions or is on its way to them, a row each. At QoS 1 that is a row made and a row deleted for each
 * message, which is most of what such a message costs; so those of a turn are gathered and go together, several to a
 * statement. Whoever calls this must `settle` at the end of the turn.
 */
export class DeliveryRows {
  readonly #sql: SqlStorage;
  /** `bytes_so_far` of each session's last row, once it was looked up. */
  readonly #bytesSoFar = new Map<SessionId, number>();
  /** The rows that this turn makes, as the values of an insert. */
  #made: (SqlStorageValue | Uint8Array)[] = [];
  /** Those it deletes, which mostly follow each other: acknowledgements come in order. */
  #deleted: { readonly session: SessionId; readonly from: number; to: number } | undefined;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  add(session: SessionId, delivery: Delivery): void {
    const soFar = this.#lastBytesSoFar(session) + deliveryBytes(delivery);
    this.#bytesSoFar.set(session, soFar);
    this.#made.push(
      session,
      delivery.seq,
      delivery.packetId ?? null,
      delivery.isReleased ? 1 : 0,
      delivery.qos,
      delivery.retain ? 1 : 0,
      delivery.topicName,
      // Of this turn's frame, which stays as it is until the turn has ended.
      delivery.payload,
      delivery.properties === undefined ? null : toJson(delivery.properties),
      delivery.expiresAtMs ?? null,
      soFar,
      delivery.shared === undefined ? null : toJson(delivery.shared),
    );
    if (this.#made.length === rowsOfAnInsert * columns) this.#insert();
  }

  sent(session: SessionId, seq: number, packetId: number): void {
    this.settle();
    this.#sql.exec("UPDATE delivery SET packet_id = ? WHERE session = ? AND seq = ?", packetId, session, seq);
  }

  released(session: SessionId, seq: number): void {
    this.settle();
    this.#sql.exec(
      "UPDATE delivery SET is_released = 1, payload = x'' WHERE session = ? AND seq = ?",
      session,
      seq,
    );
  }

  delete(session: SessionId, seq: number): void {
    const deleted = this.#deleted;
    if (deleted?.session === session && seq === deleted.to + 1) {
      deleted.to = seq;
      return;
    }
    this.#delete();
    this.#deleted = { session, from: seq, to: seq };
  }

  deleteAll(session: SessionId): void {
    this.settle();
    this.#sql.exec("DELETE FROM delivery WHERE session = ?", session);
    this.#bytesSoFar.delete(session);
  }

  /** The rows of all sessions are gone. */
  forget(): void {
    this.#made = [];
    this.#deleted = undefined;
    this.#bytesSoFar.clear();
  }

  /** In the order of `seq`. */
  of(session: SessionId): Delivery[] {
    this.settle();
    return this.#sql
      .exec<DeliveryRow>("SELECT * FROM delivery WHERE session = ? ORDER BY seq", session)
      .toArray()
      .map(toDelivery);
  }

  bounds(session: SessionId): QueueBounds {
    this.settle();
    // Two rows read, however many wait: numbers and running totals grow from row to row.
    const ends = ["ASC", "DESC"].flatMap((order) =>
      this.#sql
        .exec<{ seq: number; bytes_so_far: number }>(
          `SELECT seq, bytes_so_far FROM delivery WHERE session = ? ORDER BY seq ${order} LIMIT 1`,
          session,
        )
        .toArray(),
    );
    const [first, last] = ends;
    if (first === undefined || last === undefined) return { lastSeq: 0, messages: 0, bytes: 0 };
    return {
      lastSeq: last.seq,
      messages: last.seq - first.seq + 1,
      bytes: last.bytes_so_far - first.bytes_so_far,
    };
  }

  /** Writes what was gathered. */
  settle(): void {
    if (this.#made.length > 0) this.#insert();
    if (this.#deleted !== undefined) this.#delete();
  }

  #insert(): void {
    const values = this.#made;
    this.#made = [];
    this.#sql.exec(insertOf[values.length / columns] ?? "", ...values);
  }

  #delete(): void {
    const deleted = this.#deleted;
    if (deleted === undefined) return;
    this.#deleted = undefined;
    // A row of this turn may be among them.
    if (this.#made.length > 0) this.#insert();
    this.#sql.exec(
      "DELETE FROM delivery WHERE session = ? AND seq BETWEEN ? AND ?",
      deleted.session,
      deleted.from,
      deleted.to,
    );
  }

  #lastBytesSoFar(session: SessionId): number {
    const known = this.#bytesSoFar.get(session);
    if (known !== undefined) return known;
    this.settle();
    const [last] = this.#sql
      .exec<{ bytes_so_far: number }>(
        "SELECT bytes_so_far FROM delivery WHERE session = ? ORDER BY seq DESC LIMIT 1",
        session,
      )
      .toArray();
    return last?.bytes_so_far ?? 0;
  }
}

const columns = 12;

/** By how many rows they insert; the runtime keeps each of them prepared. */
const insertOf = Array.from({ length: rowsOfAnInsert + 1 }, (_, rows) => {
  const row = `(${Array<string>(columns).fill("?").join(", ")})`;
  return `INSERT INTO delivery (session, seq, packet_id, is_released, qos, retain, topic_name, payload, properties,
    expires_at_ms, bytes_so_far, shared) VALUES ${Array<string>(rows).fill(row).join(", ")}`;
});

function toDelivery(row: DeliveryRow): Delivery {
  return {
    seq: row.seq,
    topicName: row.topic_name,
    payload: new Uint8Array(row.payload),
    qos: row.qos as 1 | 2, // made from a Delivery
    retain: row.retain === 1,
    isReleased: row.is_released === 1,
    ...(row.packet_id !== null && { packetId: row.packet_id }),
    ...(row.shared !== null && { shared: fromJson(row.shared) }),
    ...(row.properties !== null && { properties: fromJson(row.properties) }),
    ...(row.expires_at_ms !== null && { expiresAtMs: row.expires_at_ms }),
  };
}
