import type { ClaimedDevice, RevocationNotice } from "../../engines/oauth/authority.ts";

/** One entry of a user's list of devices; it lives in the shard of the user, not of the device. */
export interface OwnedDevice {
  readonly gid: string;
  readonly handle: string;
  readonly softwareId: string;
  readonly claimedDay: number;
}

/** What has to reach somebody else, written in the transaction that made it true (IDENTITY.md §2.G). */
export type OutboxMessage =
  | {
      readonly kind: "revoked";
      readonly gateway: string;
      readonly anon: string;
      readonly handle: string;
      readonly epoch: number;
      readonly reason: RevocationNotice["reason"];
    }
  | {
      readonly kind: "claimed";
      readonly gateway: string;
      readonly anon: string;
      readonly device: ClaimedDevice;
    }
  | { readonly kind: "own"; readonly anon: string; readonly device: OwnedDevice }
  | { readonly kind: "disown"; readonly anon: string; readonly gid: string };

export interface OutboxEntry {
  readonly id: number;
  readonly message: OutboxMessage;
  readonly attempts: number;
}

const LONGEST_WAIT_MS = 60_000;

/** Rows that leave until they are acknowledged; delivering is the shell's. */
export class Outbox {
  readonly #sql: SqlStorage;
  readonly #wake: () => void;

  /** @param wake sets the alarm; called inside the same transaction, so that no entry is ever left without one */
  constructor(sql: SqlStorage, wake: () => void) {
    this.#sql = sql;
    this.#wake = wake;
  }

  /** To be called inside the transaction that it tells about. */
  add(message: OutboxMessage, dueMs: number): void {
    this.#sql.exec(
      "INSERT INTO outbox (message, attempts, due_ms) VALUES (?, 0, ?)",
      JSON.stringify(message),
      dueMs,
    );
    this.#wake();
  }

  /** Oldest first, at most 100. */
  due(nowMs: number): readonly OutboxEntry[] {
    return this.#sql
      .exec<{ id: number; message: string; attempts: number }>(
        "SELECT id, message, attempts FROM outbox WHERE due_ms <= ? ORDER BY id LIMIT 100",
        nowMs,
      )
      .toArray()
      .map((row) => ({
        id: row.id,
        message: JSON.parse(row.message) as OutboxMessage, // written by `add`
        attempts: row.attempts,
      }));
  }

  /** Takes an entry out for `ms`, so that two deliveries do not run at once. */
  lease(id: number, nowMs: number, ms: number): void {
    this.#sql.exec("UPDATE outbox SET due_ms = ? WHERE id = ?", nowMs + ms, id);
  }

  acknowledged(id: number): void {
    this.#sql.exec("DELETE FROM outbox WHERE id = ?", id);
  }

  /** Whether something about a user is still on its way. */
  mentions(anon: string): boolean {
    const rows = this.#sql.exec("SELECT 1 FROM outbox WHERE message ->> '$.anon' = ? LIMIT 1", anon);
    return rows.toArray().length > 0;
  }

  /** The personal cloud has the device, or is not to get it any more. */
  dropClaimed(handle: string): void {
    this.#sql.exec(
      "DELETE FROM outbox WHERE message ->> '$.kind' = 'claimed' AND message ->> '$.device.handle' = ?",
      handle,
    );
  }

  /** Doubles the wait: 1 s, 2 s, … 60 s. */
  failed(entry: OutboxEntry, nowMs: number): void {
    const waitMs = Math.min(1000 * 2 ** entry.attempts, LONGEST_WAIT_MS);
    this.#sql.exec(
      "UPDATE outbox SET attempts = attempts + 1, due_ms = ? WHERE id = ?",
      nowMs + waitMs,
      entry.id,
    );
  }

  /** When the next entry is due, if there is one. */
  nextDueMs(): number | undefined {
    return (
      this.#sql.exec<{ due: number | null }>("SELECT min(due_ms) AS due FROM outbox").one().due ?? undefined
    );
  }
}
