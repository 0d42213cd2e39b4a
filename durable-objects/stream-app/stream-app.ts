import { DurableObject } from "cloudflare:workers";
import { CepError } from "../../engines/cep/cep-error.ts";
import { createLog } from "../../engines/log/log.ts";
import { type DryRun, dryRun } from "../../engines/streams/dry-run.ts";
import type {
  BatchAnswer,
  EventBatch,
  Interest,
  Result,
  ResultDelivery,
  ResultPosition,
  ThingEvent,
} from "../../engines/streams/hand-over.ts";
import { type Rule, type RuleError, ruleErrorOf } from "../../engines/streams/rule.ts";
import { type RuleLimits, ruleLimitsFrom } from "../../engines/streams/rule-limits.ts";
import { type RuleMetrics, RuleSet, type RuleState } from "../../engines/streams/rule-set.ts";
import { migrate } from "./schema.ts";
import { freshEvents, type StoredRule, type StoredState, StreamStore } from "./store.ts";

/** What the object needs of its script's bindings. */
export interface StreamAppEnv {
  /** The personal clouds (`durable-objects/pcm`), by the same name as this object's. */
  readonly PCM: {
    idFromName(name: string): DurableObjectId;
    get(id: DurableObjectId): {
      streamInterest(interest: Interest): Promise<void>;
      streamResults(delivery: ResultDelivery): Promise<ResultPosition>;
    };
  };
  /** See `ruleLimitsFrom`. */
  readonly RULE_LIMITS?: string;
}

/** A rule, for its owner. */
export interface RuleStatus {
  readonly name: string;
  readonly version: number;
  readonly state: RuleState;
  readonly text: string;
  readonly deployedAtMs: number;
  /** What went wrong last, if anything did. */
  readonly error?: RuleError;
  /** Operators whose state did not fit the new text; only in the answer to a deployment. */
  readonly dropped?: readonly string[];
}

/** Numbers about one rule and about the object that runs all of a user's rules. */
export interface RuleReport extends RuleMetrics {
  readonly waitingResults: number;
  readonly logEntries: number;
  readonly checkpointAtMs: number;
}

/** An answer that may be an error: RPC would carry the words of an exception only. */
export type Answer<T> = { readonly ok: T } | { readonly error: RuleError };

/** What a dry run is to run, and over what; without events, over those that came lately. */
export interface TestRequest {
  readonly name?: string;
  readonly text?: string;
  readonly events?: readonly ThingEvent[];
  readonly untilMs?: number;
  /** Also what each query put out, and from which events. */
  readonly isTraced?: boolean;
}

const log = createLog("stream-app", console.log);

/** Events until a checkpoint, at the least; a checkpoint costs as much as the state is large. */
const checkpointEvents = 500;
/** A checkpoint comes after this long without an event, before the object may sleep. */
const idleMs = 5_000;
const sleepsAfterMs = 10_000;
/** Timers that fall due within so long of each other cost one alarm and one row. */
const timerGapMs = 10;
const timersAtOnce = 1_000;
const retryMs = { first: 1_000, most: 60_000 };

/**
 * All rules of one user; named like that user's personal cloud, and next to nobody else's data.
 *
 * The state is the last checkpoint (a snapshot per rule) and the log of what came since; the constructor replays
 * the log, and gets the same results under the same numbers. Each batch is one row, written in the turn that
 * computes its results, so that the output gate holds them until it is durable. Nothing but the one alarm wakes
 * the object for timers.
 *
 * @see STREAMS.md §3
 */
export class StreamApp extends DurableObject<StreamAppEnv> {
  readonly #store: StreamStore;
  readonly #limits: RuleLimits;
  #rules: RuleSet;
  #records = new Map<string, StoredRule>();
  #state: StoredState;
  #seq = 0;
  #waiting: Result[] = [];
  #eventsSinceCheckpoint = 0;
  #checkpointAfter = checkpointEvents;
  #isDirty = false;
  #lastTakenMs = 0;
  #timersRanMs = 0;
  #checkpointAtMs = 0;
  #alarmAtMs: number | undefined;
  #failedPushes = 0;
  readonly #snapshotBytes = new Map<string, number>();

  constructor(ctx: DurableObjectState, env: StreamAppEnv) {
    super(ctx, env);
    migrate(ctx.storage.sql);
    this.#store = new StreamStore(ctx.storage.sql);
    this.#limits = ruleLimitsFrom(env.RULE_LIMITS);
    this.#rules = new RuleSet(this.#limits);
    this.#state = this.#store.state() ?? newState();
    this.#restore();
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmAtMs = (await ctx.storage.getAlarm()) ?? undefined;
      this.#schedule();
    });
  }

  /** Events of the user's things; each is taken once, however often it is sent. */
  take(batch: EventBatch): BatchAnswer {
    if (batch.source !== this.#state.source) {
      this.#state = { ...this.#state, source: batch.source, accepted: 0 };
    }
    this.#acknowledge(batch.taken);
    const fresh = freshEvents(batch.events, this.#state.accepted);
    const last = fresh.at(-1);
    // Full: nothing more is taken until the personal cloud has carried out what waits for it.
    if (last !== undefined && this.#waiting.length <= this.#limits.maxWaitingResults) {
      this.#lastTakenMs = Date.now();
      this.#enter(
        fresh.map(([, event]) => event),
        last[0],
      );
    }
    return { accepted: this.#state.accepted, origin: this.#state.origin, results: this.#waiting };
  }

  /** Timers, results that nobody took yet, and the checkpoint before sleep. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = undefined;
    const due = this.#rules.nextDue();
    const isFull = this.#waiting.length > this.#limits.maxWaitingResults;
    if (due !== undefined && due <= Date.now() && !isFull) {
      this.#timersRanMs = Date.now();
      this.#enter([]);
    }
    if (Date.now() >= (this.#checkpointDue() ?? Number.POSITIVE_INFINITY)) this.#checkpoint();
    await this.#settle();
    this.#schedule();
  }

  /**
   * Deploys a rule, or replaces its text; operators that are unchanged keep their state.
   * @param ifVersion refuse unless this is the version deployed now; 0 is "none".
   */
  async deploy(name: string, text: string, ifVersion?: number): Promise<Answer<RuleStatus>> {
    const before = this.#records.get(name);
    if (ifVersion !== undefined && ifVersion !== (before?.version ?? 0)) {
      return refusal("CONFLICT", `The rule is at version ${before?.version ?? 0}`);
    }
    if (before === undefined && this.#records.size >= this.#limits.maxRules) {
      return refusal("LIMIT", `A user has at most ${this.#limits.maxRules} rules`);
    }
    if (before?.text === text && before.state === "running") return { ok: this.#statusOf(before) };
    return this.#change(() => {
      this.#rules.setClock(Date.now());
      const dropped = this.#run(name, text, this.#records.get(name)?.counters);
      this.#record({
        name,
        text,
        version: (before?.version ?? 0) + 1,
        state: "running",
        deployedAtMs: Date.now(),
        error: undefined,
        counters: this.#records.get(name)?.counters ?? { eventsIn: 0, eventsOut: 0, errors: 0 },
      });
      return { ...this.#statusOf(this.#records.get(name)), dropped };
    });
  }

  /** Goes on where `stop` left off; timers that fell due meanwhile run now. */
  async start(name: string): Promise<Answer<RuleStatus>> {
    const record = this.#records.get(name);
    if (record === undefined) return unknownRule(name);
    if (record.state === "running") return { ok: this.#statusOf(record) };
    return this.#change(() => {
      this.#rules.setClock(Date.now());
      this.#run(name, record.text, record.counters);
      this.#record({ ...record, state: "running", error: undefined });
      return this.#statusOf(this.#records.get(name));
    });
  }

  /** The rule gets no more events and no time; its state is kept. */
  async stop(name: string): Promise<Answer<RuleStatus>> {
    const record = this.#records.get(name);
    if (record === undefined) return unknownRule(name);
    if (record.state !== "running") return { ok: this.#statusOf(record) };
    return this.#change(() => {
      this.#rules.remove(name);
      this.#record({ ...record, ...this.#records.get(name), state: "stopped" });
      return this.#statusOf(this.#records.get(name));
    });
  }

  /** Forgets a rule and its state. */
  async remove(name: string): Promise<Answer<true>> {
    if (!this.#records.has(name)) return unknownRule(name);
    return this.#change(() => {
      this.#rules.remove(name);
      this.#records.delete(name);
      this.#snapshotBytes.delete(name);
      this.#store.deleteRule(name);
      return true as const;
    });
  }

  list(): readonly RuleStatus[] {
    return [...this.#records.values()].map((record) => this.#statusOf(record));
  }

  status(name: string): Answer<RuleStatus> {
    const record = this.#records.get(name);
    return record === undefined ? unknownRule(name) : { ok: this.#statusOf(record) };
  }

  metrics(name: string): Answer<RuleReport> {
    const record = this.#records.get(name);
    if (record === undefined) return unknownRule(name);
    const rule = this.#rules.get(name);
    const metrics = rule?.metrics();
    return {
      ok: {
        ...(rule?.counters ?? record.counters),
        rows: metrics?.rows ?? 0,
        snapshotBytes: this.#snapshotBytes.get(name) ?? 0,
        lagMs: rule?.lagMs ?? 0,
        streams: metrics?.streams ?? {},
        partitions: (metrics?.partitions ?? []).map((p) => ({ name: p.name, keys: p.keys.length })),
        queries: metrics?.queries ?? [],
        waitingResults: this.#waiting.length,
        logEntries: this.#store.logEntries(),
        checkpointAtMs: this.#checkpointAtMs,
      },
    };
  }

  /** Runs a rule, deployed or not, over given events or over those that came lately. Changes nothing. */
  dryRun({ name, text, events, untilMs, isTraced = false }: TestRequest): Answer<DryRun> {
    const tested = text ?? (name === undefined ? undefined : this.#records.get(name)?.text);
    if (tested === undefined) return unknownRule(name ?? "");
    const limit = this.#limits.maxTestEvents;
    const over = events ?? this.#history(limit);
    if (over.length > limit) return refusal("LIMIT", `A dry run takes at most ${limit} events`);
    return answered(() => dryRun(name ?? "test", tested, over, this.#limits, { untilMs, isTraced }));
  }

  /** The user is gone: so is everything here. */
  async forget(): Promise<void> {
    await this.ctx.storage.deleteAll();
    await this.ctx.storage.deleteAlarm();
    migrate(this.ctx.storage.sql);
    this.#rules = new RuleSet(this.#limits);
    this.#records.clear();
    this.#waiting = [];
    this.#seq = 0;
    this.#state = newState();
    this.#isDirty = false;
    this.#alarmAtMs = undefined;
  }

  /**
   * One entry, in the log and in the rules; both are one commit. After a long sleep the timers come first, some at a
   * time; events are not accepted before these have been run.
   */
  #enter(given: readonly ThingEvent[], upTo = this.#state.accepted): void {
    const nowMs = Math.max(Date.now(), this.#rules.nowMs);
    const isUpToDate = this.#rules.runDue(nowMs, timersAtOnce);
    const atMs = this.#rules.nowMs;
    const events = isUpToDate ? given : [];
    const accepted = isUpToDate ? upTo : this.#state.accepted;
    this.#state = { ...this.#state, accepted };
    const { source, taken } = this.#state;
    this.#store.append({ seq: ++this.#seq, atMs, source, accepted, taken, events });
    this.#apply(atMs, events);
    this.#eventsSinceCheckpoint += Math.max(1, events.length);
    this.#isDirty = true;
    if (this.#isCheckpointWorthIt() || this.#rules.failures.size > 0) this.#checkpoint();
    this.#schedule();
  }

  /** The larger the state, the more events share the cost of writing it. */
  #isCheckpointWorthIt(): boolean {
    if (this.#eventsSinceCheckpoint < this.#checkpointAfter) return false;
    let rows = 0;
    for (const rule of this.#rules.all()) rows += rule.rows();
    this.#checkpointAfter = Math.max(checkpointEvents, 4 * rows);
    return this.#eventsSinceCheckpoint >= this.#checkpointAfter;
  }

  #apply(atMs: number, events: readonly ThingEvent[]): void {
    const results = this.#rules.apply({ atMs, events });
    if (results.length > 0) this.#waiting = [...this.#waiting, ...results];
  }

  #acknowledge({ origin, number }: ResultPosition): void {
    if (origin !== this.#state.origin || number <= this.#state.taken) return;
    this.#state = { ...this.#state, taken: number };
    this.#waiting = this.#waiting.filter((result) => result.number > number);
  }

  /** Compiles the rules, loads their snapshots, and does again what came after them. */
  #restore(): void {
    const state = this.#state;
    this.#seq = state.seq;
    this.#rules.setClock(state.atMs);
    this.#rules.lastNumber = state.lastNumber;
    this.#waiting = this.#store.waitingResults();
    for (const record of this.#store.rules()) {
      this.#records.set(record.name, record);
      if (record.state !== "running") continue;
      try {
        const rule = this.#rules.compile(record.name, record.text);
        Object.assign(rule.counters, record.counters);
        this.#load(rule);
        rule.isChanged = false;
        this.#rules.add(rule);
      } catch (error) {
        // A later release of the engine may refuse what an earlier one took.
        this.#rules.failures.set(record.name, ruleErrorOf(error));
      }
    }
    for (const entry of this.#store.entriesAfter(state.seq)) {
      this.#seq = entry.seq;
      this.#state = { ...this.#state, source: entry.source, accepted: entry.accepted, taken: entry.taken };
      this.#apply(entry.atMs, entry.events);
      this.#eventsSinceCheckpoint += Math.max(1, entry.events.length);
      this.#isDirty = true;
    }
    // What was carried out before is not handed over again.
    this.#waiting = this.#waiting.filter(({ number }) => number > this.#state.taken);
    if (this.#rules.failures.size > 0) this.#checkpoint();
  }

  /** Gives a compiled rule the state that is stored under its name. @throws CepError `SNAPSHOT` */
  #load(rule: Rule): readonly string[] {
    const snapshot = this.#store.snapshot(rule.name);
    if (snapshot === undefined) return [];
    this.#snapshotBytes.set(rule.name, snapshot.length);
    return rule.restore(snapshot).dropped;
  }

  /** Compiles and starts a rule, with as much of its stored state as fits. @returns what did not. */
  #run(name: string, text: string, counters: StoredRule["counters"] | undefined): readonly string[] {
    let rule = this.#rules.compile(name, text);
    let dropped: readonly string[];
    try {
      dropped = this.#load(rule);
    } catch {
      rule = this.#rules.compile(name, text);
      dropped = ["everything"];
    }
    if (counters !== undefined) Object.assign(rule.counters, counters);
    this.#rules.add(rule);
    rule.start();
    this.#waiting = [...this.#waiting, ...this.#rules.takeResults()];
    return dropped;
  }

  /** Changes the set of rules between two checkpoints, so that no replay ever spans the change. */
  async #change<T>(work: () => T): Promise<Answer<T>> {
    this.#checkpoint();
    const answer = answered(work);
    if ("error" in answer) return answer;
    this.#state = {
      ...this.#state,
      interestVersion: this.#state.interestVersion + 1,
      isInterestKnown: false,
    };
    this.#checkpoint();
    await this.#settle();
    this.#schedule();
    return answer;
  }

  #record(record: StoredRule): void {
    this.#records.set(record.name, record);
    this.#store.saveRule(record);
  }

  /** Writes what changed since the last checkpoint; afterwards the log before it is history. */
  #checkpoint(): void {
    for (const [name, error] of this.#rules.failures) {
      const record = this.#records.get(name);
      this.#rules.remove(name);
      if (record === undefined) continue;
      this.#record({ ...record, state: "failed", error });
      log.warn("rule.stopped", { code: error.code });
      this.#state = {
        ...this.#state,
        interestVersion: this.#state.interestVersion + 1,
        isInterestKnown: false,
      };
    }
    this.#rules.failures.clear();
    for (const rule of this.#rules.all()) {
      if (!rule.isChanged) continue;
      const snapshot = rule.snapshot();
      this.#snapshotBytes.set(rule.name, snapshot.length);
      this.#store.saveSnapshot(rule.name, snapshot);
      const record = this.#records.get(rule.name);
      if (record !== undefined) {
        this.#record({ ...record, counters: { ...rule.counters }, error: rule.lastError ?? record.error });
      }
      rule.isChanged = false;
    }
    this.#state = {
      ...this.#state,
      seq: this.#seq,
      atMs: this.#rules.nowMs,
      lastNumber: this.#rules.lastNumber,
    };
    this.#store.saveState(this.#state);
    this.#store.saveWaitingResults(this.#waiting);
    this.#store.trimLog(this.#seq);
    this.#isDirty = false;
    this.#eventsSinceCheckpoint = 0;
    this.#checkpointAfter = checkpointEvents;
    this.#checkpointAtMs = Date.now();
  }

  /** Tells the personal cloud what it does not know yet: which topics are wanted, and results of timers. */
  async #settle(): Promise<void> {
    try {
      const user = this.ctx.id.name;
      if (user === undefined) return;
      const cloud = this.env.PCM.get(this.env.PCM.idFromName(user));
      if (!this.#state.isInterestKnown && this.#state.interestVersion > 0) {
        const { origin, interestVersion: version } = this.#state;
        await cloud.streamInterest({ origin, version, filters: this.#rules.interest() });
        if (this.#state.interestVersion === version) {
          this.#state = { ...this.#state, isInterestKnown: true };
          this.#store.saveState({ ...(this.#store.state() ?? this.#state), isInterestKnown: true });
        }
      }
      if (this.#waiting.length > 0) {
        this.#acknowledge(await cloud.streamResults({ origin: this.#state.origin, results: this.#waiting }));
        if (!this.#isDirty) this.#checkpoint();
      }
      this.#failedPushes = 0;
    } catch {
      this.#failedPushes += 1;
      log.warn("personal-cloud.unavailable", { code: "UNAVAILABLE" });
    }
  }

  /** When the object is about to sleep with a log to replay; one that timers keep awake does not sleep. */
  #checkpointDue(): number | undefined {
    if (!this.#isDirty) return undefined;
    const idleAtMs = this.#lastTakenMs + idleMs;
    const nextDue = this.#rules.nextDue();
    return nextDue !== undefined && nextDue < idleAtMs + sleepsAfterMs ? undefined : idleAtMs;
  }

  /** Sets the one alarm to whatever comes first. */
  #schedule(): void {
    const now = Date.now();
    const due = [this.#rules.nextDue(), this.#checkpointDue()];
    const isBehind =
      this.#waiting.length > 0 || (!this.#state.isInterestKnown && this.#state.interestVersion > 0);
    if (isBehind) {
      due.push(
        now +
          (this.#failedPushes === 0
            ? idleMs
            : Math.min(retryMs.most, retryMs.first * 2 ** this.#failedPushes)),
      );
    }
    const soonest = Math.min(...due.filter((at) => at !== undefined));
    if (!Number.isFinite(soonest)) return;
    const atMs = Math.max(now, soonest, this.#timersRanMs + timerGapMs);
    // One that is soon enough is left alone: setting it costs a row.
    if (this.#alarmAtMs !== undefined && this.#alarmAtMs <= atMs) return;
    this.#alarmAtMs = atMs;
    void this.ctx.storage.setAlarm(atMs);
  }

  #history(most: number): ThingEvent[] {
    const events: ThingEvent[] = [];
    for (const entry of this.#store.entriesAfter(0)) events.push(...entry.events);
    return events.slice(-most);
  }

  #statusOf(record: StoredRule | undefined): RuleStatus {
    if (record === undefined) throw new CepError("NOT_FOUND", "There is no such rule");
    const { name, version, state, text, deployedAtMs } = record;
    const error = this.#rules.get(name)?.lastError ?? record.error;
    return { name, version, state, text, deployedAtMs, ...(error !== undefined && { error }) };
  }
}

function newState(): StoredState {
  return {
    origin: crypto.randomUUID(),
    seq: 0,
    atMs: 0,
    source: "",
    accepted: 0,
    lastNumber: 0,
    taken: 0,
    interestVersion: 0,
    isInterestKnown: false,
  };
}

function refusal(code: string, message: string): { error: RuleError } {
  return { error: { code, message } };
}

function unknownRule(name: string): { error: RuleError } {
  return refusal("NOT_FOUND", `There is no rule '${name}'`);
}

function answered<T>(work: () => T): Answer<T> {
  try {
    return { ok: work() };
  } catch (error) {
    if (!(error instanceof CepError)) log.error("rule.refused", { code: "INTERNAL" });
    return { error: ruleErrorOf(error) };
  }
}
