/**
 * The object's one alarm. The broker knows its own deadlines and asks only for the soonest; setting an alarm is
 * billed as a row, so one that is soon enough already is left alone.
 */
export class Alarms {
  readonly #storage: DurableObjectStorage;
  #atMs: number | undefined;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** When it will go off, if it is set. */
  get atMs(): number | undefined {
    return this.#atMs;
  }

  /** Reads what was set before the object slept. @returns when it will go off, if it is set. */
  async restore(): Promise<number | undefined> {
    this.#atMs = (await this.#storage.getAlarm()) ?? undefined;
    return this.#atMs;
  }

  /** Sees to it that the alarm goes off at `atMs` or before. */
  at(atMs: number): void {
    if (this.#atMs !== undefined && this.#atMs <= atMs) return;
    this.#atMs = atMs;
    // Not awaited: the output gate holds whatever the turn sends until this is stored.
    void this.#storage.setAlarm(Math.min(atMs, Date.now() + longestMs));
  }

  /** It went off: nothing is set any more. */
  wentOff(): void {
    this.#atMs = undefined;
  }
}

/** An alarm further away is set on the way there. */
const longestMs = 30 * 24 * 3600 * 1000;
