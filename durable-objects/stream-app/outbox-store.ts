import type { Posting } from "../../engines/streams/hand-over.ts";
import type { WebhookSecrets } from "../../engines/streams/webhook-message.ts";
import type { WebhookReport } from "./outbox.ts";

/** A posting and how often it was tried in vain. */
export interface WaitingPosting {
  readonly posting: Posting;
  readonly tries: number;
}

/** A posting that was given up. */
export interface DeadLetter {
  readonly id: string;
  readonly atMs: number;
  /** An HTTP status, or `UNREACHABLE`, `REFUSED`, `LIMIT`. */
  readonly reason: string;
}

const keptDeadLetters = 20;

type WebhookRow = {
  secret: string;
  previous_secret: string | null;
  previous_until_ms: number;
  delivered: number;
  dead: number;
  dead_letters: string;
};

/** The outbox's rows. Synchronous: all writes of one turn become durable together. */
export class OutboxStore {
  readonly #sql: SqlStorage;
  /** Of all rules, so that nothing is counted in the turn of an event. */
  #count: number | undefined;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  count(): number {
    this.#count ??= this.#sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM outbox").one().n;
    return this.#count;
  }

  add(posting: Posting, dueAtMs: number): void {
    const before = this.count();
    this.#sql.exec(
      "INSERT INTO outbox (number, rule, content, tries, due_at_ms) VALUES (?, ?, ?, 0, ?)",
      posting.number,
      posting.rule,
      JSON.stringify(posting),
      dueAtMs,
    );
    this.#count = before + 1;
  }

  has(number: number): boolean {
    return this.#sql.exec("SELECT 1 FROM outbox WHERE number = ?", number).toArray().length > 0;
  }

  nextDue(): number | undefined {
    if (this.count() === 0) return undefined;
    const { at } = this.#sql.exec<{ at: number | null }>("SELECT MIN(due_at_ms) AS at FROM outbox").one();
    return at ?? undefined;
  }

  due(nowMs: number, most: number): WaitingPosting[] {
    if (this.count() === 0) return [];
    return this.#sql
      .exec<{ content: string; tries: number }>(
        "SELECT content, tries FROM outbox WHERE due_at_ms <= ? ORDER BY number LIMIT ?",
        nowMs,
        most,
      )
      .toArray()
      .map(({ content, tries }) => ({ posting: JSON.parse(content) as Posting, tries })); // written by add
  }

  postpone(number: number, tries: number, dueAtMs: number): void {
    this.#sql.exec("UPDATE outbox SET tries = ?, due_at_ms = ? WHERE number = ?", tries, dueAtMs, number);
  }

  delivered(number: number, rule: string): void {
    this.drop(number);
    this.#sql.exec("UPDATE webhook SET delivered = delivered + 1 WHERE rule = ?", rule);
  }

  bury({ number, rule, id }: Posting, reason: string, atMs: number): void {
    this.drop(number);
    const known = this.#row(rule);
    if (known === undefined) return;
    const letters = JSON.parse(known.dead_letters) as DeadLetter[]; // written below
    this.#sql.exec(
      "UPDATE webhook SET dead = dead + 1, dead_letters = ? WHERE rule = ?",
      JSON.stringify([...letters, { id, atMs, reason } satisfies DeadLetter].slice(-keptDeadLetters)),
      rule,
    );
  }

  secrets(rule: string): WebhookSecrets | undefined {
    const row = this.#row(rule);
    if (row === undefined) return undefined;
    const previous = row.previous_until_ms > Date.now() ? row.previous_secret : null;
    return { current: row.secret, ...(previous !== null && { previous }) };
  }

  saveSecrets(rule: string, { current, previous }: WebhookSecrets, previousUntilMs = 0): void {
    this.#sql.exec(
      `INSERT INTO webhook (rule, secret, previous_secret, previous_until_ms, delivered, dead, dead_letters)
       VALUES (?, ?, ?, ?, 0, 0, '[]')
       ON CONFLICT (rule) DO UPDATE SET secret = excluded.secret,
         previous_secret = excluded.previous_secret, previous_until_ms = excluded.previous_until_ms`,
      rule,
      current,
      previous ?? null,
      previousUntilMs,
    );
  }

  report(rule: string): WebhookReport {
    const { n } = this.#sql
      .exec<{ n: number }>("SELECT COUNT(*) AS n FROM outbox WHERE rule = ?", rule)
      .one();
    const row = this.#row(rule);
    return {
      waiting: n,
      delivered: row?.delivered ?? 0,
      dead: row?.dead ?? 0,
      deadLetters: JSON.parse(row?.dead_letters ?? "[]") as DeadLetter[], // written by bury
    };
  }

  /** What names one of these is not posted any more. */
  forgetKeys(keys: readonly string[]): void {
    for (const key of keys) this.#sql.exec("DELETE FROM outbox WHERE instr(content, ?) > 0", key);
    this.#count = undefined;
  }

  remove(rule: string): void {
    this.#sql.exec("DELETE FROM outbox WHERE rule = ?", rule);
    this.#sql.exec("DELETE FROM webhook WHERE rule = ?", rule);
    this.#count = undefined;
  }

  /** The tables are empty again. */
  forget(): void {
    this.#count = undefined;
  }

  #row(rule: string): WebhookRow | undefined {
    return this.#sql
      .exec<WebhookRow>(
        `SELECT secret, previous_secret, previous_until_ms, delivered, dead, dead_letters
         FROM webhook WHERE rule = ?`,
        rule,
      )
      .toArray()[0];
  }

  drop(number: number): void {
    this.#sql.exec("DELETE FROM outbox WHERE number = ?", number);
    this.#count = undefined;
  }
}
