import { CepError } from "../../engines/cep/cep-error.ts";
import { noCounters } from "../../engines/streams/rule.ts";
import type { RuleLimits } from "../../engines/streams/rule-limits.ts";
import type { Journal } from "./journal.ts";
import {
  type Answer,
  answered,
  type RuleReport,
  type RuleStatus,
  refusal,
  unknownRule,
} from "./rule-status.ts";
import type { StoredRule } from "./store.ts";

/** Which rules there are, and which of them run. A change stands between two checkpoints, so that no replay spans it. */
export class Deployment {
  readonly #journal: Journal;
  readonly #limits: RuleLimits;

  constructor(journal: Journal, limits: RuleLimits) {
    this.#journal = journal;
    this.#limits = limits;
  }

  /**
   * Deploys a rule, or replaces its text; operators that are unchanged keep their state.
   * @param ifVersion refuse unless this is the version deployed now; 0 is "none".
   */
  deploy(name: string, text: string, ifVersion?: number): Answer<RuleStatus> {
    const before = this.#journal.records.get(name);
    const version = before?.version ?? 0;
    if (ifVersion !== undefined && ifVersion !== version) {
      return refusal("CONFLICT", `The rule is at version ${version}`);
    }
    if (before === undefined && this.#journal.records.size >= this.#limits.maxRules) {
      return refusal("LIMIT", `A user has at most ${this.#limits.maxRules} rules`);
    }
    if (before?.text === text && before.state === "running") return { ok: this.#statusOf(before) };
    return this.#change(() => {
      const counters = this.#journal.records.get(name)?.counters;
      this.#journal.rules.setClock(Date.now());
      const dropped = this.#journal.run(name, text, counters);
      const record: StoredRule = {
        name,
        text,
        version: version + 1,
        state: "running",
        deployedAtMs: Date.now(),
        error: undefined,
        counters: counters ?? { ...noCounters },
      };
      this.#journal.record(record);
      return { ...this.#statusOf(record), dropped };
    });
  }

  /** Goes on where `stop` left off; timers that fell due meanwhile run now. */
  start(name: string): Answer<RuleStatus> {
    const before = this.#journal.records.get(name);
    if (before === undefined) return unknownRule(name);
    if (before.state === "running") return { ok: this.#statusOf(before) };
    return this.#change(() => {
      this.#journal.rules.setClock(Date.now());
      this.#journal.run(name, before.text, before.counters);
      const record: StoredRule = { ...before, state: "running", error: undefined };
      this.#journal.record(record);
      return this.#statusOf(record);
    });
  }

  /** The rule gets no more events and no time; its state is kept. */
  stop(name: string): Answer<RuleStatus> {
    const before = this.#journal.records.get(name);
    if (before === undefined) return unknownRule(name);
    if (before.state !== "running") return { ok: this.#statusOf(before) };
    return this.#change(() => {
      this.#journal.rules.remove(name);
      // The checkpoint has brought its counters up to date.
      const record: StoredRule = { ...(this.#journal.records.get(name) ?? before), state: "stopped" };
      this.#journal.record(record);
      return this.#statusOf(record);
    });
  }

  /** Forgets a rule and its state. */
  remove(name: string): Answer<true> {
    if (!this.#journal.records.has(name)) return unknownRule(name);
    return this.#change(() => {
      this.#journal.remove(name);
      return true as const;
    });
  }

  list(): readonly RuleStatus[] {
    return [...this.#journal.records.values()].map((record) => this.#statusOf(record));
  }

  status(name: string): Answer<RuleStatus> {
    const record = this.#journal.records.get(name);
    return record === undefined ? unknownRule(name) : { ok: this.#statusOf(record) };
  }

  metrics(name: string): Answer<RuleReport> {
    const record = this.#journal.records.get(name);
    if (record === undefined) return unknownRule(name);
    const rule = this.#journal.rules.get(name);
    const metrics = rule?.metrics();
    return {
      ok: {
        ...(rule?.count() ?? record.counters),
        rows: metrics?.rows ?? 0,
        snapshotBytes: this.#journal.snapshotBytes(name),
        lagMs: rule?.lagMs ?? 0,
        streams: metrics?.streams ?? {},
        partitions: (metrics?.partitions ?? []).map((p) => ({ name: p.name, keys: p.keys.length })),
        queries: metrics?.queries ?? [],
        waitingResults: this.#journal.waiting.length,
        logEntries: this.#journal.logEntries(),
        checkpointAtMs: this.#journal.checkpointAtMs,
      },
    };
  }

  #change<T>(work: () => T): Answer<T> {
    this.#journal.checkpoint();
    const answer = answered(work);
    if ("error" in answer) return answer;
    this.#journal.interestChanged();
    this.#journal.checkpoint();
    return answer;
  }

  #statusOf(record: StoredRule | undefined): RuleStatus {
    if (record === undefined) throw new CepError("NOT_FOUND", "There is no such rule");
    const { name, version, state, text, deployedAtMs } = record;
    const error = this.#journal.rules.get(name)?.lastError ?? record.error;
    return { name, version, state, text, deployedAtMs, ...(error !== undefined && { error }) };
  }
}
