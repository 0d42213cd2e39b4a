import { CURRENT, type Ev, EXPIRED } from "../event.ts";
import { Processor } from "../runtime/processor.ts";

/** Neither a timer nor a reset. */
export function isRow(e: Ev): boolean {
  return e.type === CURRENT || e.type === EXPIRED;
}

/** Limiters that go by the number of rows; `held` is what they know between them. */
abstract class PerEvents<T> extends Processor {
  protected readonly events: number;
  protected held: T;
  constructor(events: number, held: T) {
    super();
    this.events = events;
    this.held = held;
  }
  process(chunk: Ev[]): void {
    const out: Ev[] = [];
    for (const e of chunk) if (isRow(e)) this.pass(e, out);
    if (out.length > 0) this.next.process(out);
  }
  protected abstract pass(e: Ev, out: Ev[]): void;
  override save(): unknown {
    return this.held;
  }
  override load(saved: T): void {
    this.held = saved;
  }
}

export class AllPerEvents extends PerEvents<Ev[]> {
  constructor(events: number) {
    super(events, []);
  }
  protected override pass(e: Ev, out: Ev[]): void {
    this.held.push(e);
    if (this.held.length < this.events) return;
    for (const x of this.held) out.push(x);
    this.held = [];
  }
}

export class FirstPerEvents extends PerEvents<number> {
  constructor(events: number) {
    super(events, 0);
  }
  protected override pass(e: Ev, out: Ev[]): void {
    if (this.held === 0) out.push(e);
    if (++this.held === this.events) this.held = 0;
  }
}

export class FirstPerEventsByGroup extends PerEvents<Map<unknown, number>> {
  constructor(events: number) {
    super(events, new Map());
  }
  protected override pass(e: Ev, out: Ev[]): void {
    const count = this.held.get(e.key);
    if (count === undefined) {
      if (this.events > 1) this.held.set(e.key, 1);
      out.push(e);
    } else if (count === this.events - 1) this.held.delete(e.key);
    else this.held.set(e.key, count + 1);
  }
}

export class LastPerEvents extends PerEvents<number> {
  constructor(events: number) {
    super(events, 0);
  }
  protected override pass(e: Ev, out: Ev[]): void {
    if (++this.held < this.events) return;
    out.push(e);
    this.held = 0;
  }
}

export class LastPerEventsByGroup extends PerEvents<[count: number, last: Map<unknown, Ev>]> {
  constructor(events: number) {
    super(events, [0, new Map()]);
  }
  protected override pass(e: Ev, out: Ev[]): void {
    const [, last] = this.held;
    last.set(e.key, e);
    if (++this.held[0] < this.events) return;
    for (const x of last.values()) out.push(x);
    last.clear();
    this.held[0] = 0;
  }
}
