import { type Host, Processor, timerEvent } from "../runtime/processor.ts";
import type { Timer } from "../runtime/scheduler.ts";

/** Limiters that send at the ticks of a timer which starts with the query; `held` is what they know between them. */
export abstract class Ticking<T> extends Processor {
  protected readonly host: Host;
  protected held: T;
  readonly #ms: number;
  readonly #timer: Timer;
  #scheduled = 0;
  constructor(host: Host, ms: number, held: T) {
    super();
    this.host = host;
    this.held = held;
    this.#ms = ms;
    this.#timer = host.timer((time) => this.process([timerEvent(time)]));
  }
  override start(): void {
    this.#schedule(this.host.now());
  }
  /** Whether a tick is due; then the next one is set. */
  protected takeTick(time: number): boolean {
    if (time < this.#scheduled) return false;
    this.#schedule(this.#scheduled);
    return true;
  }
  #schedule(after: number): void {
    this.#scheduled = after + this.#ms;
    this.#timer.notifyAt(this.#scheduled);
  }
  override save(): unknown {
    return [this.#scheduled, this.held];
  }
  override load([scheduled, held]: [number, T]): void {
    this.#scheduled = scheduled;
    this.held = held;
  }
}
