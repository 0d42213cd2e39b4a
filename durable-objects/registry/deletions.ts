import { base64url } from "../../engines/oauth/base64url.ts";
import type { KeyRing } from "../../engines/oauth/key-ring.ts";
import { randomInShard, shardOf } from "../../engines/oauth/shard.ts";

/** How far the deletion of an account is, for whoever holds the receipt. */
export interface DeletionState {
  readonly requestedMs: number;
  readonly finishedMs: number | undefined;
}

const TOMBSTONE_MS = 30 * 24 * 3600_000;

/**
 * Deletions of accounts, in the user's shard (IDENTITY.md §2.H). A finished one keeps no anonymous id, only its
 * keyed tombstone for thirty days.
 */
export class Deletions {
  readonly #sql: SqlStorage;
  readonly #keys: KeyRing;
  readonly #gateways: readonly string[];

  constructor(sql: SqlStorage, keys: KeyRing, gateways: readonly string[]) {
    this.#sql = sql;
    this.#keys = keys;
    this.#gateways = gateways;
  }

  /** @returns the receipt's id; a second request for the same user gets the same one */
  async begin(anon: string, nowMs: number): Promise<string> {
    const tombstone = await this.#tombstone(anon);
    const shard = shardOf(anon);
    if (shard === undefined) throw new RangeError("anonymous id: not base64url");
    const [existing] = this.#sql
      .exec<{ receipt_id: string }>("SELECT receipt_id FROM deletion WHERE tombstone = ?", tombstone)
      .toArray();
    if (existing !== undefined) return existing.receipt_id;
    const receiptId = randomInShard(shard, 16);
    this.#sql.exec(
      "INSERT INTO deletion (receipt_id, anon, tombstone, requested_ms, finished_ms, expires_ms) VALUES (?, ?, ?, ?, NULL, ?)",
      receiptId,
      anon,
      tombstone,
      nowMs,
      nowMs + TOMBSTONE_MS,
    );
    return receiptId;
  }

  /** Deletions that are under way, and whom to tell. */
  open(): readonly { receiptId: string; anon: string; gateways: readonly string[] }[] {
    return this.#sql
      .exec<{ receipt_id: string; anon: string }>(
        "SELECT receipt_id, anon FROM deletion WHERE anon IS NOT NULL",
      )
      .toArray()
      .map((row) => ({ receiptId: row.receipt_id, anon: row.anon, gateways: this.#gateways }));
  }

  isBusy(): boolean {
    return this.open().length > 0;
  }

  finish(receiptId: string, nowMs: number): void {
    this.#sql.exec("UPDATE deletion SET anon = NULL, finished_ms = ? WHERE receipt_id = ?", nowMs, receiptId);
  }

  find(receiptId: string): DeletionState | undefined {
    const [row] = this.#sql
      .exec<{ requested_ms: number; finished_ms: number | null }>(
        "SELECT requested_ms, finished_ms FROM deletion WHERE receipt_id = ?",
        receiptId,
      )
      .toArray();
    return row === undefined
      ? undefined
      : { requestedMs: row.requested_ms, finishedMs: row.finished_ms ?? undefined };
  }

  async #tombstone(anon: string): Promise<string> {
    return base64url(await this.#keys.mac("store", "tombstone", anon));
  }
}
