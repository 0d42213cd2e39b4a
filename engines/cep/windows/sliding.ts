import { CepError } from "../cep-error.ts";
import { CURRENT, copyAs, type Ev, EXPIRED, RESET } from "../event.ts";
import { constantNumber } from "../expression/compiled.ts";
import type { WindowExtension } from "../extension.ts";
import { EventRing } from "../runtime/event-ring.ts";
import type { Host } from "../runtime/processor.ts";
import { timerEvent } from "../runtime/processor.ts";
import type { Timer } from "../runtime/scheduler.ts";
import { WindowProcessor } from "./window.ts";

const TIME = ["int", "long", "time"] as const;

/** Windows that keep expired copies in one queue. */
abstract class QueueWindow extends WindowProcessor {
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
}

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
  override save(): unknown {
    return this.queue.toArray();
  }
  override load(saved: Ev[]): void {
    this.queue = new EventRing(saved);
  }
}

class TimeWindow extends QueueWindow {
  readonly #ms: number;
  readonly #timer: Timer;
  #lastTimestamp = Number.NEGATIVE_INFINITY;
  constructor(host: Host, ms: number) {
    super(host);
    this.#ms = ms;
    this.#timer = host.timer(() => this.#expire());
  }
  /** At a timer: what has had its time leaves, one by one or as a chunk. */
  #expire(): void {
    const now = this.host.now();
    const first = this.#takeExpired(now);
    if (first === undefined) return;
    let next = this.#takeExpired(now);
    if (next === undefined) {
      this.next.processOne(first);
      return;
    }
    const out = [first];
    for (; next !== undefined; next = this.#takeExpired(now)) out.push(next);
    this.next.process(out);
  }
  #takeExpired(now: number): Ev | undefined {
    const head = this.queue.peek();
    if (head === undefined || head.ts - now + this.#ms > 0) return undefined;
    this.drop();
    head.ts = now;
    return head;
  }
  override processOne(e: Ev): void {
    const head = this.queue.peek();
    if (e.type !== CURRENT || (head !== undefined && head.ts - this.host.now() + this.#ms <= 0)) {
      this.process([e]);
      return;
    }
    this.#add(e);
    this.next.processOne(e);
  }
  #add(e: Ev): void {
    this.keep(copyAs(e, EXPIRED));
    if (this.#lastTimestamp < e.ts) {
      this.#timer.notifyAt(e.ts + this.#ms);
      this.#lastTimestamp = e.ts;
    }
  }
  protected override pass(chunk: readonly Ev[], out: Ev[]): void {
    const now = this.host.now();
    for (const e of chunk) {
      for (let head = this.#takeExpired(now); head !== undefined; head = this.#takeExpired(now))
        out.push(head);
      if (e.type !== CURRENT) continue;
      this.#add(e);
      out.push(e);
    }
  }
  override save(): unknown {
    return [this.queue.toArray(), this.#lastTimestamp];
  }
  override load([events, lastTimestamp]: [Ev[], number]): void {
    this.queue = new EventRing(events);
    this.#lastTimestamp = lastTimestamp;
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
      for (
        let head = this.queue.peek();
        head !== undefined && head.ts - now + this.#ms <= 0;
        head = this.queue.peek()
      ) {
        this.drop();
        head.ts = now;
        out.push(head);
      }
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
  override save(): unknown {
    return this.queue.toArray();
  }
  override load(saved: Ev[]): void {
    this.queue = new EventRing(saved);
  }
}

class ExternalTimeWindow extends QueueWindow {
  readonly #ms: number;
  readonly #timeOf: (e: Ev) => number;
  constructor(host: Host, timeOf: (e: Ev) => number, ms: number) {
    super(host);
    this.#timeOf = timeOf;
    this.#ms = ms;
  }
  protected override pass(chunk: readonly Ev[], out: Ev[]): void {
    for (const e of chunk) {
      if (e.type !== CURRENT) {
        out.push(e);
        continue;
      }
      const now = this.#timeOf(e);
      for (
        let head = this.queue.peek();
        head !== undefined && this.#timeOf(head) - now + this.#ms <= 0;
        head = this.queue.peek()
      ) {
        this.drop();
        head.ts = now;
        out.push(head);
      }
      this.keep(copyAs(e, EXPIRED));
      out.push(e);
    }
  }
  override save(): unknown {
    return this.queue.toArray();
  }
  override load(saved: Ev[]): void {
    this.queue = new EventRing(saved);
  }
}

class DelayWindow extends QueueWindow {
  readonly #ms: number;
  readonly #timer: Timer;
  #lastTimestamp = Number.NEGATIVE_INFINITY;
  constructor(host: Host, ms: number) {
    super(host);
    this.#ms = ms;
    this.#timer = host.timer((time) => this.process([timerEvent(time)]));
  }
  protected override pass(chunk: readonly Ev[], out: Ev[]): void {
    const now = this.host.now();
    for (const e of chunk) {
      for (
        let head = this.queue.peek();
        head !== undefined && head.ts - now + this.#ms <= 0;
        head = this.queue.peek()
      ) {
        this.drop();
        head.ts = now;
        out.push(head);
      }
      if (e.type !== CURRENT) continue;
      this.keep(e);
      if (this.#lastTimestamp < e.ts) {
        this.#timer.notifyAt(e.ts + this.#ms);
        this.#lastTimestamp = e.ts;
      }
    }
  }
  override save(): unknown {
    return [this.queue.toArray(), this.#lastTimestamp];
  }
  override load([events, lastTimestamp]: [Ev[], number]): void {
    this.queue = new EventRing(events);
    this.#lastTimestamp = lastTimestamp;
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

export const externalTimeWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "externalTime",
  description: "A sliding time window that goes by a timestamp of the events.",
  parameters: [
    {
      name: "timestamp",
      types: ["long"],
      description: "The attribute that holds the time (ms), not falling.",
      isDynamic: true,
    },
    { name: "window.time", types: TIME, description: "How long an event stays." },
  ],
  overloads: [["timestamp", "window.time"]],
  returns: [],
  examples: [
    {
      syntax: "from S#window.externalTime(eventTime, 20 sec) select temp insert into Out;",
      description: "Twenty seconds by eventTime.",
    },
  ],
  create: ({ args, at }) => {
    if (args[0]?.constant !== undefined)
      throw new CepError("WRONG_PARAMETERS", "externalTime() goes by a timestamp of the events", {
        offset: at.start,
        length: at.end - at.start,
        expected: ["an attribute"],
      });
    const timeOf = args[0]?.fn as (e: Ev) => number; // long: checked by the overload
    return (host) => new ExternalTimeWindow(host, timeOf, constantNumber(args[1]) ?? 0);
  },
};

export const delayWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "delay",
  description: "Holds every event back for a time.",
  parameters: [{ name: "window.delay", types: TIME, description: "How long to hold it." }],
  overloads: [["window.delay"]],
  returns: [],
  examples: [
    {
      syntax: "from S#window.delay(1 hour) select temp insert into Out;",
      description: "What happened an hour ago.",
    },
  ],
  create:
    ({ args }) =>
    (host) =>
      new DelayWindow(host, constantNumber(args[0]) ?? 0),
};
