import { CepError } from "../cep-error.ts";
import type { Ev } from "../event.ts";
import { PatternRuntime } from "../pattern/pattern-runtime.ts";
import type { Receiver } from "../runtime/junction.ts";
import type { Host, Processor } from "../runtime/processor.ts";
import { type SavedTimer, type Scheduler, Timer } from "../runtime/scheduler.ts";

/** The saved state of one operator: kept only where the signature still fits. */
export interface SavedOperator {
  readonly signature: string;
  readonly state: unknown;
  readonly timers: (SavedTimer | undefined)[];
}

/** Services of the app that instances use. */
export interface InstanceServices {
  readonly scheduler: Scheduler;
  /** Counts rows against the app's limit. @throws CepError `LIMIT` */
  charge(rows: number): void;
  /** Takes what a timer's work threw; the next timer is none the worse for it. */
  onTimerFault(error: unknown): void;
}

interface Operator {
  readonly path: string;
  readonly signature: string;
  readonly processor: Processor;
  readonly timers: Timer[];
}

/** One running copy of a query: its operators, their timers and its entries by stream. One per partition key. */
export class QueryInstance implements Host {
  readonly #services: InstanceServices;
  readonly #order: number;
  readonly #operators: Operator[] = [];
  readonly entries: { stream: string; receiver: Receiver }[] = [];
  #timers: Timer[] = [];
  isResuming = false;
  #rows = 0;

  constructor(services: InstanceServices, order: number) {
    this.#services = services;
    this.#order = order;
  }

  now(): number {
    return this.#services.scheduler.now();
  }

  charge(rows: number): void {
    this.#services.charge(rows);
    this.#rows += rows;
  }

  /** Gives its rows back to the app's account, when the instance goes. */
  discard(): void {
    this.stop();
    this.#services.charge(-this.#rows);
    this.#rows = 0;
  }

  timer(fire: (time: number) => void): Timer {
    const guarded = (time: number): void => {
      try {
        fire(time);
      } catch (error) {
        this.#services.onTimerFault(error);
      }
    };
    const timer = new Timer(this.#services.scheduler, this.#order + this.#operators.length, guarded);
    this.#timers.push(timer);
    return timer;
  }

  /** Makes an operator; the timers it asks for are saved with it. */
  operator<T extends Processor>(path: string, signature: string, make: () => T): T {
    this.#timers = [];
    const processor = make();
    this.#operators.push({ path, signature, processor, timers: this.#timers });
    return processor;
  }

  start(): void {
    for (const o of this.#operators) o.processor.start();
  }

  stop(): void {
    for (const o of this.#operators) for (const t of o.timers) t.cancel();
  }

  save(): Record<string, SavedOperator> {
    const saved: Record<string, SavedOperator> = {};
    for (const o of this.#operators)
      saved[o.path] = {
        signature: o.signature,
        state: o.processor.save(),
        timers: o.timers.map((t) => t.save()),
      };
    return saved;
  }

  /** Restores what fits; an operator without fitting state starts as new. @returns paths kept and dropped. */
  load(saved: Record<string, SavedOperator>, isResuming: boolean): { kept: string[]; dropped: string[] } {
    this.isResuming = isResuming;
    const kept: string[] = [];
    const dropped: string[] = [];
    for (const o of this.#operators) {
      const state = saved[o.path];
      if (state === undefined || state.signature !== o.signature) {
        if (state !== undefined) dropped.push(o.path);
        o.processor.start();
        continue;
      }
      o.processor.load(state.state);
      for (let i = 0; i < o.timers.length; i++) o.timers[i]?.load(state.timers[i], isResuming);
      kept.push(o.path);
    }
    let held = 0;
    for (const o of this.#operators) held += o.processor.heldRows();
    this.charge(held - this.#rows);
    for (const path of Object.keys(saved))
      if (!this.#operators.some((o) => o.path === path)) dropped.push(path);
    return { kept, dropped };
  }

  /** Rows in windows and partial matches, for reports of memory. */
  size(): { rows: number; matches: number } {
    let rows = 0;
    let matches = 0;
    for (const { processor } of this.#operators) {
      if (processor instanceof PatternRuntime) matches += processor.heldRows();
      else rows += processor.heldRows();
    }
    return { rows, matches };
  }
}

/** @throws CepError `LIMIT` */
export function refuse(what: string, limit: number): never {
  throw new CepError("LIMIT", `The app may hold at most ${limit} ${what}`);
}

/** A chunk for the query's own use: events copied, rows shared. */
export type Chunk = Ev[];
