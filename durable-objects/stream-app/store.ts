import type { OffsetEvent, Result, ThingEvent } from "../../engines/streams/hand-over.ts";
import { noCounters, type RuleCounters, type RuleError } from "../../engines/streams/rule.ts";
import type { RuleState } from "../../engines/streams/rule-set.ts";

/** A rule as it was deployed. */
export interface StoredRule {
  readonly name: string;
  readonly text: string;
  /** Grows with each change of the text. */
  readonly version: number;
  readonly state: RuleState;
  readonly deployedAtMs: number;
  readonly error: RuleError | undefined;
  readonly counters: RuleCounters;
}

/** Where the stream app stood at a checkpoint. */
export interface StoredState {
  /** Names this sequence of results and interests; another one when everything was forgotten. */
  readonly origin: string;
  /** The last entry of the log that the snapshots hold. */
  readonly seq: number;
  readonly atMs: number;
  /** The sequence of offsets, and how far it was taken. */
  readonly source: string;
  readonly accepted: number;
  /** The last result, and up to which they were carried out. */
  readonly lastNumber: number;
  readonly taken: number;
  readonly interestVersion: number;
  /** Whether the personal cloud knows that version. */
  readonly isInterestKnown: boolean;
}

/** One entry of the input log: a batch, or (without events) the running of timers. */
export interface StoredEntry {
  readonly seq: number;
  readonly atMs: number;
  readonly source: string;
  readonly accepted: number;
  readonly taken: number;
  readonly events: readonly ThingEvent[];
}

type RuleRow = {
  name: string;
  text: string;
  version: number;
  state: string;
  deployed_at_ms: number;
  error: string | null;
  counters: string;
};

type LogRow = { seq: number; at_ms: number; source: string; accepted: number; taken: number; events: string };

/** A row holds 2 MB; a character is at most 3 bytes of UTF-8. */
const partCharacters = 600_000;

/** The stream app's rows. Synchronous: all writes of one turn become durable together. */
export class StreamStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  state(): StoredState | undefined {
    const [row] = this.#sql.exec<{ content: string }>("SELECT content FROM state").toArray();
    return row === undefined ? undefined : (JSON.parse(row.content) as StoredState); // written by saveState
  }

  saveState(state: StoredState): void {
    this.#sql.exec("INSERT OR REPLACE INTO state (only_row, content) VALUES (1, ?)", JSON.stringify(state));
  }

  rules(): StoredRule[] {
    return this.#sql
      .exec<RuleRow>(
        "SELECT name, text, version, state, deployed_at_ms, error, counters FROM rule ORDER BY name",
      )
      .toArray()
      .map((row) => ({
        name: row.name,
        text: row.text,
        version: row.version,
        state: row.state as RuleState, // written by saveRule, as the two below
        deployedAtMs: row.deployed_at_ms,
        error: row.error === null ? undefined : (JSON.parse(row.error) as RuleError),
        counters: { ...noCounters, ...(JSON.parse(row.counters) as RuleCounters) },
      }));
  }

  saveRule(rule: StoredRule): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO rule (name, text, version, state, deployed_at_ms, error, counters)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      rule.name,
      rule.text,
      rule.version,
      rule.state,
      rule.deployedAtMs,
      rule.error === undefined ? null : JSON.stringify(rule.error),
      JSON.stringify(rule.counters),
    );
  }

  /** What a rule counted, without its text. */
  saveCounters({ name, error, counters }: StoredRule): void {
    this.#sql.exec(
      "UPDATE rule SET error = ?, counters = ? WHERE name = ?",
      error === undefined ? null : JSON.stringify(error),
      JSON.stringify(counters),
      name,
    );
  }

  deleteRule(name: string): void {
    this.#sql.exec("DELETE FROM rule WHERE name = ?", name);
    this.deleteSnapshot(name);
  }

  deleteSnapshot(rule: string): void {
    this.#sql.exec("DELETE FROM snapshot WHERE rule = ?", rule);
  }

  snapshot(rule: string): string | undefined {
    const parts = this.#sql
      .exec<{ content: string }>("SELECT content FROM snapshot WHERE rule = ? ORDER BY part", rule)
      .toArray();
    return parts.length === 0 ? undefined : parts.map(({ content }) => content).join("");
  }

  saveSnapshot(rule: string, snapshot: string): void {
    const parts = partsOf(snapshot);
    for (const [part, content] of parts.entries()) {
      this.#sql.exec(
        "INSERT OR REPLACE INTO snapshot (rule, part, content) VALUES (?, ?, ?)",
        rule,
        part,
        content,
      );
    }
    this.#sql.exec("DELETE FROM snapshot WHERE rule = ? AND part >= ?", rule, parts.length);
  }

  waitingResults(): Result[] {
    const parts = this.#sql
      .exec<{ content: string }>("SELECT content FROM waiting_result ORDER BY part")
      .toArray();
    // Written by saveWaitingResults.
    return parts.length === 0 ? [] : (JSON.parse(parts.map(({ content }) => content).join("")) as Result[]);
  }

  saveWaitingResults(results: readonly Result[]): void {
    this.#sql.exec("DELETE FROM waiting_result");
    if (results.length === 0) return;
    for (const [part, content] of partsOf(JSON.stringify(results)).entries()) {
      this.#sql.exec("INSERT INTO waiting_result (part, content) VALUES (?, ?)", part, content);
    }
  }

  append({ seq, atMs, source, accepted, taken, events }: StoredEntry): void {
    this.#sql.exec(
      "INSERT INTO log (seq, at_ms, source, accepted, taken, events) VALUES (?, ?, ?, ?, ?, ?)",
      seq,
      atMs,
      source,
      accepted,
      taken,
      JSON.stringify(events),
    );
  }

  /** The entries after `seq`, oldest first. */
  *entriesAfter(seq: number): Generator<StoredEntry> {
    const rows = this.#sql.exec<LogRow>(
      "SELECT seq, at_ms, source, accepted, taken, events FROM log WHERE seq > ? ORDER BY seq",
      seq,
    );
    for (const row of rows) yield entryOf(row);
  }

  /** All entries, newest first. */
  *latestEntries(): Generator<StoredEntry> {
    const rows = this.#sql.exec<LogRow>(
      "SELECT seq, at_ms, source, accepted, taken, events FROM log ORDER BY seq DESC",
    );
    for (const row of rows) yield entryOf(row);
  }

  logEntries(): number {
    return this.#sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM log").one().n;
  }

  /** Forgets the entries up to `seq`, which the snapshots hold. */
  trimLog(seq: number): void {
    this.#sql.exec("DELETE FROM log WHERE seq <= ?", seq);
  }
}

function entryOf(row: LogRow): StoredEntry {
  return { ...row, atMs: row.at_ms, events: JSON.parse(row.events) as ThingEvent[] }; // written by append
}

function partsOf(text: string): string[] {
  const parts: string[] = [];
  for (let at = 0; at < text.length; at += partCharacters) parts.push(text.slice(at, at + partCharacters));
  return parts;
}

/** The events of a batch that were not taken before. */
export function freshEvents(events: readonly OffsetEvent[], accepted: number): OffsetEvent[] {
  return events.filter(([offset]) => offset > accepted);
}
