import { CURRENT, copyAs, type Ev, EXPIRED, RESET, TIMER } from "../event.ts";
import { type Host, Processor, timerEvent } from "../runtime/processor.ts";
import type { Timer } from "../runtime/scheduler.ts";
import type { RateContext } from "./rate-limiter.ts";

/** The limiter of `output snapshot every …`; which one depends on windows, groups and aggregates, as in Siddhi. */
export function snapshotLimiter(ms: number, host: Host, context: RateContext): Processor {
  const { isWindowed, isGrouped, aggregatePositions, width } = context;
  if (!isWindowed) return isGrouped ? new GroupSnapshot(host, ms) : new LastSnapshot(host, ms, false);
  if (aggregatePositions.length === 0) return new WindowSnapshot(host, ms);
  if (aggregatePositions.length === width)
    return isGrouped ? new AllAggregateGroupSnapshot(host, ms) : new LastSnapshot(host, ms, true);
  return isGrouped
    ? new AggregateGroupSnapshot(host, ms, aggregatePositions)
    : new AggregateSnapshot(host, ms, aggregatePositions);
}

function snapshotOf(e: Ev): Ev {
  const copy = copyAs(e, CURRENT);
  copy.out = e.out === null ? null : [...e.out];
  copy.key = e.key;
  return copy;
}

/** Sends what it holds at every tick, also when that is nothing. */
abstract class Snapshot extends Processor {
  readonly #host: Host;
  readonly #ms: number;
  readonly #timer: Timer;
  #scheduled = 0;
  constructor(host: Host, ms: number) {
    super();
    this.#host = host;
    this.#ms = ms;
    this.#timer = host.timer((time) => this.process([timerEvent(time)]));
  }
  override start(): void {
    this.#scheduled = this.#host.now() + this.#ms;
    this.#timer.notifyAt(this.#scheduled);
  }
  process(chunk: Ev[]): void {
    const snapshots: Ev[][] = [];
    for (const e of chunk) {
      if (e.ts >= this.#scheduled) {
        snapshots.push(this.snapshot());
        this.#scheduled += this.#ms;
        this.#timer.notifyAt(this.#scheduled);
      }
      if (e.type !== TIMER) this.take(e);
    }
    for (const s of snapshots) this.next.process(s);
  }
  protected abstract take(e: Ev): void;
  protected abstract snapshot(): Ev[];
  protected abstract saveHeld(): unknown;
  protected abstract loadHeld(saved: unknown): void;
  override save(): unknown {
    return [this.#scheduled, this.saveHeld()];
  }
  override load([scheduled, held]: [number, unknown]): void {
    this.#scheduled = scheduled;
    this.loadHeld(held);
  }
}

/** The newest event; with a window of nothing but aggregates, none once events have left. */
class LastSnapshot extends Snapshot {
  readonly #forgets: boolean;
  #last: Ev | null = null;
  constructor(host: Host, ms: number, forgets: boolean) {
    super(host, ms);
    this.#forgets = forgets;
  }
  protected take(e: Ev): void {
    if (e.type === CURRENT) this.#last = e;
    else if (this.#forgets) this.#last = null;
  }
  protected snapshot(): Ev[] {
    return this.#last === null ? [] : [snapshotOf(this.#last)];
  }
  protected saveHeld(): unknown {
    return this.#last;
  }
  protected loadHeld(saved: Ev | null): void {
    this.#last = saved;
  }
}

/** The newest event of each group. */
class GroupSnapshot extends Snapshot {
  #last = new Map<unknown, Ev>();
  protected take(e: Ev): void {
    if (e.type === CURRENT) this.#last.set(e.key, e);
  }
  protected snapshot(): Ev[] {
    return [...this.#last.values()].map(snapshotOf);
  }
  protected saveHeld(): unknown {
    return this.#last;
  }
  protected loadHeld(saved: Map<unknown, Ev>): void {
    this.#last = saved;
  }
}

/** All events in the window. */
class WindowSnapshot extends Snapshot {
  #events: Ev[] = [];
  protected take(e: Ev): void {
    if (e.type === CURRENT) this.#events.push(e);
    else if (e.type === EXPIRED) {
      const at = this.#events.findIndex((x) => sameRow(x.out, e.out, []));
      if (at >= 0) this.#events.splice(at, 1);
    } else if (e.type === RESET) this.#events = [];
  }
  protected snapshot(): Ev[] {
    return this.#events.map(snapshotOf);
  }
  protected saveHeld(): unknown {
    return this.#events;
  }
  protected loadHeld(saved: Ev[]): void {
    this.#events = saved;
  }
}

function sameRow(a: unknown[] | null, b: unknown[] | null, except: readonly number[]): boolean {
  if (a === null || b === null) return a === b;
  return a.every((v, i) => except.includes(i) || v === b[i]);
}

/** All events in the window, each with the aggregates as they are now. */
class AggregateSnapshot extends Snapshot {
  readonly #positions: readonly number[];
  #events: Ev[] = [];
  #values = new Map<number, unknown>();
  constructor(host: Host, ms: number, positions: readonly number[]) {
    super(host, ms);
    this.#positions = positions;
  }
  protected take(e: Ev): void {
    if (e.type === CURRENT) this.#events.push(e);
    else if (e.type === EXPIRED) {
      const at = this.#events.findIndex((x) => sameRow(x.out, e.out, this.#positions));
      if (at < 0) return;
      this.#events.splice(at, 1);
    } else {
      this.#events = [];
      this.#values.clear();
      return;
    }
    for (const p of this.#positions) this.#values.set(p, e.out?.[p] ?? null);
  }
  protected snapshot(): Ev[] {
    return this.#events.map((e) => {
      const copy = snapshotOf(e);
      if (copy.out !== null) for (const p of this.#positions) copy.out[p] = this.#values.get(p) ?? null;
      return copy;
    });
  }
  protected saveHeld(): unknown {
    return [this.#events, this.#values];
  }
  protected loadHeld([events, values]: [Ev[], Map<number, unknown>]): void {
    this.#events = events;
    this.#values = values;
  }
}

/** The oldest event of each group in the window, with the group's aggregates as they are now. */
class AggregateGroupSnapshot extends Snapshot {
  readonly #positions: readonly number[];
  #events: Ev[] = [];
  #values = new Map<unknown, Map<number, unknown>>();
  constructor(host: Host, ms: number, positions: readonly number[]) {
    super(host, ms);
    this.#positions = positions;
  }
  protected take(e: Ev): void {
    if (e.type === RESET) {
      this.#events = [];
      this.#values.clear();
      return;
    }
    const values = this.#values.get(e.key) ?? new Map<number, unknown>();
    this.#values.set(e.key, values);
    if (e.type === CURRENT) this.#events.push(e);
    else {
      const at = this.#events.findIndex((x) => sameRow(x.out, e.out, this.#positions));
      if (at < 0) return;
      this.#events.splice(at, 1);
    }
    for (const p of this.#positions) values.set(p, e.out?.[p] ?? null);
  }
  protected snapshot(): Ev[] {
    const seen = new Set<unknown>();
    const out: Ev[] = [];
    for (const e of this.#events) {
      if (seen.has(e.key)) continue;
      seen.add(e.key);
      const copy = snapshotOf(e);
      const values = this.#values.get(e.key);
      if (copy.out !== null) for (const p of this.#positions) copy.out[p] = values?.get(p) ?? null;
      out.push(copy);
    }
    for (const key of this.#values.keys()) if (!seen.has(key)) this.#values.delete(key);
    return out;
  }
  protected saveHeld(): unknown {
    return [this.#events, this.#values];
  }
  protected loadHeld([events, values]: [Ev[], Map<unknown, Map<number, unknown>>]): void {
    this.#events = events;
    this.#values = values;
  }
}

/** The newest aggregates of each group that still has events in the window. */
class AllAggregateGroupSnapshot extends Snapshot {
  #groups = new Map<unknown, { count: number; last: Ev }>();
  protected take(e: Ev): void {
    if (e.type === RESET) {
      this.#groups.clear();
      return;
    }
    const group = this.#groups.get(e.key) ?? { count: 0, last: e };
    group.count += e.type === CURRENT ? 1 : -1;
    group.last = e;
    this.#groups.set(e.key, group);
  }
  protected snapshot(): Ev[] {
    const out: Ev[] = [];
    for (const [key, group] of [...this.#groups]) {
      if (group.count <= 0) this.#groups.delete(key);
      else out.push(snapshotOf(group.last));
    }
    return out;
  }
  protected saveHeld(): unknown {
    return this.#groups;
  }
  protected loadHeld(saved: Map<unknown, { count: number; last: Ev }>): void {
    this.#groups = saved;
  }
}
