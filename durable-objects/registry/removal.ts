import type { Grants } from "./grants.ts";
import { expiringTables } from "./schema.ts";

/** An ended grant is kept so that its late tokens are told apart from guesses; every token of it is dead by then. */
const ENDED_GRANT_MS = 30 * 24 * 3600_000;

/** Rows whose time has come; a code that was never used takes its grant with it. */
export function removeExpired(sql: SqlStorage, grants: Grants, nowMs: number): void {
  const unused = sql
    .exec<{ gid: string }>("SELECT gid FROM code WHERE used = 0 AND expires_ms <= ?", nowMs)
    .toArray();
  for (const { gid } of unused) grants.end(gid, "revoked", nowMs);
  sql.exec("DELETE FROM grants WHERE status = 'ended' AND note_ms <= ?", nowMs - ENDED_GRANT_MS);
  for (const table of expiringTables) sql.exec(`DELETE FROM ${table} WHERE expires_ms <= ?`, nowMs);
}

/** Every row of one user's in this object, whose grants have ended. */
export function removeUser(storage: DurableObjectStorage, anon: string): void {
  const { sql } = storage;
  storage.transactionSync(() => {
    sql.exec(
      "DELETE FROM interaction WHERE session_hash IN (SELECT session_hash FROM session WHERE anon = ?)",
      anon,
    );
    sql.exec("DELETE FROM session WHERE anon = ?", anon);
    sql.exec("DELETE FROM code WHERE gid IN (SELECT gid FROM grants WHERE anon = ?)", anon);
    sql.exec("DELETE FROM ticket WHERE anon = ?", anon);
    sql.exec("DELETE FROM owned WHERE anon = ?", anon);
    sql.exec("DELETE FROM grants WHERE anon = ?", anon);
  });
}
