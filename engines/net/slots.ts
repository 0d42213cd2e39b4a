/**
 * So many at once, and no more. A slot that is not given back is free again after `longestMs`: whoever held it may have
 * vanished in the middle, as a request does whose client goes away.
 */
export class Slots {
  readonly #most: number;
  readonly #longestMs: number;
  readonly #now: () => number;
  readonly #taken = new Set<{ readonly endsMs: number }>();

  constructor(most: number, longestMs: number, now: () => number) {
    this.#most = most;
    this.#longestMs = longestMs;
    this.#now = now;
  }

  /** @returns what gives the slot back, or `undefined` if all are taken. */
  take(): (() => void) | undefined {
    const nowMs = this.#now();
    if (this.#taken.size >= this.#most) {
      for (const slot of this.#taken) if (slot.endsMs <= nowMs) this.#taken.delete(slot);
      if (this.#taken.size >= this.#most) return undefined;
    }
    const slot = { endsMs: nowMs + this.#longestMs };
    this.#taken.add(slot);
    return () => void this.#taken.delete(slot);
  }
}
