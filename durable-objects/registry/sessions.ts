import type { AuthorizationRequest } from "../../engines/oauth/authorization-request.ts";

/** What a person is in the middle of; kept with the browser session, never in a URL. */
export type Interaction =
  | {
      readonly kind: "authorize";
      readonly request: AuthorizationRequest;
      readonly appName: string;
      readonly policy: "confidential" | "public" | "bound";
      /** Set when page 1 was agreed to and the gateway's page has its turn. */
      readonly ticketHash?: string;
      /** The app insists on a login after this moment (`prompt=login`, `max_age`). */
      readonly loginAfterMs?: number;
    }
  | {
      readonly kind: "claim";
      readonly claimHash: string;
      /** Instead of a printed code: the link of an owner who gives the device away. */
      readonly offerHash?: string;
      /** Where the offered device lives. */
      readonly offerShard?: number;
      readonly gid?: string;
      readonly softwareId?: string;
    };

export interface Session {
  readonly anon: string | undefined;
  readonly loggedInMs: number | undefined;
  /** When the person last showed to be there, by a login provider's own word; no later than the login. */
  readonly provedMs: number | undefined;
}

/** Who a login turned out to be, and since when that is sure. */
export interface ProvedLogin {
  readonly anon: string;
  readonly provedMs: number | undefined;
}

interface SessionRow extends Record<string, SqlStorageValue> {
  session_hash: string;
  anon: string | null;
  logged_in_ms: number | null;
  proved_ms: number | null;
  claim_tries: number;
  expires_ms: number;
}

const SESSION_LIFE_MS = 8 * 3600_000;
const INTERACTION_LIFE_MS = 30 * 60_000;
const LOGIN_LIFE_MS = 10 * 60_000;

/** Browser sessions at the DIdP, by keyed hash. They know an anonymous id, never a login's subject. */
export class Sessions {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  open(sessionHash: string, nowMs: number): void {
    this.#sql.exec(
      "INSERT INTO session (session_hash, anon, logged_in_ms, claim_tries, expires_ms) VALUES (?, NULL, NULL, 0, ?)",
      sessionHash,
      nowMs + SESSION_LIFE_MS,
    );
  }

  find(sessionHash: string, nowMs: number): Session | undefined {
    const row = this.#row(sessionHash, nowMs);
    return row === undefined
      ? undefined
      : {
          anon: row.anon ?? undefined,
          loggedInMs: row.logged_in_ms ?? undefined,
          provedMs: row.proved_ms ?? undefined,
        };
  }

  /** A login gives the session a new name (against fixation); what was begun under the old one goes on. */
  logIn(oldHash: string, newHash: string, login: ProvedLogin, nowMs: number): boolean {
    return this.#storage.transactionSync(() => {
      const row = this.#row(oldHash, nowMs);
      if (row === undefined) return false;
      this.#sql.exec("DELETE FROM session WHERE session_hash = ?", oldHash);
      this.#sql.exec(
        `INSERT INTO session (session_hash, anon, logged_in_ms, proved_ms, claim_tries, expires_ms)
         VALUES (?, ?, ?, ?, ?, ?)`,
        newHash,
        login.anon,
        nowMs,
        login.provedMs === undefined ? null : Math.min(login.provedMs, nowMs),
        row.claim_tries,
        nowMs + SESSION_LIFE_MS,
      );
      this.#sql.exec("UPDATE interaction SET session_hash = ? WHERE session_hash = ?", newHash, oldHash);
      return true;
    });
  }

  close(sessionHash: string): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec("DELETE FROM session WHERE session_hash = ?", sessionHash);
      this.#sql.exec("DELETE FROM interaction WHERE session_hash = ?", sessionHash);
      this.#sql.exec("DELETE FROM login WHERE session_hash = ?", sessionHash);
    });
  }

  /** All of one person's. */
  closeOf(anon: string): void {
    const open = this.#sql
      .exec<{ session_hash: string }>("SELECT session_hash FROM session WHERE anon = ?", anon)
      .toArray();
    for (const { session_hash } of open) this.close(session_hash);
  }

  /** @returns `false` after `most` tries of this session. */
  takeClaimTry(sessionHash: string, most: number): boolean {
    const changed = this.#sql.exec(
      "UPDATE session SET claim_tries = claim_tries + 1 WHERE session_hash = ? AND claim_tries < ?",
      sessionHash,
      most,
    );
    return changed.rowsWritten > 0;
  }

  /** A try that found a device does not count. */
  returnClaimTry(sessionHash: string): void {
    this.#sql.exec(
      "UPDATE session SET claim_tries = max(0, claim_tries - 1) WHERE session_hash = ?",
      sessionHash,
    );
  }

  putInteraction(id: string, sessionHash: string, interaction: Interaction, nowMs: number): void {
    this.#sql.exec(
      `INSERT INTO interaction (interaction_id, session_hash, state, expires_ms) VALUES (?, ?, ?, ?)
       ON CONFLICT (interaction_id) DO UPDATE SET state = excluded.state, expires_ms = excluded.expires_ms
       WHERE session_hash = excluded.session_hash`,
      id,
      sessionHash,
      JSON.stringify(interaction),
      nowMs + INTERACTION_LIFE_MS,
    );
  }

  /** Only to the session that began it. */
  interaction(id: string, sessionHash: string, nowMs: number): Interaction | undefined {
    const row = this.#sql
      .exec<{ state: string }>(
        "SELECT state FROM interaction WHERE interaction_id = ? AND session_hash = ? AND expires_ms > ?",
        id,
        sessionHash,
        nowMs,
      )
      .toArray()[0];
    return row === undefined ? undefined : (JSON.parse(row.state) as Interaction); // written by `putInteraction`
  }

  /** @returns whether it was there: of two requests that take it, one gets it. */
  takeInteraction(id: string, sessionHash: string): boolean {
    const changed = this.#sql.exec(
      "DELETE FROM interaction WHERE interaction_id = ? AND session_hash = ?",
      id,
      sessionHash,
    );
    return changed.rowsWritten > 0;
  }

  beginLogin(
    stateHash: string,
    login: { sessionHash: string; uidp: string; continuePath: string },
    nowMs: number,
  ): void {
    this.#sql.exec(
      "INSERT INTO login (state_hash, session_hash, uidp, continue_path, expires_ms) VALUES (?, ?, ?, ?, ?)",
      stateHash,
      login.sessionHash,
      login.uidp,
      login.continuePath,
      nowMs + LOGIN_LIFE_MS,
    );
  }

  /** Once, and only for the browser session that began it (login CSRF, mix-up). */
  takeLogin(
    stateHash: string,
    sessionHash: string,
    uidp: string,
    nowMs: number,
  ): { continuePath: string; begunMs: number } | undefined {
    const row = this.#sql
      .exec<{ continue_path: string; expires_ms: number }>(
        `DELETE FROM login WHERE state_hash = ? AND session_hash = ? AND uidp = ? AND expires_ms > ?
         RETURNING continue_path, expires_ms`,
        stateHash,
        sessionHash,
        uidp,
        nowMs,
      )
      .toArray()[0];
    return row === undefined
      ? undefined
      : { continuePath: row.continue_path, begunMs: row.expires_ms - LOGIN_LIFE_MS };
  }

  #row(sessionHash: string, nowMs: number): SessionRow | undefined {
    return this.#sql
      .exec<SessionRow>("SELECT * FROM session WHERE session_hash = ? AND expires_ms > ?", sessionHash, nowMs)
      .toArray()[0];
  }
}
