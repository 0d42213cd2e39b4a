import type { FleetLimits } from "../../engines/fleet/fleet-limits.ts";
import type { Result } from "../../engines/streams/hand-over.ts";
import { hubTables } from "./schema.ts";

/** A result for the developer, and when it came. */
export interface KeptResult {
  readonly result: Result;
  readonly atMs: number;
}

/** What the combining object put out: for the developer to read, and for users' personal clouds to carry out. */
export class FleetResults {
  readonly #sql: SqlStorage;
  readonly #limits: FleetLimits;
  #kept: number;

  constructor(sql: SqlStorage, limits: FleetLimits) {
    this.#sql = sql;
    this.#limits = limits;
    sql.exec(hubTables);
    this.#kept = sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM kept_result").one().n;
  }

  /** Files results that were not filed before. @returns how many had no room. */
  file(results: readonly Result[]): number {
    let dropped = 0;
    for (const result of results) {
      if (result.user === undefined) this.#keep(result);
      else if (this.#waitingFor(result.user) < this.#limits.maxReturns) this.#return(result.user, result);
      else dropped += 1;
    }
    const surplus = this.#kept - this.#limits.maxKeptResults;
    if (surplus > 0) {
      this.#sql.exec(
        "DELETE FROM kept_result WHERE number IN (SELECT number FROM kept_result ORDER BY number LIMIT ?)",
        surplus,
      );
      this.#kept -= surplus;
    }
    return dropped;
  }

  /** The developer's results after a number, oldest first. */
  kept(after: number, most: number, rule: string | undefined): KeptResult[] {
    return this.#sql
      .exec<{ at_ms: number; content: string }>(
        `SELECT at_ms, content FROM kept_result WHERE number > ? AND (? IS NULL OR content ->> '$.rule' = ?)
         ORDER BY number LIMIT ?`,
        after,
        rule ?? null,
        rule ?? null,
        most,
      )
      .toArray()
      .map(({ at_ms, content }) => ({ atMs: at_ms, result: JSON.parse(content) as Result })); // written by #keep
  }

  /** Users for whom something waits. */
  usersWaiting(): string[] {
    return this.#sql
      .exec<{ user: string }>("SELECT DISTINCT user FROM returning_result")
      .toArray()
      .map(({ user }) => user);
  }

  /** What waits for a user, oldest first. */
  waitingFor(user: string, most: number): Result[] {
    return this.#sql
      .exec<{ content: string }>(
        "SELECT content FROM returning_result WHERE user = ? ORDER BY number LIMIT ?",
        user,
        most,
      )
      .toArray()
      .map(({ content }) => JSON.parse(content) as Result); // written by #return
  }

  /** The user's personal cloud has carried them out, or never will. */
  carriedOut(user: string, upTo: number): void {
    this.#sql.exec("DELETE FROM returning_result WHERE user = ? AND number <= ?", user, upTo);
  }

  /** What names one of these is neither read nor carried out any more. */
  forgetKeys(keys: readonly string[]): void {
    for (const key of keys) {
      this.#sql.exec("DELETE FROM kept_result WHERE instr(content, ?) > 0", key);
      this.#sql.exec("DELETE FROM returning_result WHERE instr(content, ?) > 0", key);
    }
    this.#kept = this.#sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM kept_result").one().n;
  }

  #waitingFor(user: string): number {
    return this.#sql
      .exec<{ n: number }>("SELECT COUNT(*) AS n FROM returning_result WHERE user = ?", user)
      .one().n;
  }

  #keep(result: Result): void {
    this.#sql.exec(
      "INSERT OR IGNORE INTO kept_result (number, at_ms, content) VALUES (?, ?, ?)",
      result.number,
      Date.now(),
      JSON.stringify(result),
    );
    this.#kept += 1;
  }

  #return(user: string, result: Result): void {
    this.#sql.exec(
      "INSERT OR IGNORE INTO returning_result (number, user, content) VALUES (?, ?, ?)",
      result.number,
      user,
      JSON.stringify(result),
    );
  }
}
