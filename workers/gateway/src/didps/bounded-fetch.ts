import { readAtMost } from "../../../../engines/net/read-at-most.ts";
import { Slots } from "../../../../engines/net/slots.ts";

/** What asking one other server may cost. */
export interface FetchBounds {
  /** Requests at once, in this isolate. */
  readonly concurrent: number;
  readonly timeoutMs: number;
  readonly answerBytes: number;
}

/**
 * Asks one other server, which may be slow, down or worse: so many requests at once, so much time, so many bytes, no
 * redirect. The answer has been read when it is returned.
 * @throws Error if there is none within these bounds
 */
export class BoundedFetch {
  readonly #bounds: FetchBounds;
  readonly #slots: Slots;

  constructor(bounds: FetchBounds) {
    this.#bounds = bounds;
    this.#slots = new Slots(bounds.concurrent, 2 * bounds.timeoutMs, () => Date.now());
  }

  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const giveBack = this.#slots.take();
    if (giveBack === undefined) throw new Error("too many questions at once");
    try {
      const answer = await fetch(url, {
        ...init,
        redirect: "manual",
        signal: AbortSignal.timeout(this.#bounds.timeoutMs),
      });
      const body = await readAtMost(answer, this.#bounds.answerBytes);
      return new Response(body === "" ? null : body, { status: answer.status });
    } finally {
      giveBack();
    }
  }
}
