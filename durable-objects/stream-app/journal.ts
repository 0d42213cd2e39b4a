import { createLog } from "../../engines/log/log.ts";
import type { Posting, Result, ResultPosition, ThingEvent } from "../../engines/streams/hand-over.ts";
import { type Rule, ruleErrorOf } from "../../engines/streams/rule.ts";
import type { RuleLimits } from "../../engines/streams/rule-limits.ts";
import { RuleSet } from "../../engines/streams/rule-set.ts";
import { type Wire, wireOwners } from "../../engines/streams/wiring.ts";
import type { StoredRule, StoredState, StreamStore } from "./store.ts";

const log = createLog("stream-app", console.log);

/** Events until a checkpoint, at the least; a checkpoint costs as much as the state is large. */
const checkpointEvents = 500;
const timersAtOnce = 1_000;
/** Payloads that a dry run over the log takes. */
const historyCharacters = 8_000_000;
const stopwatch = () => performance.now();
/** Entries that stay behind the checkpoint, for dry runs over what really came. */
export const historyEntries = 500;

/** What differs between an owner's rules and the parts of an app's. */
export interface JournalOptions {
  readonly wire: Wire;
  /** Entries of the log that stay behind a checkpoint. */
  readonly historyEntries: number;
  /** Takes what is to be posted to servers outside, in the turn that made it; once, whatever is replayed. */
  readonly post?: (postings: readonly Posting[]) => void;
}

/**
 * The running rules, and what is durable of them: the last checkpoint (a snapshot per rule) and the log of what came
 * since. The constructor replays the log, and gets the same results under the same numbers. Each entry is one row,
 * written in the turn that computes its results.
 *
 * @see STREAMS.md §3
 */
export class Journal {
  readonly #store: StreamStore;
  readonly #limits: RuleLimits;
  readonly #options: JournalOptions;
  #rules: RuleSet;
  readonly #records = new Map<string, StoredRule>();
  #state: StoredState;
  #seq = 0;
  #waiting: readonly Result[] = [];
  #eventsSinceCheckpoint = 0;
  #checkpointAfter = checkpointEvents;
  #isDirty = false;
  #checkpointAtMs = 0;
  readonly #snapshotBytes = new Map<string, number>();
  /** Of the snapshots in the database. */
  readonly #snapshotMarks = new Map<string, string>();

  constructor(
    store: StreamStore,
    limits: RuleLimits,
    options: JournalOptions = { wire: wireOwners, historyEntries },
  ) {
    this.#store = store;
    this.#limits = limits;
    this.#options = options;
    this.#rules = new RuleSet(limits, options.wire, stopwatch);
    this.#state = store.state() ?? newState();
    this.#restore();
  }

  get rules(): RuleSet {
    return this.#rules;
  }

  /** All rules, running or not, by name. */
  get records(): ReadonlyMap<string, StoredRule> {
    return this.#records;
  }

  get state(): StoredState {
    return this.#state;
  }

  /** Results that were not carried out yet, oldest first. */
  get waiting(): readonly Result[] {
    return this.#waiting;
  }

  /** Something came since the last checkpoint. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  get checkpointAtMs(): number {
    return this.#checkpointAtMs;
  }

  /** Full: nothing more is taken until what waits has been carried out. */
  get isFull(): boolean {
    const { maxWaitingResults, maxWaitingCharacters } = this.#limits;
    if (this.#waiting.length > maxWaitingResults) return true;
    return this.#waiting.reduce((sum, { payload }) => sum + payload.length, 0) > maxWaitingCharacters;
  }

  /** Events are numbered by this sequence from now on; another one begins at 0. */
  follow(source: string): void {
    if (source !== this.#state.source) this.#state = { ...this.#state, source, accepted: 0 };
  }

  /**
   * One entry, in the log and in the rules; both are one commit. After a long sleep the timers come first, some at a
   * time; events are not accepted before these have been run.
   */
  enter(given: readonly ThingEvent[], upTo = this.#state.accepted): void {
    const nowMs = Math.max(Date.now(), this.#rules.nowMs);
    const isUpToDate = this.#rules.runDue(nowMs, timersAtOnce);
    const atMs = this.#rules.nowMs;
    const events = isUpToDate ? given : [];
    const accepted = isUpToDate ? upTo : this.#state.accepted;
    this.#apply(atMs, events);
    this.#state = { ...this.#state, accepted };
    const { source, taken } = this.#state;
    this.#store.append({ seq: ++this.#seq, atMs, source, accepted, taken, events });
    this.#post();
    this.#eventsSinceCheckpoint += Math.max(1, events.length);
    this.#isDirty = true;
    if (this.#isCheckpointWorthIt() || this.#rules.failures.size > 0) this.checkpoint();
  }

  /** What was carried out need not wait any longer. */
  acknowledge({ origin, number }: ResultPosition): void {
    if (origin !== this.#state.origin || number <= this.#state.taken) return;
    this.#state = { ...this.#state, taken: number };
    this.#waiting = this.#waiting.filter((result) => result.number > number);
  }

  /** Writes what changed since the last checkpoint; afterwards the log before it is history. */
  checkpoint(): void {
    for (const [name, error] of this.#rules.failures) {
      const record = this.#records.get(name);
      this.#rules.remove(name);
      if (record === undefined) continue;
      this.record({ ...record, state: "failed", error });
      log.warn("rule.stopped", { code: error.code });
      this.interestChanged();
    }
    this.#rules.failures.clear();
    for (const rule of this.#rules.all()) {
      if (!rule.isChanged) continue;
      const snapshot = rule.snapshot();
      const mark = markOf(snapshot);
      // A filter that let nothing through, a pattern that did not begin: their state is what it was.
      if (this.#snapshotMarks.get(rule.name) !== mark) this.#store.saveSnapshot(rule.name, snapshot);
      this.#snapshotMarks.set(rule.name, mark);
      this.#snapshotBytes.set(rule.name, snapshot.length);
      const record = this.#records.get(rule.name);
      if (record !== undefined) {
        const counted = { ...record, counters: rule.count(), error: rule.lastError ?? record.error };
        this.#records.set(record.name, counted);
        this.#store.saveCounters(counted);
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
    this.#store.trimLog(this.#seq - this.#options.historyEntries);
    this.#isDirty = false;
    this.#eventsSinceCheckpoint = 0;
    this.#checkpointAfter = checkpointEvents;
    this.#checkpointAtMs = Date.now();
  }

  /** Compiles and starts a rule, with as much of its stored state as fits. @returns what did not. */
  run(name: string, text: string, counters: StoredRule["counters"] | undefined): readonly string[] {
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
    this.#post();
    return dropped;
  }

  /**
   * Drops what the rules keep under these keys alone, running or not, and what waits and names one of them; nothing
   * of it is left in the log.
   */
  forgetKeys(keys: ReadonlySet<string>): void {
    this.checkpoint();
    for (const record of this.#records.values()) {
      const running = this.#rules.get(record.name);
      if (running !== undefined) {
        running.forget(keys);
        continue;
      }
      this.#forgetResting(record, keys);
    }
    this.#waiting = this.#waiting.filter(({ payload }) => ![...keys].some((key) => payload.includes(key)));
    this.checkpoint();
  }

  #forgetResting(record: StoredRule, keys: ReadonlySet<string>): void {
    try {
      const resting = this.#rules.compile(record.name, record.text);
      this.#load(resting);
      resting.forget(keys);
      this.#store.saveSnapshot(record.name, resting.snapshot());
    } catch {
      // What a later release of the engine cannot read would never run again.
      this.#store.deleteSnapshot(record.name);
    }
  }

  /** Writes what is known of a rule beside its state. */
  record(record: StoredRule): void {
    this.#records.set(record.name, record);
    this.#store.saveRule(record);
  }

  /** Forgets a rule and its state. */
  remove(name: string): void {
    this.#rules.remove(name);
    this.#records.delete(name);
    this.#snapshotBytes.delete(name);
    this.#snapshotMarks.delete(name);
    this.#store.deleteRule(name);
  }

  /** Other topics may be wanted than the source of events knows. */
  interestChanged(): void {
    const interestVersion = this.#state.interestVersion + 1;
    this.#state = { ...this.#state, interestVersion, isInterestKnown: false };
  }

  /** The source of events was told of this version. */
  interestKnown(version: number): void {
    if (this.#state.interestVersion !== version) return;
    this.#state = { ...this.#state, isInterestKnown: true };
    this.#store.saveState({ ...(this.#store.state() ?? this.#state), isInterestKnown: true });
  }

  /** Size of the last snapshot of a rule, in UTF-16 units (about bytes). */
  snapshotBytes(name: string): number {
    return this.#snapshotBytes.get(name) ?? 0;
  }

  logEntries(): number {
    return this.#store.logEntries();
  }

  /** The last events that came, oldest first; at most so many, and no more than may be in memory at once. */
  history(most: number, sinceMs = 0): ThingEvent[] {
    const parts: (readonly ThingEvent[])[] = [];
    let count = 0;
    let characters = 0;
    for (const entry of this.#store.latestEntries()) {
      // An event is in the log after it came.
      if (count >= most || characters > historyCharacters || entry.atMs < sinceMs) break;
      const events = entry.events.filter(({ atMs }) => atMs >= sinceMs);
      parts.push(events);
      count += events.length;
      for (const { payload } of events) characters += payload.length;
    }
    return parts.reverse().flat().slice(-most);
  }

  /** The tables are empty again: so is everything here, under another origin. */
  forget(): void {
    this.#rules = new RuleSet(this.#limits, this.#options.wire, stopwatch);
    this.#records.clear();
    this.#snapshotBytes.clear();
    this.#snapshotMarks.clear();
    this.#waiting = [];
    this.#seq = 0;
    this.#state = newState();
    this.#isDirty = false;
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

  #post(): void {
    const postings = this.#rules.takePostings();
    if (postings.length > 0) this.#options.post?.(postings);
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
    // They were written with the entries that made them.
    this.#rules.takePostings();
    // What was carried out before is not handed over again.
    this.#waiting = this.#waiting.filter(({ number }) => number > this.#state.taken);
    if (this.#rules.failures.size > 0) this.checkpoint();
  }

  /** Gives a compiled rule the state that is stored under its name. @throws CepError `SNAPSHOT` */
  #load(rule: Rule): readonly string[] {
    const snapshot = this.#store.snapshot(rule.name);
    if (snapshot === undefined) return [];
    this.#snapshotBytes.set(rule.name, snapshot.length);
    this.#snapshotMarks.set(rule.name, markOf(snapshot));
    return rule.restore(snapshot).dropped;
  }
}

/** Two snapshots with the same mark are the same, but for one pair in 2^64. */
function markOf(snapshot: string): string {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let i = 0; i < snapshot.length; i += 1) {
    const unit = snapshot.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x85ebca6b);
    b ^= b >>> 13;
  }
  return `${a}.${b}.${snapshot.length}`;
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
