import { CepError } from "../cep-error.ts";
import { type Attribute, CURRENT, Ev } from "../event.ts";
import type { Compiled } from "../expression/compiled.ts";
import type { AggregatorState } from "../extension.ts";
import { DURATIONS, type Duration, type Span } from "../parser/ast.ts";
import type { AggregatorSet } from "../query/aggregator-set.ts";
import { Processor } from "../runtime/processor.ts";
import { bucketStart, durationOf, momentOf, patternRange } from "./time-buckets.ts";

/** What an aggregation is compiled to. */
export interface AggregationPlan {
  readonly id: string;
  readonly durations: readonly Duration[];
  /** AGG_TIMESTAMP, then what is selected. */
  readonly attributes: readonly Attribute[];
  readonly aggregators: AggregatorSet;
  readonly fns: readonly ((e: Ev) => unknown)[];
  /** Which of `fns` hold aggregates; the rest keep the value of the newest event. */
  readonly isAggregate: readonly boolean[];
  readonly keyOf: ((e: Ev) => unknown) | undefined;
  readonly timeOf: ((e: Ev) => unknown) | undefined;
  /** How long (ms) buckets are kept, by duration; absent: for ever. */
  readonly retention: ReadonlyMap<Duration, number>;
}

interface Bucket {
  start: number;
  newest: number;
  states: AggregatorState[];
  values: unknown[];
  out: unknown[];
}

/** Rows of an aggregation for an event: within and per are evaluated on it. */
export type AggregationFinder = (e: Ev) => readonly Ev[];

/**
 * Keeps sums, counts and so on per calendar bucket and group, for each duration on its own: an event costs one
 * update per duration, and a query reads the buckets of one duration without rolling up.
 */
export class Aggregation extends Processor {
  readonly #plan: AggregationPlan;
  readonly #now: () => number;
  readonly #charge: (rows: number) => void;
  readonly #buckets = new Map<Duration, Map<string, Bucket>>();

  constructor(plan: AggregationPlan, now: () => number, charge: (rows: number) => void) {
    super();
    this.#plan = plan;
    this.#now = now;
    this.#charge = charge;
    for (const d of plan.durations) this.#buckets.set(d, new Map());
  }

  get id(): string {
    return this.#plan.id;
  }
  get attributes(): readonly Attribute[] {
    return this.#plan.attributes;
  }
  get size(): number {
    let rows = 0;
    for (const b of this.#buckets.values()) rows += b.size;
    return rows;
  }

  process(chunk: Ev[]): void {
    for (const e of chunk) if (e.type === CURRENT) this.#add(e);
  }

  #add(e: Ev): void {
    const { keyOf, timeOf, durations } = this.#plan;
    const time = timeOf === undefined ? this.#now() : Number(timeOf(e));
    const key = String(keyOf?.(e) ?? "");
    for (const duration of durations) {
      const start = bucketStart(time, duration);
      const buckets = this.#buckets.get(duration) as Map<string, Bucket>; // one per duration
      const id = `${start}|${key}`;
      let bucket = buckets.get(id);
      if (bucket === undefined) {
        this.#charge(1);
        bucket = {
          start,
          newest: time,
          states: this.#plan.aggregators.makers.map((m) => m()),
          values: [],
          out: [],
        };
        buckets.set(id, bucket);
      }
      this.#update(bucket, e, time);
    }
  }

  #update(bucket: Bucket, e: Ev, time: number): void {
    const { aggregators, fns, isAggregate } = this.#plan;
    bucket.states.forEach((state, i) => {
      aggregators.slots[i] = state.add(aggregators.args[i]?.(e));
    });
    const isNewest = time >= bucket.newest || bucket.out.length === 0;
    bucket.out = fns.map((fn, i) => (isNewest || isAggregate[i] === true ? fn(e) : bucket.out[i]));
    if (isNewest) bucket.newest = time;
  }

  /**
   * Compiles the `within` and `per` of a join or an on-demand query.
   * @throws CepError `TYPE_MISMATCH`, `WRONG_PARAMETERS` on a range or a duration that cannot be.
   */
  compileFind(within: readonly Compiled[], per: Compiled, at: Span): AggregationFinder {
    const span = { offset: at.start, length: at.end - at.start };
    if (per.type !== "string")
      throw new CepError("TYPE_MISMATCH", "'per' takes a string such as \"days\"", {
        ...span,
        expected: [...DURATIONS],
      });
    if (typeof per.constant?.value === "string" && durationOf(per.constant.value) === undefined) {
      throw new CepError("WRONG_PARAMETERS", `'${per.constant.value}' is no duration`, {
        ...span,
        expected: [...DURATIONS],
      });
    }
    const allowed = within.length === 1 ? ["string"] : ["string", "long"];
    for (const w of within) {
      if (!allowed.includes(w.type))
        throw new CepError("TYPE_MISMATCH", `'within' takes ${allowed.join(" or ")}, not ${w.type}`, {
          ...span,
          expected: allowed,
        });
    }
    const fixed = within.every((w) => w.constant !== undefined)
      ? rangeOf(within.map((w) => w.constant?.value))
      : undefined;
    return (e) => {
      const [start, end] = fixed ?? rangeOf(within.map((w) => w.fn(e)));
      return this.#rows(this.#durationOf(per.fn(e)), start, end);
    };
  }

  #durationOf(word: unknown): Duration {
    const duration = typeof word === "string" ? durationOf(word) : undefined;
    if (duration === undefined || !this.#buckets.has(duration)) {
      throw new CepError("WRONG_PARAMETERS", `'${this.id}' is not aggregated per ${String(word)}`, {
        expected: [...this.#buckets.keys()],
      });
    }
    return duration;
  }

  #rows(duration: Duration, start: number, end: number): Ev[] {
    const rows: Ev[] = [];
    for (const b of this.#buckets.get(duration)?.values() ?? []) {
      if (b.start >= start && b.start < end) rows.push(new Ev(b.start, CURRENT, [b.start, ...b.out]));
    }
    return rows;
  }

  /** Drops buckets older than their retention. */
  purge(): void {
    const now = this.#now();
    for (const [duration, buckets] of this.#buckets) {
      const keep = this.#plan.retention.get(duration);
      if (keep === undefined) continue;
      for (const [id, b] of [...buckets]) {
        if (b.start >= now - keep) continue;
        buckets.delete(id);
        this.#charge(-1);
      }
    }
  }

  override save(): unknown {
    return [...this.#buckets].map(([d, buckets]) => [
      d,
      [...buckets].map(([id, b]) => [id, b.start, b.newest, b.states.map((s) => s.save()), b.out]),
    ]);
  }

  override load(saved: unknown): void {
    for (const [duration, rows] of saved as [Duration, [string, number, number, unknown[], unknown[]][]][]) {
      // as saved
      const buckets = this.#buckets.get(duration);
      if (buckets === undefined) continue;
      this.#charge(rows.length - buckets.size);
      buckets.clear();
      for (const [id, start, newest, values, out] of rows) {
        const states = this.#plan.aggregators.makers.map((m) => m());
        for (const [i, s] of states.entries()) s.load(values[i]);
        buckets.set(id, { start, newest, states, values: [], out });
      }
    }
  }
}

/** @throws CepError `WRONG_PARAMETERS` when the range is none, or ends before it starts. */
function rangeOf(values: readonly unknown[]): [number, number] {
  const [from, to] = values;
  if (values.length === 1) {
    const range = patternRange(String(from));
    if (range === undefined)
      throw new CepError("WRONG_PARAMETERS", "'within' takes a pattern such as \"2017-06-** **:**:**\"", {
        expected: ["yyyy-MM-dd HH:mm:ss with ** at the end"],
      });
    return range;
  }
  const [start, end] = [from, to].map((v) => (typeof v === "string" ? momentOf(v) : Number(v)));
  if (start === undefined || end === undefined || Number.isNaN(start) || Number.isNaN(end)) {
    throw new CepError("WRONG_PARAMETERS", "'within' takes two times", {
      expected: ["yyyy-MM-dd HH:mm:ss", "a long"],
    });
  }
  if (start >= end) throw new CepError("WRONG_PARAMETERS", "'within' must start before it ends");
  return [start, end];
}
