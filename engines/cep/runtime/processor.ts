import { Ev, TIMER } from "../event.ts";
import type { Timer } from "./scheduler.ts";

/** What an operator instance gets from the query that holds it. */
export interface Host {
  now(): number;
  /** A timer that calls back in app time; its queue is saved with the query. */
  timer(fire: (time: number) => void): Timer;
  /** Reports that state is about to grow by so many rows; refuses what goes beyond the app's limit. */
  charge(rows: number): void;
  /**
   * True while state is being restored into an app that was down meanwhile: timers that were missed run now, and
   * time batches begin anew. False when the app goes on where it was, at the times it had.
   */
  readonly isResuming: boolean;
}

/**
 * Takes a chunk of events; the chunk is the receiver's to change, the rows are not. `processOne` and `processPair`
 * mean the same as a chunk of one or two and spare its array on the hot path.
 */
export interface Sink {
  process(chunk: Ev[]): void;
  processOne(e: Ev): void;
  processPair(a: Ev, b: Ev): void;
}

/** A link of a query's chain. `save` gives live structures, encoded at once by the caller. */
export abstract class Processor implements Sink {
  next: Sink = NOWHERE;
  abstract process(chunk: Ev[]): void;
  processOne(e: Ev): void {
    this.process([e]);
  }
  processPair(a: Ev, b: Ev): void {
    this.process([a, b]);
  }
  /** Rows it holds, as charged to the host. */
  heldRows(): number {
    return 0;
  }
  save(): unknown {
    return undefined;
  }
  load(_saved: unknown): void {}
  /** Called once when the app starts, or when the partition comes to life; not after a restore. */
  start(): void {}
}

/** Drops everything. */
export const NOWHERE: Sink = { process() {}, processOne() {}, processPair() {} };

/** A sink from a function over chunks. */
export function sinkOf(process: (chunk: Ev[]) => void): Sink {
  return { process, processOne: (e) => process([e]), processPair: (a, b) => process([a, b]) };
}

/** A timer event. */
export function timerEvent(time: number): Ev {
  return new Ev(time, TIMER, []);
}
