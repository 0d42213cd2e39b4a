/** Timers that fall due within so long of each other cost one alarm and one row. */
const timerGapMs = 10;

/** The object's one alarm, set to the soonest of what asks for it. */
export class WakeUp {
  readonly #storage: DurableObjectStorage;
  #atMs: number | undefined;
  #ranMs = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** What a sleep left set. */
  async restore(): Promise<void> {
    this.#atMs = (await this.#storage.getAlarm()) ?? undefined;
  }

  wentOff(): void {
    this.#atMs = undefined;
  }

  /** Timers were run by the alarm: the next ones may share one. */
  timersRan(): void {
    this.#ranMs = Date.now();
  }

  /** Wakes the object at the soonest of these times, or soon after. */
  at(due: readonly (number | undefined)[]): void {
    const soonest = Math.min(...due.filter((at) => at !== undefined));
    if (!Number.isFinite(soonest)) return;
    const atMs = Math.max(Date.now(), soonest, this.#ranMs + timerGapMs);
    // One that is soon enough is left alone: setting it costs a row.
    if (this.#atMs !== undefined && this.#atMs <= atMs) return;
    this.#atMs = atMs;
    void this.#storage.setAlarm(atMs);
  }
}
