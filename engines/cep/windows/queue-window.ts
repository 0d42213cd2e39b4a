import type { Ev } from "../event.ts";
import { EventRing } from "../runtime/event-ring.ts";
import { type Host, timerEvent } from "../runtime/processor.ts";
import type { Timer } from "../runtime/scheduler.ts";
import { WindowProcessor } from "./window.ts";

/** What a time may be given as. */
export const TIME = ["int", "long", "time"] as const;

/** Windows that keep expired copies in one queue. */
export abstract class QueueWindow extends WindowProcessor {
  protected readonly host: Host;
  protected queue = new EventRing();
  constructor(host: Host) {
    super();
    this.host = host;
  }
  contents(): readonly Ev[] {
    return this.queue.toArray();
  }
  override collect(column: number, value: unknown, into: Ev[]): void {
    this.queue.collect(column, value, into);
  }
  size(): number {
    return this.queue.length;
  }
  /** Passes a chunk; when it becomes too much, what was kept until then has still passed. */
  process(chunk: Ev[]): void {
    const out: Ev[] = [];
    try {
      this.pass(chunk, out);
    } finally {
      if (out.length > 0) this.next.process(out);
    }
  }
  protected abstract pass(chunk: readonly Ev[], out: Ev[]): void;
  protected keep(e: Ev): void {
    this.host.charge(1);
    this.queue.push(e);
  }
  protected drop(): Ev | undefined {
    const e = this.queue.shift();
    if (e !== undefined) this.host.charge(-1);
    return e;
  }
  /** Takes out the oldest event when its time, so long, is over. */
  protected takeExpired(now: number, ms: number): Ev | undefined {
    const head = this.queue.peek();
    if (head === undefined || head.ts - now + ms > 0) return undefined;
    this.drop();
    head.ts = now;
    return head;
  }
  protected passExpired(now: number, ms: number, out: Ev[]): void {
    for (let e = this.takeExpired(now, ms); e !== undefined; e = this.takeExpired(now, ms)) out.push(e);
  }
  override save(): unknown {
    return this.queue.toArray();
  }
  override load(saved: unknown): void {
    this.queue = new EventRing(saved as Ev[]); // as saved
  }
}

/** Windows that let every event go after its time; a timer is set once for events of the same time. */
export abstract class TimedQueueWindow extends QueueWindow {
  protected readonly ms: number;
  readonly #timer: Timer;
  #lastTimestamp = Number.NEGATIVE_INFINITY;
  constructor(host: Host, ms: number) {
    super(host);
    this.ms = ms;
    this.#timer = host.timer((time) => this.tick(time));
  }
  protected tick(time: number): void {
    this.process([timerEvent(time)]);
  }
  protected keepTimed(e: Ev): void {
    this.keep(e);
    if (this.#lastTimestamp < e.ts) {
      this.#timer.notifyAt(e.ts + this.ms);
      this.#lastTimestamp = e.ts;
    }
  }
  override save(): unknown {
    return [super.save(), this.#lastTimestamp];
  }
  override load([events, lastTimestamp]: [unknown, number]): void {
    super.load(events);
    this.#lastTimestamp = lastTimestamp;
  }
}
