import { CURRENT, Ev } from "../event.ts";
import type { TriggerAt } from "../parser/ast.ts";
import { CronExpression } from "../windows/cron-expression.ts";
import type { Junction } from "./junction.ts";
import { type Host, Processor } from "./processor.ts";
import type { Timer } from "./scheduler.ts";

/** `define trigger T at …`: sends its time into the stream of its name. */
export class Trigger extends Processor {
  readonly #host: Host;
  readonly #at: TriggerAt;
  readonly #cron: CronExpression | undefined;
  readonly #junction: Junction;
  readonly #timer: Timer;

  /** @throws CepError `WRONG_PARAMETERS` on a bad cron expression. */
  constructor(host: Host, at: TriggerAt, junction: Junction) {
    super();
    this.#host = host;
    this.#at = at;
    this.#cron = "cron" in at ? new CronExpression(at.cron) : undefined;
    this.#junction = junction;
    this.#timer = host.timer((time) => this.#fire(time));
  }

  process(): void {
    // Triggers have no input.
  }

  override start(): void {
    if ("start" in this.#at) this.#send(this.#host.now());
    else this.#schedule(this.#host.now());
  }

  #schedule(after: number): void {
    const next = "every" in this.#at ? after + this.#at.every : this.#cron?.next(after);
    if (next !== undefined) this.#timer.notifyAt(next);
  }

  #fire(time: number): void {
    this.#schedule(time);
    this.#send(time);
  }

  #send(time: number): void {
    this.#junction.sendOne(new Ev(time, CURRENT, [time]));
  }
}
