import { commonTables } from "./schema.ts";

/** A grant outlives its end here for so long that no call about it can still be on its way. */
const goneMs = 24 * 3600_000;

/**
 * Who feeds an object of a fleet, how far each was taken, and whose grant is over. Written in the turn that takes a
 * batch, so that log and position are one commit.
 */
export class Feeders {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(commonTables);
  }

  /** Everything of this sequence up to here was taken. */
  accepted(name: string, source: string): number {
    const [row] = this.#sql
      .exec<{ accepted: number }>("SELECT accepted FROM feeder WHERE name = ? AND source = ?", name, source)
      .toArray();
    return row?.accepted ?? 0;
  }

  save(name: string, source: string, accepted: number): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO feeder (name, source, accepted) VALUES (?, ?, ?)",
      name,
      source,
      accepted,
    );
  }

  isGone(user: string): boolean {
    return this.#sql.exec("SELECT 1 FROM gone WHERE user = ?", user).toArray().length > 0;
  }

  /** @param untold the shards that do not know yet. */
  left(user: string, keys: readonly string[], untold: readonly number[]): void {
    this.#sql.exec("DELETE FROM feeder WHERE name = ?", user);
    this.#sql.exec(
      "INSERT OR REPLACE INTO gone (user, at_ms, keys, untold) VALUES (?, ?, ?, ?)",
      user,
      Date.now(),
      untold.length === 0 ? "[]" : JSON.stringify(keys),
      JSON.stringify(untold),
    );
    this.#sql.exec("DELETE FROM gone WHERE untold = '[]' AND at_ms < ?", Date.now() - goneMs);
  }

  /** Ended grants of which some shard has not heard, oldest first. */
  untold(): readonly { user: string; keys: readonly string[]; shards: readonly number[] }[] {
    return this.#sql
      .exec<{ user: string; keys: string; untold: string }>(
        "SELECT user, keys, untold FROM gone WHERE untold <> '[]' ORDER BY at_ms LIMIT 100",
      )
      .toArray()
      .map(({ user, keys, untold }) => ({
        user,
        keys: JSON.parse(keys) as string[], // written by `left`, as the next one
        shards: JSON.parse(untold) as number[],
      }));
  }

  setting(name: string): string | undefined {
    const [row] = this.#sql
      .exec<{ value: string }>("SELECT value FROM setting WHERE name = ?", name)
      .toArray();
    return row?.value;
  }

  set(name: string, value: string): void {
    this.#sql.exec("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", name, value);
  }
}
