/** One way is measured over so many frames, or over so long if they are few. */
const window = { frames: 512, ms: 50 } as const;
/** Below this rate a frame at a time costs nobody anything. */
const busyFramesPerMs = 0.5;
/** So many turns of a single frame in a row, and there is nothing to gather. */
const mostSingles = 4;
/** How many windows pass, at most, before gathering is tried again. */
const longestPatience = 64;
/** So many times as fast or as slow as at the last trial, and something has changed: it is tried again at once. */
const otherwise = 1.5;

/**
 * Decides whether frames are taken one by one, as they come, or gathered for a turn of many. A turn of many costs one
 * commit, and one frame to each subscriber; but nothing in the runtime says "after the frames that are there
 * already" except a timer, which may take over a millisecond. So gathering is worth it for many frames in flight and
 * harmful for few, and only a trial can tell: while it takes more frames a millisecond than one by one did, it goes
 * on; where it does not, it is tried again, more and more rarely.
 *
 * @see docs/decisions/025-frames-in-flight-share-a-turn.md
 */
export class Gathering {
  readonly #now: () => number;
  #isGathering = false;
  #frames = 0;
  #sinceMs = 0;
  /** Frames a millisecond, one by one, when that was last measured. */
  #oneByOne = 0;
  #singles = 0;
  #patience = 1;
  /** Until the next trial. */
  #windowsLeft = 1;

  /** @param now milliseconds; need not be finer than that. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A frame arrived, and none is waiting. @returns whether it, and what comes behind it, is to wait for a turn of many. */
  waits(): boolean {
    if (this.#isGathering) return true;
    if (this.#frames === 0) this.#sinceMs = this.#now();
    this.#frames += 1;
    const rate = this.#rate();
    if (rate === undefined) return false;
    this.#open();
    if (rate < busyFramesPerMs) return false;
    this.#windowsLeft -= 1;
    const change = rate / this.#oneByOne;
    if (this.#windowsLeft > 0 && change < otherwise && change > 1 / otherwise) return false;
    this.#oneByOne = rate;
    this.#isGathering = true;
    return true;
  }

  /** A turn took so many frames that had waited. */
  took(frames: number): void {
    this.#frames += frames;
    this.#singles = frames > 1 ? 0 : this.#singles + 1;
    const rate = this.#rate();
    if (rate === undefined && this.#singles < mostSingles) return;
    const isWorthIt = rate !== undefined && this.#singles < mostSingles && rate > this.#oneByOne;
    this.#open();
    if (isWorthIt) {
      this.#patience = 1;
      return;
    }
    this.#isGathering = false;
    this.#frames = 0;
    this.#windowsLeft = this.#patience;
    this.#patience = Math.min(2 * this.#patience, longestPatience);
  }

  /** Frames a millisecond in this window, at its end. */
  #rate(): number | undefined {
    const elapsedMs = this.#now() - this.#sinceMs;
    const isOver = this.#frames >= window.frames || elapsedMs >= window.ms;
    return isOver ? this.#frames / Math.max(1, elapsedMs) : undefined;
  }

  #open(): void {
    this.#frames = 0;
    this.#singles = 0;
    this.#sinceMs = this.#now();
  }
}
