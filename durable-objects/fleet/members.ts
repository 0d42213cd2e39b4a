import type { FleetMember } from "../../engines/fleet/fleet-hand-over.ts";

/** The grants of an app: how to reach each personal cloud, and which version of the rules it knows. */
export class Members {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** @param version of the rules, which the member is told with the answer. */
  add({ user, wayBack }: FleetMember, version: number): void {
    this.#sql.exec(
      `INSERT INTO member (user, way_back, known_version) VALUES (?, ?, ?)
       ON CONFLICT (user) DO UPDATE SET way_back = excluded.way_back, known_version = excluded.known_version`,
      user,
      wayBack,
      version,
    );
  }

  has(user: string): boolean {
    return this.#sql.exec("SELECT 1 FROM member WHERE user = ?", user).toArray().length > 0;
  }

  find(user: string): FleetMember | undefined {
    const [row] = this.#sql
      .exec<{ way_back: string }>("SELECT way_back FROM member WHERE user = ?", user)
      .toArray();
    return row === undefined ? undefined : { user, wayBack: row.way_back };
  }

  remove(user: string): void {
    this.#sql.exec("DELETE FROM member WHERE user = ?", user);
  }

  count(): number {
    return this.#sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM member").one().n;
  }

  /** Those that know less than `version`. */
  behind(version: number, most: number): FleetMember[] {
    return this.#sql
      .exec<{ user: string; way_back: string }>(
        "SELECT user, way_back FROM member WHERE known_version < ? ORDER BY known_version LIMIT ?",
        version,
        most,
      )
      .toArray()
      .map(({ user, way_back }) => ({ user, wayBack: way_back }));
  }

  /** @param refused how many results that personal cloud refused, in all. */
  hasRefused(user: string, refused: number): void {
    this.#sql.exec("UPDATE member SET refused = ? WHERE user = ?", refused, user);
  }

  /** Of all users whose grants live. */
  refused(): number {
    return this.#sql.exec<{ n: number }>("SELECT COALESCE(SUM(refused), 0) AS n FROM member").one().n;
  }

  knows(user: string, version: number): void {
    this.#sql.exec("UPDATE member SET known_version = ? WHERE user = ?", version, user);
  }
}
