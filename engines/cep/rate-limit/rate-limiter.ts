import { CURRENT, type Ev, EXPIRED, TIMER } from "../event.ts";
import type { OutputRate } from "../parser/ast.ts";
import { type Host, Processor, type Sink, timerEvent } from "../runtime/processor.ts";
import type { Timer } from "../runtime/scheduler.ts";
import { snapshotLimiter } from "./snapshot-limiter.ts";

/** What a limiter must know of its query. */
export interface RateContext {
  readonly isGrouped: boolean;
  readonly isWindowed: boolean;
  readonly aggregatePositions: readonly number[];
  readonly width: number;
}

/** The limiter of `output … every …`, or undefined when all output passes at once. */
export function rateLimiter(
  rate: OutputRate | undefined,
  host: Host,
  next: Sink,
  context: RateContext,
): Processor | undefined {
  if (rate === undefined) return undefined;
  let limiter: Processor;
  if (rate.kind === "snapshot") limiter = snapshotLimiter(rate.ms, host, context);
  else if (rate.kind === "events") {
    if (rate.type === "all") limiter = new AllPerEvents(rate.events);
    else if (rate.type === "first")
      limiter = context.isGrouped ? new FirstPerEventsByGroup(rate.events) : new FirstPerEvents(rate.events);
    else limiter = context.isGrouped ? new LastPerEventsByGroup(rate.events) : new LastPerEvents(rate.events);
  } else if (rate.type === "all") limiter = new AllPerTime(host, rate.ms);
  else if (rate.type === "first")
    limiter = context.isGrouped ? new FirstPerTimeByGroup(host, rate.ms) : new FirstPerTime(host, rate.ms);
  else limiter = context.isGrouped ? new LastPerTimeByGroup(host, rate.ms) : new LastPerTime(host, rate.ms);
  limiter.next = next;
  return limiter;
}

function isRow(e: Ev): boolean {
  return e.type === CURRENT || e.type === EXPIRED;
}

class AllPerEvents extends Processor {
  readonly #events: number;
  #held: Ev[] = [];
  constructor(events: number) {
    super();
    this.#events = events;
  }
  process(chunk: Ev[]): void {
    const out: Ev[] = [];
    for (const e of chunk) {
      if (!isRow(e)) continue;
      this.#held.push(e);
      if (this.#held.length < this.#events) continue;
      out.push(...this.#held);
      this.#held = [];
    }
    if (out.length > 0) this.next.process(out);
  }
  override save(): unknown {
    return this.#held;
  }
  override load(saved: Ev[]): void {
    this.#held = saved;
  }
}

class FirstPerEvents extends Processor {
  readonly #events: number;
  #count = 0;
  constructor(events: number) {
    super();
    this.#events = events;
  }
  process(chunk: Ev[]): void {
    const out: Ev[] = [];
    for (const e of chunk) {
      if (!isRow(e)) continue;
      if (this.#count === 0) out.push(e);
      if (++this.#count === this.#events) this.#count = 0;
    }
    if (out.length > 0) this.next.process(out);
  }
  override save(): unknown {
    return this.#count;
  }
  override load(saved: number): void {
    this.#count = saved;
  }
}

class FirstPerEventsByGroup extends Processor {
  readonly #events: number;
  #counts = new Map<unknown, number>();
  constructor(events: number) {
    super();
    this.#events = events;
  }
  process(chunk: Ev[]): void {
    const out: Ev[] = [];
    for (const e of chunk) {
      if (!isRow(e)) continue;
      const count = this.#counts.get(e.key);
      if (count === undefined) {
        this.#counts.set(e.key, 1);
        out.push(e);
      } else if (count === this.#events - 1) this.#counts.delete(e.key);
      else this.#counts.set(e.key, count + 1);
    }
    if (out.length > 0) this.next.process(out);
  }
  override save(): unknown {
    return this.#counts;
  }
  override load(saved: Map<unknown, number>): void {
    this.#counts = saved;
  }
}

class LastPerEvents extends Processor {
  readonly #events: number;
  #count = 0;
  constructor(events: number) {
    super();
    this.#events = events;
  }
  process(chunk: Ev[]): void {
    const out: Ev[] = [];
    for (const e of chunk) {
      if (!isRow(e) || ++this.#count < this.#events) continue;
      out.push(e);
      this.#count = 0;
    }
    if (out.length > 0) this.next.process(out);
  }
  override save(): unknown {
    return this.#count;
  }
  override load(saved: number): void {
    this.#count = saved;
  }
}

class LastPerEventsByGroup extends Processor {
  readonly #events: number;
  #count = 0;
  #last = new Map<unknown, Ev>();
  constructor(events: number) {
    super();
    this.#events = events;
  }
  process(chunk: Ev[]): void {
    const out: Ev[] = [];
    for (const e of chunk) {
      if (!isRow(e)) continue;
      this.#last.set(e.key, e);
      if (++this.#count < this.#events) continue;
      out.push(...this.#last.values());
      this.#last.clear();
      this.#count = 0;
    }
    if (out.length > 0) this.next.process(out);
  }
  override save(): unknown {
    return [this.#count, this.#last];
  }
  override load([count, last]: [number, Map<unknown, Ev>]): void {
    this.#count = count;
    this.#last = last;
  }
}

class FirstPerTime extends Processor {
  readonly #host: Host;
  readonly #ms: number;
  #sentAt: number | null = null;
  constructor(host: Host, ms: number) {
    super();
    this.#host = host;
    this.#ms = ms;
  }
  process(chunk: Ev[]): void {
    const now = this.#host.now();
    if (this.#sentAt !== null && this.#sentAt + this.#ms > now) return;
    const first = chunk.find(isRow);
    if (first === undefined) return;
    this.#sentAt = now;
    this.next.process([first]);
  }
  override save(): unknown {
    return this.#sentAt;
  }
  override load(saved: number | null): void {
    this.#sentAt = saved;
  }
}

class FirstPerTimeByGroup extends Processor {
  readonly #host: Host;
  readonly #ms: number;
  #sentAt = new Map<unknown, number>();
  #pruneAt = 64;
  constructor(host: Host, ms: number) {
    super();
    this.#host = host;
    this.#ms = ms;
  }
  process(chunk: Ev[]): void {
    const now = this.#host.now();
    const out: Ev[] = [];
    for (const e of chunk) {
      if (!isRow(e)) continue;
      const sentAt = this.#sentAt.get(e.key);
      if (sentAt !== undefined && sentAt + this.#ms > now) continue;
      this.#sentAt.set(e.key, now);
      out.push(e);
    }
    if (this.#sentAt.size > this.#pruneAt) this.#prune(now);
    if (out.length > 0) this.next.process(out);
  }
  /** Forgets groups whose time has passed, each time the map has doubled. */
  #prune(now: number): void {
    for (const [key, sentAt] of this.#sentAt) if (sentAt + this.#ms <= now) this.#sentAt.delete(key);
    this.#pruneAt = Math.max(64, this.#sentAt.size * 2);
  }
  override save(): unknown {
    return this.#sentAt;
  }
  override load(saved: Map<unknown, number>): void {
    this.#sentAt = saved;
  }
}

/** Limiters that send at the ticks of a timer which starts with the query. */
abstract class Ticking extends Processor {
  protected readonly host: Host;
  protected readonly ms: number;
  protected readonly timer: Timer;
  protected scheduled = 0;
  constructor(host: Host, ms: number) {
    super();
    this.host = host;
    this.ms = ms;
    this.timer = host.timer((time) => this.process([timerEvent(time)]));
  }
  override start(): void {
    this.scheduled = this.host.now() + this.ms;
    this.timer.notifyAt(this.scheduled);
  }
  process(chunk: Ev[]): void {
    const out: Ev[] = [];
    for (const e of chunk) {
      if (isRow(e)) this.hold(e);
      else if (e.type === TIMER && e.ts >= this.scheduled) {
        this.release(out);
        this.scheduled += this.ms;
        this.timer.notifyAt(this.scheduled);
      }
    }
    if (out.length > 0) this.next.process(out);
  }
  protected abstract hold(e: Ev): void;
  protected abstract release(out: Ev[]): void;
}

class AllPerTime extends Ticking {
  #held: Ev[] = [];
  protected hold(e: Ev): void {
    this.#held.push(e);
  }
  protected release(out: Ev[]): void {
    for (const e of this.#held) out.push(e);
    this.#held = [];
  }
  override save(): unknown {
    return [this.scheduled, this.#held];
  }
  override load([scheduled, held]: [number, Ev[]]): void {
    this.scheduled = scheduled;
    this.#held = held;
  }
}

class LastPerTime extends Ticking {
  #last: Ev | null = null;
  protected hold(e: Ev): void {
    this.#last = e;
  }
  protected release(out: Ev[]): void {
    if (this.#last !== null) out.push(this.#last);
    this.#last = null;
  }
  override save(): unknown {
    return [this.scheduled, this.#last];
  }
  override load([scheduled, last]: [number, Ev | null]): void {
    this.scheduled = scheduled;
    this.#last = last;
  }
}

class LastPerTimeByGroup extends Ticking {
  #last = new Map<unknown, Ev>();
  protected hold(e: Ev): void {
    this.#last.set(e.key, e);
  }
  protected release(out: Ev[]): void {
    out.push(...this.#last.values());
    this.#last.clear();
  }
  override save(): unknown {
    return [this.scheduled, this.#last];
  }
  override load([scheduled, last]: [number, Map<unknown, Ev>]): void {
    this.scheduled = scheduled;
    this.#last = last;
  }
}
