import type { Journal } from "./journal.ts";
import { WakeUp } from "./wake-up.ts";

/** A checkpoint comes after this long without an event, before the object may sleep. */
const idleMs = 5_000;
const sleepsAfterMs = 10_000;

/** When an object with a journal must be awake: for timers, for the checkpoint before sleep, for what it has to tell. */
export class Heartbeat {
  readonly #journal: Journal;
  readonly #wakeUp: WakeUp;
  readonly #retryAfterMs: () => number | undefined;
  #lastTakenMs = 0;

  /** @param retryAfterMs how long until something is told again, or `undefined` if nothing has to be told. */
  constructor(storage: DurableObjectStorage, journal: Journal, retryAfterMs: () => number | undefined) {
    this.#journal = journal;
    this.#wakeUp = new WakeUp(storage);
    this.#retryAfterMs = retryAfterMs;
  }

  /** To be called once, while nothing else runs. */
  async restore(): Promise<void> {
    await this.#wakeUp.restore();
    this.schedule();
  }

  /** An event came. */
  taken(): void {
    this.#lastTakenMs = Date.now();
    this.schedule();
  }

  /** The alarm went off: runs what is due. What is told then may leave nothing to wake for: `schedule` comes after it. */
  beat(): void {
    this.#wakeUp.wentOff();
    const due = this.#journal.rules.nextDue();
    if (due !== undefined && due <= Date.now() && !this.#journal.isFull) {
      this.#wakeUp.timersRan();
      this.#journal.enter([]);
      this.schedule();
    }
    if (Date.now() >= (this.#checkpointDue() ?? Number.POSITIVE_INFINITY)) this.#journal.checkpoint();
  }

  /** Everything was forgotten, the alarm too. */
  forget(): void {
    this.#wakeUp.wentOff();
  }

  /** Sets the one alarm to whatever comes first. */
  schedule(): void {
    const after = this.#retryAfterMs();
    const retryAtMs = after === undefined ? undefined : Date.now() + after;
    this.#wakeUp.at([this.#journal.rules.nextDue(), this.#checkpointDue(), retryAtMs]);
  }

  /** When the object is about to sleep with a log to replay; one that timers keep awake does not sleep. */
  #checkpointDue(): number | undefined {
    if (!this.#journal.isDirty) return undefined;
    const idleAtMs = this.#lastTakenMs + idleMs;
    const nextDue = this.#journal.rules.nextDue();
    return nextDue !== undefined && nextDue < idleAtMs + sleepsAfterMs ? undefined : idleAtMs;
  }
}
