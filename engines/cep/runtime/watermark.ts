import { CepError } from "../cep-error.ts";
import { type Attribute, Ev } from "../event.ts";
import { type Annotation, annotationOf, elementOf } from "../parser/ast.ts";
import { timeOf } from "../parser/parse-expression.ts";
import { TokenStream } from "../parser/token-stream.ts";
import { type Host, Processor } from "./processor.ts";
import type { Timer } from "./scheduler.ts";

/** What becomes of an event that is behind the watermark. */
export type LateAction = "drop" | "fault" | "update";

/** `@watermark(by='ts', max.delay='5 sec', late='fault', key='device', idle='1 min')` on a stream. */
export interface WatermarkSpec {
  /** The attribute that holds the event time (ms). */
  readonly by: number;
  /** How long events may be out of order. */
  readonly maxDelayMs: number;
  readonly late: LateAction;
  /** The attribute whose values have a watermark each, or undefined. */
  readonly key: number | undefined;
  /** After so long without an event a key no longer holds the watermark back, and the buffer is let go. */
  readonly idleMs: number | undefined;
}

/** @throws CepError `WRONG_ANNOTATION` */
export function watermarkOf(
  annotations: readonly Annotation[],
  attributes: readonly Attribute[],
): WatermarkSpec | undefined {
  const annotation = annotationOf(annotations, "watermark");
  if (annotation === undefined) return undefined;
  const wrong = (message: string, expected: string[] = []): never => {
    throw new CepError("WRONG_ANNOTATION", message, {
      offset: annotation.start,
      length: annotation.end - annotation.start,
      expected,
    });
  };
  const column = (name: string): number => {
    const at = attributes.findIndex((a) => a.name === name);
    return at >= 0
      ? at
      : wrong(
          `@watermark: there is no attribute '${name}'`,
          attributes.map((a) => a.name),
        );
  };
  const time = (text: string): number =>
    timeOf(text, (t) => new TokenStream(t)) ?? wrong(`'${text}' is no time`, ["a time such as '5 sec'"]);
  const by = column(
    elementOf(annotation, "by") ?? elementOf(annotation, "field") ?? wrong("@watermark needs 'by'", ["by"]),
  );
  if (attributes[by]?.type !== "long") wrong("@watermark goes by a long attribute", ["long"]);
  const late = elementOf(annotation, "late") ?? "drop";
  if (late !== "drop" && late !== "fault" && late !== "update")
    return wrong(`'${late}' is no action`, ["drop", "fault", "update"]);
  const key = elementOf(annotation, "key");
  const idle = elementOf(annotation, "idle");
  return {
    by,
    maxDelayMs: time(elementOf(annotation, "max.delay") ?? elementOf(annotation, "lateness") ?? "0 sec"),
    late,
    key: key === undefined ? undefined : column(key),
    idleMs: idle === undefined ? undefined : time(idle),
  };
}

/** Where the gate lets events go. */
export interface WatermarkExit {
  pass(e: Ev): void;
  late(e: Ev): void;
}

interface KeyTime {
  newest: number;
  seenAt: number;
}

/**
 * Puts the events of a stream in order: each waits until the watermark (the newest event time less the allowed
 * delay, the least over all keys) has reached it. What comes behind the watermark is late.
 */
export class WatermarkGate extends Processor {
  readonly #host: Host;
  readonly #spec: WatermarkSpec;
  readonly #exit: WatermarkExit;
  readonly #timer: Timer;
  /** Waiting events by event time, oldest first; equal times in order of arrival. */
  #waiting: Ev[] = [];
  #keys = new Map<unknown, KeyTime>();
  #watermark = Number.NEGATIVE_INFINITY;
  lateCount = 0;

  constructor(host: Host, spec: WatermarkSpec, exit: WatermarkExit) {
    super();
    this.#host = host;
    this.#spec = spec;
    this.#exit = exit;
    this.#timer = host.timer((time) => this.#onIdle(time));
  }

  process(chunk: Ev[]): void {
    for (const e of chunk) this.offer(e, this.#host.now());
  }

  /** Takes an event at wall time `now`. */
  offer(e: Ev, now: number): void {
    const time = Number(e.row[this.#spec.by] ?? e.ts);
    const key = this.#spec.key === undefined ? null : e.row[this.#spec.key];
    const known = this.#keys.get(key);
    if (known === undefined) this.#host.charge(1);
    this.#keys.set(key, { newest: Math.max(known?.newest ?? time, time), seenAt: now });
    if (this.#spec.idleMs !== undefined && this.#timer.queue.length === 0)
      this.#timer.notifyAt(now + this.#spec.idleMs);
    const event = new Ev(time, e.type, e.row);
    if (time < this.#watermark) {
      this.lateCount++;
      if (this.#spec.late === "update") this.#exit.pass(event);
      else if (this.#spec.late === "fault") this.#exit.late(event);
      return;
    }
    this.#insert(event);
    this.#advance(now);
  }

  #insert(e: Ev): void {
    this.#host.charge(1);
    let at = this.#waiting.length;
    while (at > 0 && (this.#waiting[at - 1] as Ev).ts > e.ts) at--; // in range
    this.#waiting.splice(at, 0, e);
  }

  #advance(now: number): void {
    const { idleMs, maxDelayMs } = this.#spec;
    let least = Number.POSITIVE_INFINITY;
    for (const k of this.#keys.values()) {
      if (idleMs === undefined || now - k.seenAt < idleMs) least = Math.min(least, k.newest);
    }
    if (least === Number.POSITIVE_INFINITY) return;
    this.#watermark = Math.max(this.#watermark, least - maxDelayMs);
    this.#release(this.#watermark);
  }

  #release(upTo: number): void {
    let count = 0;
    while (count < this.#waiting.length && (this.#waiting[count] as Ev).ts <= upTo) count++; // in range
    if (count === 0) return;
    this.#host.charge(-count);
    for (const e of this.#waiting.splice(0, count)) this.#exit.pass(e);
  }

  #onIdle(time: number): void {
    const { idleMs } = this.#spec;
    if (idleMs === undefined) return;
    const isAllIdle = [...this.#keys.values()].every((k) => time - k.seenAt >= idleMs);
    if (!isAllIdle) {
      this.#advance(time);
      this.#forgetIdle(time, idleMs);
      this.#timer.notifyAt(time + idleMs);
      return;
    }
    const newest = this.#waiting.at(-1)?.ts;
    if (newest === undefined) return;
    this.#watermark = Math.max(this.#watermark, newest);
    this.#release(newest);
  }

  /** A key that comes again is known again; what it brings is measured against the watermark all the same. */
  #forgetIdle(time: number, idleMs: number): void {
    for (const [key, k] of this.#keys) {
      if (time - k.seenAt < idleMs) continue;
      this.#keys.delete(key);
      this.#host.charge(-1);
    }
  }

  override heldRows(): number {
    return this.#waiting.length + this.#keys.size;
  }
  override save(): unknown {
    return [this.#waiting, this.#keys, this.#watermark, this.lateCount];
  }
  override load([waiting, keys, watermark, lateCount]: [Ev[], Map<unknown, KeyTime>, number, number]): void {
    this.#waiting = waiting;
    this.#keys = keys;
    this.#watermark = watermark;
    this.lateCount = lateCount;
  }
}
