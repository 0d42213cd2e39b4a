/** Counts tries in fixed windows, by a keyed hash of whoever tries; nothing that names an address is kept. */
export class Attempts {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Counts one try. @returns seconds to wait if there were `most` already, else 0. */
  take(key: string, most: number, windowMs: number, nowMs: number): number {
    const row = this.#sql
      .exec<{ count: number; expires_ms: number }>(
        `INSERT INTO attempt (key, count, expires_ms) VALUES (?, 1, ?)
         ON CONFLICT (key) DO UPDATE SET
           count = iif(expires_ms <= ?, 1, count + 1),
           expires_ms = iif(expires_ms <= ?, excluded.expires_ms, expires_ms)
         RETURNING count, expires_ms`,
        key,
        nowMs + windowMs,
        nowMs,
        nowMs,
      )
      .one();
    return row.count <= most ? 0 : Math.max(1, Math.ceil((row.expires_ms - nowMs) / 1000));
  }

  /** Takes a try back that turned out to be fine. */
  giveBack(key: string): void {
    this.#sql.exec("UPDATE attempt SET count = max(0, count - 1) WHERE key = ?", key);
  }
}
