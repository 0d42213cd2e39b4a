/** Pseudo-random choices that a printed seed repeats (mulberry32). For property tests. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 (included) to `below` (excluded). */
  int(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  /** One of `choices`, which is not empty. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.int(choices.length)] as T; // the index is inside
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.int(100) < percent;
  }
}
