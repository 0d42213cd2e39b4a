/** What happened, in order, for tests that wait for an event rather than for a time. */
export class EventLog<Event> {
  readonly events: Event[] = [];
  #waiting: { readonly matches: (event: Event) => boolean; readonly resolve: (event: Event) => void }[] = [];

  readonly push = (event: Event): void => {
    this.events.push(event);
    const ready = this.#waiting.filter(({ matches }) => matches(event));
    this.#waiting = this.#waiting.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve(event);
  };

  /** The first event that matches, from those that happened after the first `skip` ones. */
  async first(matches: (event: Event) => boolean, skip = 0): Promise<Event> {
    const found = this.events.slice(skip).find(matches);
    if (found !== undefined) return found;
    return await new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }
}
