const HOUR_MS = 3600_000;

/** The object's one alarm. It remembers whether it is set, so that most requests need not look. */
export class AlarmClock {
  readonly #storage: DurableObjectStorage;
  #isSet = false;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** In `ms` at the latest; in the same commit as what it is for. */
  ringIn(ms: number): void {
    this.#isSet = true;
    void this.#storage.setAlarm(Date.now() + ms);
  }

  /** Sees to it that it rings, at `byMs` at the latest if that is given. */
  async ensure(byMs?: number): Promise<void> {
    if (this.#isSet && byMs === undefined) return;
    const setMs = await this.#storage.getAlarm();
    if (setMs === null || (byMs !== undefined && setMs > byMs)) {
      await this.#storage.setAlarm(byMs ?? Date.now() + HOUR_MS);
    }
    this.#isSet = true;
  }

  /** It rings now: nothing is set until `set`. */
  rang(): void {
    this.#isSet = false;
  }

  async set(atMs: number): Promise<void> {
    await this.#storage.setAlarm(atMs);
    this.#isSet = true;
  }
}
