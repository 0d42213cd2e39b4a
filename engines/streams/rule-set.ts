import { CepError } from "../cep/cep-error.ts";
import { type Interest, type Posting, type Result, type ThingEvent, topicMatches } from "./hand-over.ts";
import { Rule, type RuleCounters, type RuleError, type Stopwatch } from "./rule.ts";
import type { RuleLimits } from "./rule-limits.ts";
import type { RuleSink } from "./rule-sink.ts";
import { filtersOf, type RuleSource } from "./rule-source.ts";
import { readPayload, type ThingPayload } from "./thing-payload.ts";
import { type Emit, type Wire, wireOwners } from "./wiring.ts";

/** A running rule is fed; a stopped one keeps its state; a failed one was stopped by a limit. */
export type RuleState = "running" | "stopped" | "failed";

/** What was done to the rules at one moment; doing it again in the same order gives the same results. */
export interface LogEntry {
  /** The clock, ms since 1970; never less than that of the entry before. */
  readonly atMs: number;
  readonly events: readonly ThingEvent[];
}

/**
 * The running rules of one user. Passive and deterministic: everything happens within `apply`, results are numbered
 * in the order they come, and the same entries applied to the same snapshots give the same numbers.
 */
export class RuleSet {
  readonly #limits: RuleLimits;
  readonly #wire: Wire;
  readonly #stopwatch: Stopwatch;
  readonly #rules = new Map<string, Rule>();
  readonly #routes = new Map<string, readonly { rule: Rule; source: RuleSource }[]>();
  readonly #clock = { nowMs: 0, now: () => this.#clock.nowMs };
  #results: Result[] = [];
  #postings: Posting[] = [];
  /** Of the payloads of both. */
  #characters = 0;
  #emitted = new Map<string, number>();
  /** Rules that a limit stopped, with the reason; the shell makes it lasting. */
  readonly failures = new Map<string, RuleError>();
  /** Number of the last result. */
  lastNumber = 0;

  /** @param wire how its rules are tied to the world. */
  /** @param stopwatch measures what each rule takes; a clock that stands still measures nothing. */
  constructor(limits: RuleLimits, wire: Wire = wireOwners, stopwatch: Stopwatch = () => 0) {
    this.#limits = limits;
    this.#wire = wire;
    this.#stopwatch = stopwatch;
  }

  get nowMs(): number {
    return this.#clock.nowMs;
  }

  /** Moves the clock without running anything; never back. */
  setClock(nowMs: number): void {
    this.#clock.nowMs = Math.max(this.#clock.nowMs, nowMs);
  }

  /** Compiles a rule without running it. @throws CepError */
  compile(name: string, text: string): Rule {
    if (new TextEncoder().encode(text).byteLength > this.#limits.maxTextBytes) {
      throw new CepError("LIMIT", `A rule's text has at most ${this.#limits.maxTextBytes} bytes`);
    }
    const emit: Emit = (sink, event) => this.#emit(name, sink, event);
    return new Rule(name, text, this.#clock, this.#limits, emit, this.#wire, this.#stopwatch);
  }

  /** Adds or replaces a running rule. @throws CepError `LIMIT` */
  add(rule: Rule): void {
    if (!this.#rules.has(rule.name) && this.#rules.size >= this.#limits.maxRules) {
      throw new CepError("LIMIT", `At most ${this.#limits.maxRules} rules run at once`);
    }
    this.#rules.set(rule.name, rule);
    this.#routes.clear();
  }

  remove(name: string): void {
    this.#rules.delete(name);
    this.#routes.clear();
  }

  get(name: string): Rule | undefined {
    return this.#rules.get(name);
  }

  all(): Iterable<Rule> {
    return this.#rules.values();
  }

  /** The topic filters of all sources. */
  interest(): Interest["filters"] {
    return filtersOf([...this.#rules.values()].flatMap(({ sources }) => sources));
  }

  /** Runs what fell due, then the events, in order. @returns the results, numbered. */
  apply(entry: LogEntry): Result[] {
    this.give(entry);
    return this.takeResults();
  }

  /** The same; results and postings are left to be taken. */
  give({ atMs, events }: LogEntry): void {
    this.runDue(atMs);
    for (const event of events) this.#take(event);
  }

  /** The results since the last call. */
  takeResults(): Result[] {
    const results = this.#results;
    this.#results = [];
    this.#characters = 0;
    this.#emitted.clear();
    for (const name of this.failures.keys()) this.remove(name);
    return results;
  }

  /** What is to be posted to servers outside, since the last call. */
  takePostings(): Posting[] {
    const postings = this.#postings;
    this.#postings = [];
    return postings;
  }

  /**
   * Runs timers of all rules in the order in which they fall due, the clock standing at each one's time.
   * @param most after so many it stops, with the clock where it got to, as after a long sleep.
   * @returns whether nothing is due any more.
   */
  runDue(nowMs: number, most = Number.POSITIVE_INFINITY): boolean {
    for (let ran = 0; ; ran += 1) {
      let next: Rule | undefined;
      let due = nowMs;
      for (const rule of this.#rules.values()) {
        const at = rule.nextDue();
        if (at !== undefined && (at < due || (at === due && next === undefined))) {
          due = at;
          next = rule;
        }
      }
      if (next === undefined) break;
      if (ran >= most) return false;
      this.#emitted.clear();
      this.setClock(due);
      next.runDue();
      const again = next.nextDue();
      // A timer that asks for the past would never let go.
      if (again !== undefined && again <= due && this.#isStuck(next, due)) break;
    }
    this.setClock(nowMs);
    return true;
  }

  #stuck = { rule: "", due: 0, times: 0 };

  #isStuck(rule: Rule, due: number): boolean {
    const isSame = this.#stuck.rule === rule.name && this.#stuck.due === due;
    this.#stuck = { rule: rule.name, due, times: isSame ? this.#stuck.times + 1 : 1 };
    if (this.#stuck.times < 10_000) return false;
    this.#stop(rule.name, { code: "LIMIT", message: "A timer of the rule fires without end" });
    return true;
  }

  /** When `apply` must be called next, ms since 1970. */
  nextDue(): number | undefined {
    let soonest: number | undefined;
    for (const rule of this.#rules.values()) {
      const due = rule.nextDue();
      if (due !== undefined && (soonest === undefined || due < soonest)) soonest = due;
    }
    return soonest;
  }

  #take(event: ThingEvent): void {
    let payload: ThingPayload | undefined;
    this.#emitted.clear();
    for (const { rule, source } of this.#routesOf(event.topic)) {
      payload ??= readPayload(event);
      if (!this.failures.has(rule.name)) rule.take(source, event, payload);
    }
  }

  #routesOf(topic: string): readonly { rule: Rule; source: RuleSource }[] {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    const routes = [...this.#rules.values()].flatMap((rule) =>
      rule.sources.filter(({ filter }) => topicMatches(filter, topic)).map((source) => ({ rule, source })),
    );
    if (this.#routes.size >= 1_000) this.#routes.clear();
    this.#routes.set(topic, routes);
    return routes;
  }

  #emit(name: string, sink: RuleSink, event: Parameters<RuleSink["output"]>[0]): void {
    if (this.failures.has(name)) return;
    const emitted = (this.#emitted.get(name) ?? 0) + 1;
    const limit = this.#limits.maxResultsAtOnce;
    const waiting = this.#results.length + this.#postings.length;
    if (emitted > limit || waiting >= this.#limits.maxWaitingResults) {
      this.#stop(name, { code: "LIMIT", message: `The rule put out more than ${limit} results at once` });
      return;
    }
    const number = this.lastNumber + 1;
    const id = `${name}.${number}`;
    const output = sink.output(event, id);
    if (output === undefined) return;
    if (output.payload.length > this.#limits.maxResultCharacters) {
      const message = `A result has at most ${this.#limits.maxResultCharacters} characters`;
      this.#rules.get(name)?.failed(new CepError("LIMIT", message));
      return;
    }
    if (this.#characters + output.payload.length > this.#limits.maxWaitingCharacters) {
      const most = this.#limits.maxWaitingCharacters;
      this.#stop(name, { code: "LIMIT", message: `Results of more than ${most} characters at once` });
      return;
    }
    this.#characters += output.payload.length;
    this.lastNumber = number;
    this.#emitted.set(name, emitted);
    if (output.kind === "webhook") this.#postings.push({ number, id, rule: name, ...output });
    else this.#results.push({ number, id, rule: name, ...output });
    const rule = this.#rules.get(name);
    if (rule !== undefined) rule.counters.eventsOut++;
  }

  #stop(name: string, error: RuleError): void {
    this.failures.set(name, { ...error, atMs: this.#clock.nowMs });
  }
}

/** A rule's numbers, for its owner. */
export interface RuleMetrics extends RuleCounters {
  readonly rows: number;
  readonly snapshotBytes: number;
  readonly lagMs: number;
  readonly streams: Readonly<Record<string, number>>;
  readonly partitions: readonly { name: string; keys: number }[];
  readonly queries: readonly { name: string; rows: number; matches: number }[];
}
