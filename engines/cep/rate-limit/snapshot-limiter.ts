import { CURRENT, copyAs, type Ev, EXPIRED, RESET, TIMER } from "../event.ts";
import type { Host, Processor } from "../runtime/processor.ts";
import type { RateContext } from "./rate-limiter.ts";
import { Ticking } from "./ticking.ts";

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
abstract class Snapshot<T> extends Ticking<T> {
  process(chunk: Ev[]): void {
    const snapshots: Ev[][] = [];
    for (const e of chunk) {
      if (this.takeTick(e.ts)) snapshots.push(this.snapshot());
      if (e.type !== TIMER) this.take(e);
    }
    for (const s of snapshots) this.next.process(s);
  }
  protected abstract take(e: Ev): void;
  protected abstract snapshot(): Ev[];
}

/** The newest event; with a window of nothing but aggregates, none once events have left. */
class LastSnapshot extends Snapshot<Ev | null> {
  readonly #forgets: boolean;
  constructor(host: Host, ms: number, forgets: boolean) {
    super(host, ms, null);
    this.#forgets = forgets;
  }
  protected take(e: Ev): void {
    if (e.type === CURRENT) this.held = e;
    else if (this.#forgets) this.held = null;
  }
  protected snapshot(): Ev[] {
    return this.held === null ? [] : [snapshotOf(this.held)];
  }
}

/** The newest event of each group. */
class GroupSnapshot extends Snapshot<Map<unknown, Ev>> {
  constructor(host: Host, ms: number) {
    super(host, ms, new Map());
  }
  protected take(e: Ev): void {
    if (e.type !== CURRENT) return;
    if (!this.held.has(e.key)) this.host.charge(1);
    this.held.set(e.key, e);
  }
  protected snapshot(): Ev[] {
    return [...this.held.values()].map(snapshotOf);
  }
  override heldRows(): number {
    return this.held.size;
  }
}

function sameRow(a: unknown[] | null, b: unknown[] | null, except: readonly number[]): boolean {
  if (a === null || b === null) return a === b;
  return a.every((v, i) => except.includes(i) || v === b[i]);
}

/** Takes the oldest event of a row out of the list. @returns whether there was one */
function takeOut(events: Ev[], e: Ev, except: readonly number[]): boolean {
  const at = events.findIndex((x) => sameRow(x.out, e.out, except));
  if (at >= 0) events.splice(at, 1);
  return at >= 0;
}

/** All events in the window. */
class WindowSnapshot extends Snapshot<Ev[]> {
  constructor(host: Host, ms: number) {
    super(host, ms, []);
  }
  protected take(e: Ev): void {
    if (e.type === CURRENT) this.held.push(e);
    else if (e.type === EXPIRED) takeOut(this.held, e, []);
    else if (e.type === RESET) this.held = [];
  }
  protected snapshot(): Ev[] {
    return this.held.map(snapshotOf);
  }
}

/** All events in the window, each with the aggregates as they are now. */
class AggregateSnapshot extends Snapshot<[events: Ev[], values: Map<number, unknown>]> {
  readonly #positions: readonly number[];
  constructor(host: Host, ms: number, positions: readonly number[]) {
    super(host, ms, [[], new Map()]);
    this.#positions = positions;
  }
  protected take(e: Ev): void {
    const [events, values] = this.held;
    if (e.type === CURRENT) events.push(e);
    else if (e.type === EXPIRED) {
      if (!takeOut(events, e, this.#positions)) return;
    } else {
      this.held = [[], new Map()];
      return;
    }
    for (const p of this.#positions) values.set(p, e.out?.[p] ?? null);
  }
  protected snapshot(): Ev[] {
    const [events, values] = this.held;
    return events.map((e) => withValues(e, this.#positions, values));
  }
}

/** The oldest event of each group in the window, with the group's aggregates as they are now. */
class AggregateGroupSnapshot extends Snapshot<[events: Ev[], values: Map<unknown, Map<number, unknown>>]> {
  readonly #positions: readonly number[];
  constructor(host: Host, ms: number, positions: readonly number[]) {
    super(host, ms, [[], new Map()]);
    this.#positions = positions;
  }
  protected take(e: Ev): void {
    if (e.type === RESET) {
      this.held = [[], new Map()];
      return;
    }
    const [events, groups] = this.held;
    const values = groups.get(e.key) ?? new Map<number, unknown>();
    groups.set(e.key, values);
    if (e.type === CURRENT) events.push(e);
    else if (!takeOut(events, e, this.#positions)) return;
    for (const p of this.#positions) values.set(p, e.out?.[p] ?? null);
  }
  protected snapshot(): Ev[] {
    const [events, groups] = this.held;
    const seen = new Set<unknown>();
    const out: Ev[] = [];
    for (const e of events) {
      if (seen.has(e.key)) continue;
      seen.add(e.key);
      out.push(withValues(e, this.#positions, groups.get(e.key)));
    }
    for (const key of groups.keys()) if (!seen.has(key)) groups.delete(key);
    return out;
  }
}

function withValues(
  e: Ev,
  positions: readonly number[],
  values: ReadonlyMap<number, unknown> | undefined,
): Ev {
  const copy = snapshotOf(e);
  if (copy.out !== null) for (const p of positions) copy.out[p] = values?.get(p) ?? null;
  return copy;
}

/** The newest aggregates of each group that still has events in the window. */
class AllAggregateGroupSnapshot extends Snapshot<Map<unknown, { count: number; last: Ev }>> {
  constructor(host: Host, ms: number) {
    super(host, ms, new Map());
  }
  protected take(e: Ev): void {
    if (e.type === RESET) {
      this.held.clear();
      return;
    }
    const group = this.held.get(e.key) ?? { count: 0, last: e };
    group.count += e.type === CURRENT ? 1 : -1;
    group.last = e;
    this.held.set(e.key, group);
  }
  protected snapshot(): Ev[] {
    const out: Ev[] = [];
    for (const [key, group] of [...this.held]) {
      if (group.count <= 0) this.held.delete(key);
      else out.push(snapshotOf(group.last));
    }
    return out;
  }
}
