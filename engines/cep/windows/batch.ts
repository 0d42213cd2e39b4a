import { CepError } from "../cep-error.ts";
import { CURRENT, copyAs, type Ev, EXPIRED, RESET } from "../event.ts";
import { constantNumber } from "../expression/compiled.ts";
import type { WindowExtension } from "../extension.ts";
import { type Host, timerEvent } from "../runtime/processor.ts";
import type { Timer } from "../runtime/scheduler.ts";
import { WindowProcessor } from "./window.ts";

/** What all batch windows hold: the batch being filled, the batch sent last, and the reset that parts them. */
export abstract class BatchWindow extends WindowProcessor {
  protected readonly host: Host;
  protected readonly expectsExpired: boolean;
  protected readonly keepsExpired: boolean;
  protected current: Ev[] = [];
  protected expired: Ev[] = [];
  protected reset: Ev | null = null;
  constructor(host: Host, expectsExpired: boolean, isFindable: boolean) {
    super();
    this.host = host;
    this.expectsExpired = expectsExpired;
    this.keepsExpired = expectsExpired || isFindable;
  }
  contents(): readonly Ev[] {
    return this.expired;
  }
  size(): number {
    return this.current.length + this.expired.length;
  }
  /** Moves the expired batch to `out` when the output wants it; a findable window keeps adding to it, as Siddhi's does. */
  protected flushExpired(out: Ev[], now: number): void {
    if (!this.expectsExpired || this.expired.length === 0) return;
    for (const e of this.expired) {
      e.ts = now;
      out.push(e);
    }
    this.host.charge(-this.expired.length);
    this.expired = [];
  }
  protected flushReset(out: Ev[], now?: number): void {
    if (this.reset === null) return;
    if (now !== undefined) this.reset.ts = now;
    out.push(this.reset);
    this.reset = null;
  }
  protected flushCurrent(out: Ev[]): void {
    for (const e of this.current) {
      if (this.keepsExpired) this.expired.push(copyAs(e, EXPIRED));
      out.push(e);
    }
    if (!this.keepsExpired) this.host.charge(-this.current.length);
    this.current = [];
  }
  protected saveBatch(): SavedBatch {
    return [this.current, this.expired, this.reset];
  }
  protected loadBatch(saved: SavedBatch): void {
    [this.current, this.expired, this.reset] = saved;
  }
}

/** Current batch, expired batch, reset event. */
export type SavedBatch = [Ev[], Ev[], Ev | null];

class LengthBatchWindow extends BatchWindow {
  readonly #length: number;
  readonly #streamsCurrent: boolean;
  #count = 0;
  constructor(
    host: Host,
    expectsExpired: boolean,
    isFindable: boolean,
    length: number,
    streamsCurrent: boolean,
  ) {
    super(host, expectsExpired, isFindable);
    this.#length = length;
    this.#streamsCurrent = streamsCurrent;
  }
  process(chunk: Ev[]): void {
    const now = this.host.now();
    const chunks: Ev[][] = [];
    try {
      for (const e of chunk) {
        const out: Ev[] = [];
        if (this.#length === 0) this.#passThrough(e, out, now);
        else {
          this.reset ??= copyAs(e, RESET);
          if (this.#streamsCurrent) this.#stream(e, out, now);
          else this.#fill(e, out, now);
        }
        if (out.length > 0) chunks.push(out);
      }
    } finally {
      for (const out of chunks) this.next.process(out);
    }
  }
  #passThrough(e: Ev, out: Ev[], now: number): void {
    out.push(e);
    if (this.expectsExpired) {
      const expired = copyAs(e, EXPIRED);
      expired.ts = now;
      out.push(expired);
    }
    const reset = copyAs(e, RESET);
    reset.ts = now;
    out.push(reset);
  }
  #fill(e: Ev, out: Ev[], now: number): void {
    this.host.charge(1);
    this.current.push(copyAs(e, CURRENT));
    if (++this.#count < this.#length) return;
    this.flushExpired(out, now);
    this.flushReset(out, now);
    this.flushCurrent(out);
    this.#count = 0;
  }
  #stream(e: Ev, out: Ev[], now: number): void {
    if (++this.#count > this.#length) {
      this.flushExpired(out, now);
      this.flushReset(out, now);
      this.#count = 1;
    }
    out.push(e);
    if (this.keepsExpired) {
      this.host.charge(1);
      this.expired.push(copyAs(e, EXPIRED));
    }
  }
  override save(): unknown {
    return [this.saveBatch(), this.#count];
  }
  override load([batch, count]: [SavedBatch, number]): void {
    this.loadBatch(batch);
    this.#count = count;
  }
}

class TimeBatchWindow extends BatchWindow {
  readonly #ms: number;
  readonly #startMs: number | undefined;
  readonly #streamsCurrent: boolean;
  readonly #timer: Timer;
  #nextEmit = -1;
  constructor(
    host: Host,
    expectsExpired: boolean,
    isFindable: boolean,
    ms: number,
    startMs: number | undefined,
    streamsCurrent: boolean,
  ) {
    super(host, expectsExpired, isFindable);
    this.#ms = ms;
    this.#startMs = startMs;
    this.#streamsCurrent = streamsCurrent;
    this.#timer = host.timer((time) => this.process([timerEvent(time)]));
  }
  override processOne(e: Ev): void {
    // Between emissions an event only joins the batch.
    if (
      e.type !== CURRENT ||
      this.#streamsCurrent ||
      this.#nextEmit === -1 ||
      this.host.now() >= this.#nextEmit
    ) {
      this.process([e]);
      return;
    }
    this.reset ??= copyAs(e, RESET);
    this.host.charge(1);
    this.current.push(e);
  }
  process(chunk: Ev[]): void {
    const now = this.host.now();
    if (this.#nextEmit === -1) {
      this.#nextEmit =
        this.#startMs === undefined ? now + this.#ms : now + this.#ms - ((now - this.#startMs) % this.#ms);
      this.#timer.notifyAt(this.#nextEmit);
    }
    const isDue = now >= this.#nextEmit;
    if (isDue) {
      this.#nextEmit += this.#ms;
      this.#timer.notifyAt(this.#nextEmit);
    }
    const out: Ev[] = [];
    for (const e of chunk) {
      if (e.type !== CURRENT) {
        if (this.#streamsCurrent) out.push(e);
        continue;
      }
      this.reset ??= copyAs(e, RESET);
      if (this.#streamsCurrent) {
        out.push(e);
        if (this.keepsExpired) {
          this.host.charge(1);
          this.expired.push(copyAs(e, EXPIRED));
        }
      } else {
        this.host.charge(1);
        this.current.push(copyAs(e, CURRENT));
      }
    }
    if (isDue) {
      this.flushExpired(out, now);
      this.flushReset(out);
      this.flushCurrent(out);
    }
    if (out.length > 0) this.next.process(out);
  }
  override save(): unknown {
    return [this.saveBatch(), this.#nextEmit];
  }
  override load([batch, nextEmit]: [SavedBatch, number]): void {
    this.loadBatch(batch);
    this.#nextEmit = this.host.isResuming && nextEmit <= this.host.now() ? -1 : nextEmit;
  }
}

class ChunkBatchWindow extends BatchWindow {
  readonly #length: number;
  constructor(host: Host, expectsExpired: boolean, isFindable: boolean, length: number) {
    super(host, expectsExpired, isFindable);
    this.#length = length;
  }
  process(chunk: Ev[]): void {
    const chunks: Ev[][] = [];
    let out: Ev[] = [];
    if (this.expectsExpired && this.expired.length > 0) {
      this.flushExpired(out, this.host.now());
      this.flushReset(out);
    }
    let part: Ev[] = [];
    const finish = () => {
      const head = part[0];
      if (head === undefined) return;
      if (this.reset !== null) out.push(this.reset);
      this.reset = copyAs(head, RESET);
      out.push(...part);
      part = [];
      chunks.push(out);
      out = [];
    };
    for (const e of chunk) {
      if (this.expectsExpired) {
        this.host.charge(1);
        this.expired.push(copyAs(e, EXPIRED));
      }
      part.push(copyAs(e, CURRENT));
      if (part.length === this.#length) finish();
    }
    finish();
    for (const c of chunks) this.next.process(c);
  }
  override save(): unknown {
    return this.saveBatch();
  }
  override load(saved: SavedBatch): void {
    this.loadBatch(saved);
  }
}

const flag = (v: unknown): boolean => v === true;

export const lengthBatchWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "lengthBatch",
  description: "A batch window of so many events.",
  parameters: [
    { name: "window.length", types: ["int"], description: "The number of events of a batch." },
    {
      name: "stream.current.event",
      types: ["bool"],
      description: "Pass events on at once and only expire them as a batch.",
      isOptional: true,
      default: "false",
    },
  ],
  overloads: [["window.length"], ["window.length", "stream.current.event"]],
  returns: [],
  examples: [
    {
      syntax: "from S#window.lengthBatch(10) select sum(price) as total insert into Out;",
      description: "A total for every ten events.",
    },
  ],
  create:
    ({ args, expectsExpired, isFindable }) =>
    (host) =>
      new LengthBatchWindow(
        host,
        expectsExpired,
        isFindable,
        constantNumber(args[0]) ?? 0,
        flag(args[1]?.constant?.value),
      ),
};

export const timeBatchWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "timeBatch",
  description: "A batch window of so much time.",
  parameters: [
    { name: "window.time", types: ["int", "long", "time"], description: "The length of a batch." },
    {
      name: "start.time",
      types: ["int", "long"],
      description: "Batches start at multiples of the length from this time (ms).",
      isOptional: true,
    },
    {
      name: "stream.current.event",
      types: ["bool"],
      description: "Pass events on at once and only expire them as a batch.",
      isOptional: true,
      default: "false",
    },
  ],
  overloads: [
    ["window.time"],
    ["window.time", "start.time"],
    ["window.time", "stream.current.event"],
    ["window.time", "start.time", "stream.current.event"],
  ],
  returns: [],
  examples: [
    {
      syntax:
        "from S#window.timeBatch(20 sec) select symbol, sum(price) as total group by symbol insert into Out;",
      description: "A total for every symbol in every 20 seconds.",
    },
  ],
  create: ({ args, expectsExpired, isFindable }) => {
    const start = args.slice(1).find((a) => a.type !== "bool");
    const streams = args.slice(1).find((a) => a.type === "bool");
    return (host) =>
      new TimeBatchWindow(
        host,
        expectsExpired,
        isFindable,
        constantNumber(args[0]) ?? 0,
        constantNumber(start),
        flag(streams?.constant?.value),
      );
  },
};

export const batchWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "batch",
  description: "A batch window of the events that arrive together.",
  parameters: [
    {
      name: "window.length",
      types: ["int"],
      description: "Cut what arrives into batches of this many.",
      isOptional: true,
      default: "0 (not cut)",
    },
  ],
  overloads: [[], ["window.length"]],
  returns: [],
  examples: [
    {
      syntax: "from S#window.batch() select sum(price) as total insert into Out;",
      description: "A total for every chunk sent.",
    },
  ],
  create: ({ args, expectsExpired, isFindable, at }) => {
    const length = constantNumber(args[0]) ?? 0;
    if (length < 0)
      throw new CepError("WRONG_PARAMETERS", "batch() takes a length of 0 or more", {
        offset: at.start,
        length: at.end - at.start,
      });
    return (host) => new ChunkBatchWindow(host, expectsExpired, isFindable, length);
  },
};
