const LIFE_MS = 90_000;

/** Authorization requests that an app has handed in beforehand (RFC 9126); each is used once. */
export class PushedRequests {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** @returns seconds that it lives */
  put(requestHash: string, oauthClientId: string, parameters: string, nowMs: number): number {
    this.#sql.exec(
      "INSERT INTO pushed_request (request_hash, client_id, parameters, expires_ms) VALUES (?, ?, ?, ?)",
      requestHash,
      oauthClientId,
      parameters,
      nowMs + LIFE_MS,
    );
    return LIFE_MS / 1000;
  }

  take(requestHash: string, oauthClientId: string, nowMs: number): string | undefined {
    return this.#sql
      .exec<{ parameters: string }>(
        `DELETE FROM pushed_request WHERE request_hash = ? AND client_id = ? AND expires_ms > ? RETURNING parameters`,
        requestHash,
        oauthClientId,
        nowMs,
      )
      .toArray()[0]?.parameters;
  }
}
