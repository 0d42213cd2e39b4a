import { CURRENT, Ev, EXPIRED } from "../event.ts";
import type { Sink } from "../runtime/processor.ts";

/** Sees what a query puts out: new and expired events of one batch. */
export type QueryCallback = (current: readonly Ev[], expired: readonly Ev[]) => void;

/** Where the rows of a query go: a stream, a window or a table. Rows are `out`, all of type current. */
export interface OutputTarget {
  accept(events: readonly Ev[]): void;
  acceptOne(e: Ev): void;
}

/** A target from a function over rows. */
export function targetOf(accept: (events: readonly Ev[]) => void): OutputTarget {
  return { accept, acceptOne: (e) => accept([e]) };
}

/** The end of a query: its callbacks, then its target. */
export class QueryOutput implements Sink {
  readonly #callbacks: readonly QueryCallback[];
  readonly #target: OutputTarget | undefined;
  #held: Ev[] | null = null;
  #batches: Ev[][] = [];
  eventCount = 0;

  constructor(callbacks: readonly QueryCallback[], target: OutputTarget | undefined) {
    this.#callbacks = callbacks;
    this.#target = target;
  }

  processOne(e: Ev): void {
    if (this.#held !== null) {
      this.#held.push(e);
      return;
    }
    if (this.#callbacks.length > 0) {
      this.process([e]);
      return;
    }
    if (this.#target === undefined || (e.type !== CURRENT && e.type !== EXPIRED)) return;
    this.eventCount++;
    this.#target.acceptOne(new Ev(e.ts, CURRENT, e.out ?? []));
  }

  processPair(a: Ev, b: Ev): void {
    this.process([a, b]);
  }

  process(chunk: Ev[]): void {
    if (this.#held !== null) {
      for (const e of chunk) this.#held.push(e);
      return;
    }
    this.#send(chunk);
  }

  /** Holds output back from here on; `endBatch` parts it, `release` sends it. */
  hold(): void {
    this.#held ??= [];
  }

  /** Sends what was held, batch by batch. */
  release(): void {
    if (this.#held === null) return;
    this.endBatch();
    this.#held = null;
    const batches = this.#batches;
    this.#batches = [];
    for (const batch of batches) {
      if (batch.length === 1)
        this.processOne(batch[0] as Ev); // length checked
      else this.#send(batch);
    }
  }

  endBatch(): void {
    if (this.#held === null || this.#held.length === 0) return;
    this.#batches.push(this.#held);
    this.#held = [];
  }

  #send(chunk: Ev[]): void {
    if (this.#callbacks.length > 0) {
      const current = chunk.filter((e) => e.type === CURRENT);
      const expired = chunk.filter((e) => e.type === EXPIRED);
      for (const callback of this.#callbacks) callback(current, expired);
    }
    if (this.#target === undefined) return;
    const rows: Ev[] = [];
    for (const e of chunk) {
      if (e.type === CURRENT || e.type === EXPIRED) rows.push(new Ev(e.ts, CURRENT, e.out ?? []));
    }
    if (rows.length === 0) return;
    this.eventCount += rows.length;
    this.#target.accept(rows);
  }
}
