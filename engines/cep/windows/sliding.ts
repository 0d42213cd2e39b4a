import { CURRENT, copyAs, type Ev, EXPIRED, RESET } from "../event.ts";
import { constantNumber } from "../expression/compiled.ts";
import type { WindowExtension } from "../extension.ts";
import { type Host, timerEvent } from "../runtime/processor.ts";
import type { Timer } from "../runtime/scheduler.ts";
import { QueueWindow, TIME, TimedQueueWindow } from "./queue-window.ts";

class LengthWindow extends QueueWindow {
  readonly #length: number;
  constructor(host: Host, length: number) {
    super(host);
    this.#length = length;
  }
  override processOne(e: Ev): void {
    if (e.type !== CURRENT || this.#length === 0) {
      this.process([e]);
      return;
    }
    const copy = copyAs(e, EXPIRED);
    if (this.queue.length < this.#length) {
      this.keep(copy);
      this.next.processOne(e);
      return;
    }
    const oldest = this.queue.shift() as Ev; // the queue is full and not of length 0
    oldest.ts = this.host.now();
    this.queue.push(copy);
    this.next.processPair(oldest, e);
  }
  protected override pass(chunk: readonly Ev[], out: Ev[]): void {
    const now = this.host.now();
    for (const e of chunk) {
      if (e.type !== CURRENT) {
        out.push(e);
        continue;
      }
      const copy = copyAs(e, EXPIRED);
      if (this.queue.length < this.#length) {
        this.keep(copy);
        out.push(e);
      } else if (this.#length === 0) {
        out.push(e, copy, copyAs(e, RESET));
      } else {
        const oldest = this.queue.shift() as Ev; // the queue is full and not of length 0
        oldest.ts = now;
        this.queue.push(copy);
        out.push(oldest, e);
      }
    }
  }
}

class TimeWindow extends TimedQueueWindow {
  /** At a timer: what has had its time leaves, one by one or as a chunk. */
  protected override tick(): void {
    const now = this.host.now();
    const first = this.takeExpired(now, this.ms);
    if (first === undefined) return;
    const second = this.takeExpired(now, this.ms);
    if (second === undefined) {
      this.next.processOne(first);
      return;
    }
    const out = [first, second];
    this.passExpired(now, this.ms, out);
    this.next.process(out);
  }
  override processOne(e: Ev): void {
    const head = this.queue.peek();
    if (e.type !== CURRENT || (head !== undefined && head.ts - this.host.now() + this.ms <= 0)) {
      this.process([e]);
      return;
    }
    this.keepTimed(copyAs(e, EXPIRED));
    this.next.processOne(e);
  }
  protected override pass(chunk: readonly Ev[], out: Ev[]): void {
    const now = this.host.now();
    for (const e of chunk) {
      this.passExpired(now, this.ms, out);
      if (e.type !== CURRENT) continue;
      this.keepTimed(copyAs(e, EXPIRED));
      out.push(e);
    }
  }
}

class TimeLengthWindow extends QueueWindow {
  readonly #ms: number;
  readonly #length: number;
  readonly #timer: Timer;
  constructor(host: Host, ms: number, length: number) {
    super(host);
    this.#ms = ms;
    this.#length = length;
    this.#timer = host.timer((time) => this.process([timerEvent(time)]));
  }
  protected override pass(chunk: readonly Ev[], out: Ev[]): void {
    const now = this.host.now();
    for (const e of chunk) {
      this.passExpired(now, this.#ms, out);
      if (e.type !== CURRENT) continue;
      if (this.queue.length >= this.#length) {
        const oldest = this.drop();
        if (oldest !== undefined) {
          oldest.ts = now;
          out.push(oldest);
        }
      }
      if (this.#length > 0) this.keep(copyAs(e, EXPIRED));
      out.push(e);
      this.#timer.notifyAt(e.ts + this.#ms);
    }
  }
}

export const lengthWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "length",
  description: "A sliding window of the last so many events.",
  parameters: [{ name: "window.length", types: ["int"], description: "The number of events to keep." }],
  overloads: [["window.length"]],
  returns: [],
  examples: [
    {
      syntax: "from S#window.length(10) select avg(temp) as mean insert into Out;",
      description: "Mean of the last ten.",
    },
  ],
  create:
    ({ args }) =>
    (host) =>
      new LengthWindow(host, constantNumber(args[0]) ?? 0),
};

export const timeWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "time",
  description: "A sliding window of the events of the last so much time.",
  parameters: [{ name: "window.time", types: TIME, description: "How long an event stays." }],
  overloads: [["window.time"]],
  returns: [],
  examples: [
    {
      syntax: "from S#window.time(1 min) select max(temp) as peak insert into Out;",
      description: "Peak of the last minute.",
    },
  ],
  create:
    ({ args }) =>
    (host) =>
      new TimeWindow(host, constantNumber(args[0]) ?? 0),
};

export const timeLengthWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "timeLength",
  description: "A sliding window of the last so much time, but no more than so many events.",
  parameters: [
    { name: "window.time", types: TIME, description: "How long an event stays at most." },
    { name: "window.length", types: ["int"], description: "How many events stay at most." },
  ],
  overloads: [["window.time", "window.length"]],
  returns: [],
  examples: [
    {
      syntax: "from S#window.timeLength(2 sec, 10) select temp insert all events into Out;",
      description: "At most ten events of the last two seconds.",
    },
  ],
  create:
    ({ args }) =>
    (host) =>
      new TimeLengthWindow(host, constantNumber(args[0]) ?? 0, constantNumber(args[1]) ?? 0),
};
