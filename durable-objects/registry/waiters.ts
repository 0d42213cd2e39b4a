/**
 * Requests that wait for something of this object to be done, by its key. In memory only: whoever is forgotten, as
 * the object sleeps or moves, asks again.
 */
export class Waiters {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** @returns when `key` was announced, at the latest after `mostMs` */
  async wait(key: string, mostMs: number): Promise<void> {
    const callers = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, callers);
    const { promise, resolve } = Promise.withResolvers<void>();
    callers.add(resolve);
    await Promise.race([promise, scheduler.wait(mostMs)]);
    callers.delete(resolve);
    if (callers.size === 0) this.#waiting.delete(key);
  }

  announce(key: string): void {
    for (const resolve of this.#waiting.get(key) ?? []) resolve();
  }
}
