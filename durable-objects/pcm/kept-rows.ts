import { fromJson, toJson } from "./json.ts";

/** What a row is about. Its key is unique within its kind. */
export type Kind =
  | "schema"
  | "session"
  | "device"
  | "grant"
  | "command"
  | "refused-epoch"
  | "attachment"
  | "stream-position"
  | "fleet-feed"
  | "event-queue";

/**
 * What the object has in memory while it is awake, a row each, as JSON. All of it is in one table, because each table
 * that is read at waking costs every awake object a page and a prepared statement, 7 KiB together.
 */
export class KeptRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** In the order of the keys as text. The caller names the type: a kind has one writer. */
  all<T>(kind: Kind): { readonly key: string; readonly content: T }[] {
    return this.#rows(kind, "", lastKey).map(({ key, content }) => ({ key, content: fromJson<T>(content) }));
  }

  get<T>(kind: Kind, key: string): T | undefined {
    const [row] = this.#rows(kind, key, key);
    return row === undefined ? undefined : fromJson<T>(row.content);
  }

  save(kind: Kind, key: string, content: unknown): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO kept (kind, key, content) VALUES (?, ?, ?)",
      kind,
      key,
      toJson(content),
    );
  }

  delete(kind: Kind, key: string): void {
    this.#sql.exec("DELETE FROM kept WHERE kind = ? AND key = ?", kind, key);
  }

  /** Deletes all of a kind, but for one. */
  clear(kind: Kind, except?: string): void {
    this.#sql.exec("DELETE FROM kept WHERE kind = ? AND key IS NOT ?", kind, except ?? null);
  }

  /** One statement for all reading. */
  #rows(kind: Kind, from: string, to: string) {
    return this.#sql
      .exec<{ key: string; content: string }>(
        "SELECT key, content FROM kept WHERE kind = ? AND key BETWEEN ? AND ?",
        kind,
        from,
        to,
      )
      .toArray();
  }
}

/** Sorts behind every key: SQLite compares UTF-8, whose greatest character this is. */
const lastKey = "\u{10ffff}";
