import { createLog } from "../../engines/log/log.ts";
import type { Interest, ResultDelivery, ResultPosition } from "../../engines/streams/hand-over.ts";
import type { Journal } from "./journal.ts";

/** Where events come from and results go to: the user's personal cloud. */
export interface EventSource {
  streamInterest(interest: Interest): Promise<void>;
  streamResults(delivery: ResultDelivery): Promise<ResultPosition>;
}

const log = createLog("stream-app", console.log);
const retryMs = { first: 1_000, most: 60_000 };

/** Tells the source what it does not know yet: which topics are wanted, and the results of timers. */
export class CloudLink {
  readonly #journal: Journal;
  readonly #cloud: () => EventSource | undefined;
  #failures = 0;

  constructor(journal: Journal, cloud: () => EventSource | undefined) {
    this.#journal = journal;
    this.#cloud = cloud;
  }

  get #isInterestBehind(): boolean {
    const { isInterestKnown, interestVersion } = this.#journal.state;
    return !isInterestKnown && interestVersion > 0;
  }

  /** There is something to tell. */
  get isBehind(): boolean {
    return this.#journal.waiting.length > 0 || this.#isInterestBehind;
  }

  /** How long to wait before telling it again, in ms; `undefined` while nothing failed. */
  get retryAfterMs(): number | undefined {
    return this.#failures === 0 ? undefined : Math.min(retryMs.most, retryMs.first * 2 ** this.#failures);
  }

  async settle(): Promise<void> {
    const cloud = this.#cloud();
    if (cloud === undefined) return;
    try {
      const { origin, interestVersion: version } = this.#journal.state;
      if (this.#isInterestBehind) {
        await cloud.streamInterest({ origin, version, filters: this.#journal.rules.interest() });
        this.#journal.interestKnown(version);
      }
      if (this.#journal.waiting.length > 0) {
        const results = this.#journal.waiting;
        this.#journal.acknowledge(await cloud.streamResults({ origin, results }));
        if (!this.#journal.isDirty) this.#journal.checkpoint();
      }
      this.#failures = 0;
    } catch {
      this.#failures += 1;
      log.warn("personal-cloud.unavailable", { code: "UNAVAILABLE" });
    }
  }
}
