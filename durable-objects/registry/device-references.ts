/** A reference, by its keyed hash, and the device that is to have it. */
export interface ReferenceClaim {
  readonly referenceHash: string;
  readonly oauthClientId: string;
}

const PENDING_MS = 5 * 60_000;

/**
 * Which device references (serial numbers) a manufacturer has used, as keyed hashes only: the same one twice is
 * a mistake on the line (IDENTITY.md §2.A steps 2 and 4). A reservation that no registration followed lapses.
 */
export class DeviceReferences {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** @returns `false` if another device has it. */
  reserve(referenceHash: string, oauthClientId: string, nowMs: number): boolean {
    const row = this.#sql
      .exec<{ client_id: string }>(
        `INSERT INTO device_reference (reference_hash, client_id, confirmed, reserved_ms) VALUES (?, ?, 0, ?)
         ON CONFLICT (reference_hash) DO UPDATE SET
           client_id = iif(confirmed = 0 AND reserved_ms < ?, excluded.client_id, client_id),
           reserved_ms = iif(confirmed = 0, excluded.reserved_ms, reserved_ms)
         RETURNING client_id`,
        referenceHash,
        oauthClientId,
        nowMs,
        nowMs - PENDING_MS,
      )
      .one();
    return row.client_id === oauthClientId;
  }

  confirm(referenceHash: string, oauthClientId: string): void {
    this.#sql.exec(
      "UPDATE device_reference SET confirmed = 1 WHERE reference_hash = ? AND client_id = ?",
      referenceHash,
      oauthClientId,
    );
  }
}
