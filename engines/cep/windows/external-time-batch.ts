import { CepError } from "../cep-error.ts";
import { CURRENT, copyAs, type Ev, EXPIRED, RESET, TIMER } from "../event.ts";
import { constantNumber } from "../expression/compiled.ts";
import type { WindowExtension } from "../extension.ts";
import { type Host, timerEvent } from "../runtime/processor.ts";
import type { Timer } from "../runtime/scheduler.ts";
import { BatchWindow, type SavedBatch } from "./batch.ts";

interface Settings {
  readonly timeOf: (e: Ev) => number;
  readonly timeIndex: number;
  readonly ms: number;
  readonly startMs: number | undefined;
  readonly startOf: ((e: Ev) => number) | undefined;
  readonly timeoutMs: number;
  readonly replacesTime: boolean;
}

/** Batches by a timestamp of the events; a time-out sends what there is when no event comes to end the batch. */
class ExternalTimeBatchWindow extends BatchWindow {
  readonly #settings: Settings;
  readonly #timer: Timer;
  readonly #keeps: boolean;
  #endTime = -1;
  #startTime: number;
  #lastScheduled = 0;
  #lastEventTime = 0;
  #isFlushed = false;

  constructor(host: Host, expectsExpired: boolean, isFindable: boolean, settings: Settings) {
    super(host, expectsExpired, isFindable);
    this.#settings = settings;
    this.#startTime = settings.startMs ?? 0;
    this.#keeps = this.keepsExpired || settings.timeoutMs > 0;
    this.#timer = host.timer((time) => this.process([timerEvent(time)]));
  }

  process(chunk: Ev[]): void {
    const head = chunk[0];
    if (head === undefined) return;
    const chunks: Ev[][] = [];
    this.#initTiming(head);
    for (const e of chunk) {
      if (e.type === TIMER) this.#onTimer(e, chunks);
      else if (e.type === CURRENT) this.#onEvent(e, chunks);
    }
    for (const c of chunks) this.next.process(c);
  }

  #initTiming(head: Ev): void {
    if (this.#endTime >= 0) return;
    const { timeOf, ms, startMs, startOf } = this.#settings;
    if (startMs !== undefined) {
      this.#endTime = this.#findEnd(timeOf(head));
    } else {
      this.#startTime = (startOf ?? timeOf)(head);
      this.#endTime = this.#startTime + ms;
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#settings.timeoutMs <= 0) return;
    this.#lastScheduled = this.host.now() + this.#settings.timeoutMs;
    this.#timer.notifyAt(this.#lastScheduled);
  }

  #findEnd(time: number): number {
    return time + this.#settings.ms - ((time - this.#startTime) % this.#settings.ms);
  }

  #onTimer(e: Ev, chunks: Ev[][]): void {
    if (this.#lastScheduled > e.ts) return; // an event came since, and with it a later timer
    if (!this.#isFlushed) {
      this.#flush(chunks, true);
      this.#isFlushed = true;
    } else if (this.current.length > 0) {
      this.#append(chunks);
    }
    this.#schedule();
  }

  #onEvent(e: Ev, chunks: Ev[][]): void {
    const time = this.#settings.timeOf(e);
    this.#lastEventTime = Math.max(this.#lastEventTime, time);
    if (time < this.#endTime) {
      this.#add(e);
      return;
    }
    if (this.#isFlushed) {
      this.#append(chunks);
      this.#isFlushed = false;
    } else {
      this.#flush(chunks, false);
    }
    this.#endTime = this.#findEnd(this.#lastEventTime);
    this.#add(e);
    this.#schedule();
  }

  #add(e: Ev): void {
    const copy = copyAs(e, CURRENT);
    if (this.#settings.replacesTime) {
      copy.row = [...e.row];
      copy.row[this.#settings.timeIndex] = this.#endTime;
    }
    this.host.charge(1);
    this.current.push(copy);
    this.reset ??= copyAs(e, RESET);
  }

  #flush(chunks: Ev[][], preserves: boolean): void {
    const out: Ev[] = [];
    const now = this.#lastEventTime;
    if (this.expectsExpired) {
      for (const e of this.expired) {
        e.ts = now;
        out.push(e);
      }
    }
    this.host.charge(-this.expired.length);
    this.expired = [];
    if (this.current.length > 0) {
      this.flushReset(out, now);
      this.#expireCurrent(out, preserves);
    }
    if (out.length > 0) chunks.push(out);
  }

  /** After a time-out the batch so far is sent again with what came later. */
  #append(chunks: Ev[][]): void {
    if (this.current.length === 0) return;
    const out: Ev[] = [];
    const now = this.#lastEventTime;
    const again: Ev[] = [];
    for (const e of this.expired) {
      if (this.expectsExpired) {
        const copy = copyAs(e, EXPIRED);
        copy.ts = now;
        out.push(copy);
      }
      again.push(copyAs(e, CURRENT));
    }
    if (this.reset !== null) {
      const reset = copyAs(this.reset, RESET);
      reset.ts = now;
      out.push(reset);
    }
    out.push(...again);
    this.#expireCurrent(out, true);
    chunks.push(out);
  }

  #expireCurrent(out: Ev[], preserves: boolean): void {
    const keeps = preserves || this.#keeps;
    for (const e of this.current) {
      if (keeps) this.expired.push(copyAs(e, EXPIRED));
      out.push(e);
    }
    if (!keeps) this.host.charge(-this.current.length);
    this.current = [];
  }

  override save(): unknown {
    return [
      this.saveBatch(),
      this.#endTime,
      this.#startTime,
      this.#lastScheduled,
      this.#lastEventTime,
      this.#isFlushed,
    ];
  }
  override load(saved: [SavedBatch, number, number, number, number, boolean]): void {
    this.loadBatch(saved[0]);
    [, this.#endTime, this.#startTime, this.#lastScheduled, this.#lastEventTime, this.#isFlushed] = saved;
  }
}

const TIME = ["int", "long", "time"] as const;

export const externalTimeBatchWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "externalTimeBatch",
  description: "A batch window that goes by a timestamp of the events.",
  parameters: [
    {
      name: "timestamp",
      types: ["long"],
      description: "The attribute that holds the time (ms), not falling.",
      isDynamic: true,
    },
    { name: "window.time", types: TIME, description: "The length of a batch." },
    {
      name: "start.time",
      types: TIME,
      description: "Where batches start: a constant or an attribute.",
      isOptional: true,
      isDynamic: true,
      default: "the first event",
    },
    {
      name: "timeout",
      types: TIME,
      description: "How long to wait for the event that ends a batch.",
      isOptional: true,
      default: "for ever",
    },
    {
      name: "replace.with.batchtime",
      types: ["bool"],
      description: "Put the end of the batch into the timestamp.",
      isOptional: true,
      default: "false",
    },
  ],
  overloads: [
    ["timestamp", "window.time"],
    ["timestamp", "window.time", "start.time"],
    ["timestamp", "window.time", "start.time", "timeout"],
    ["timestamp", "window.time", "start.time", "timeout", "replace.with.batchtime"],
  ],
  returns: [],
  examples: [
    {
      syntax:
        "from S#window.externalTimeBatch(eventTime, 20 sec) select sum(price) as total insert into Out;",
      description: "A total for every 20 seconds of eventTime.",
    },
  ],
  create: ({ args, expectsExpired, isFindable, at }) => {
    const [time, ms, start, timeout, replaces] = args;
    const span = { offset: at.start, length: at.end - at.start };
    if (time?.variable === undefined)
      throw new CepError("WRONG_PARAMETERS", "externalTimeBatch() takes an attribute as its timestamp", span);
    if (start !== undefined && start.constant === undefined && start.type !== "long") {
      throw new CepError("WRONG_PARAMETERS", "A start time from an attribute must be long", {
        ...span,
        expected: ["long"],
      });
    }
    const settings: Settings = {
      timeOf: time.fn as (e: Ev) => number, // long: checked by the overload
      timeIndex: time.variable.index,
      ms: constantNumber(ms) ?? 0,
      startMs: constantNumber(start),
      startOf:
        start !== undefined && start.constant === undefined ? (start.fn as (e: Ev) => number) : undefined, // long: checked above
      timeoutMs: constantNumber(timeout) ?? 0,
      replacesTime: replaces?.constant?.value === true,
    };
    return (host) => new ExternalTimeBatchWindow(host, expectsExpired, isFindable, settings);
  },
};
