import type { Clock } from "../clock.ts";

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** A clock that stands still until a test moves it; sleepers wake in order of their time. */
export class ManualClock implements Clock {
  #nowMs: number;
  #sleepers: Sleeper[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  constructor(nowMs = 1_700_000_000_000) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper = { atMs: this.#nowMs + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener("abort", () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        resolve();
      });
      if (this.#waiting !== undefined && this.#sleepers.length >= this.#waiting.count)
        this.#waiting.resolve();
    });
  }

  /** How long each sleeper still has, in ms, shortest first. */
  get pendingMs(): readonly number[] {
    return this.#sleepers.map(({ atMs }) => atMs - this.#nowMs).sort((a, b) => a - b);
  }

  /** Resolves once at least `count` sleepers wait. */
  async sleepers(count: number): Promise<void> {
    if (this.#sleepers.length >= count) return;
    await new Promise<void>((resolve) => {
      this.#waiting = { count, resolve };
    });
    this.#waiting = undefined;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#sleepers.filter(({ atMs }) => atMs <= this.#nowMs).sort((a, b) => a.atMs - b.atMs);
    this.#sleepers = this.#sleepers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const sleeper of due) sleeper.wake();
  }
}

/** A clock whose sleeps take no time at all but move the time on; keeps what was slept, for assertions. */
export class EagerClock implements Clock {
  readonly slept: number[] = [];
  #nowMs = 1_700_000_000_000;

  now(): number {
    return this.#nowMs;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    // A request's own time-out carries a signal that ends with the answer; give the answer its turns first.
    for (let turn = 0; turn < 20 && !signal?.aborted; turn += 1)
      await new Promise((resolve) => setImmediate(resolve));
    if (signal?.aborted) return;
    this.slept.push(ms);
    this.#nowMs += ms;
  }
}
