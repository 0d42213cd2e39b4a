import type { Ev } from "../event.ts";
import type { Host } from "../runtime/processor.ts";
import type { Timer } from "../runtime/scheduler.ts";
import { type PatternSettings, PostState, PreState, type StateFilter } from "./pre-state.ts";
import { copyStateEvent, newStateEvent } from "./state-event.ts";

/** Takes a match that a timer completed. */
export type Emit = (stateEvent: Ev) => void;

/** The waiting side of `not A for 1 sec`: a timer passes the match on unless the event comes first. */
export class AbsentPreState extends PreState {
  readonly #waitingMs: number;
  readonly #host: Host;
  readonly #timer: Timer;
  readonly #emit: Emit;
  #lastScheduled = 0;
  #isActive = true;

  constructor(
    settings: PatternSettings,
    stateId: number,
    isStart: boolean,
    filter: StateFilter | undefined,
    waitingMs: number,
    host: Host,
    emit: Emit,
  ) {
    super(settings, stateId, isStart, filter);
    this.#waitingMs = waitingMs;
    this.#host = host;
    this.#emit = emit;
    this.#timer = host.timer((time) => this.#onTimer(time));
  }

  override get isAbsent(): boolean {
    return true;
  }

  /** The event that must not come has come: the wait begins again. */
  restartWait(time: number): void {
    this.#schedule(time + this.#waitingMs);
  }

  #schedule(time: number): void {
    this.#lastScheduled = time;
    this.#timer.notifyAt(time);
  }

  override addState(stateEvent: Ev): void {
    if (!this.#isActive) return;
    if (this.settings.type === "sequence") this.fresh = [];
    this.fresh.push(stateEvent);
    if (!this.isStart) this.#schedule(stateEvent.ts + this.#waitingMs);
  }

  override addEveryState(stateEvent: Ev): void {
    const copy = copyStateEvent(stateEvent);
    copy.type = 0;
    for (let i = this.stateId; i < copy.row.length; i++) copy.row[i] = null;
    this.fresh.push(copy);
    this.#schedule(stateEvent.ts + this.#waitingMs);
  }

  override resetState(): void {
    this.pending = [];
    if (!this.isStart) return;
    if (
      this.settings.type === "sequence" &&
      this.post.nextEvery === null &&
      (this.post.next?.pending.length ?? 0) > 0
    )
      return;
    this.init();
  }

  #onTimer(time: number): void {
    if (!this.#isActive) return;
    const { post } = this;
    const isSequence = this.settings.type === "sequence";
    const isEmpty = this.fresh.length === 0 && this.pending.length === 0;
    // A sequence without `every` whose event has come does not begin again.
    const begins =
      this.isStart && isEmpty && !(isSequence && post.nextEvery === null && this.#lastScheduled > 0);
    if (begins) this.addState(newStateEvent(this.settings.width));
    else if (isSequence && this.fresh.length > 0) this.resetState();
    this.updateState();
    const passed: Ev[] = [];
    const kept: Ev[] = [];
    for (const e of this.pending) {
      if (this.isExpired(e, time)) {
        if (this.withinEvery !== null && post.nextEvery !== this) post.nextEvery?.addEveryState(e);
        continue;
      }
      if (e.ts === -1 ? time >= this.#lastScheduled : time >= e.ts + this.#waitingMs) {
        e.ts = time;
        passed.push(e);
      } else kept.push(e);
    }
    this.pending = kept;
    this.withinEvery?.updateState();
    for (const e of passed) this.#pass(e);
    const now = this.#host.now();
    if (now > this.#waitingMs + time) this.#lastScheduled = now + this.#waitingMs;
    if (passed.length === 0 && this.#lastScheduled < time) this.#schedule(time + this.#waitingMs);
  }

  #pass(stateEvent: Ev): void {
    const { post } = this;
    if (post.isLast) this.#emit(stateEvent);
    post.next?.addState(stateEvent);
    if (post.nextEvery !== null) post.nextEvery.addEveryState(stateEvent);
    else if (this.isStart) this.#isActive = false;
    post.callback?.startStateReset();
  }

  override take(event: Ev): Ev[] {
    if (!this.#isActive) return [];
    super.take(event);
    return [];
  }

  protected override get dropsUnchanged(): boolean {
    return false;
  }

  override start(): void {
    if (this.isStart && this.#isActive) this.#schedule(this.#host.now() + this.#waitingMs);
  }

  protected override saveMore(): unknown[] {
    return [this.#lastScheduled, this.#isActive];
  }
  protected override loadMore([lastScheduled, isActive]: [number, boolean]): void {
    this.#lastScheduled = lastScheduled;
    this.#isActive = isActive;
  }
}

/** The done side of an absence: the event came, so the partial match ends here and the wait begins again. */
export class AbsentPostState extends PostState {
  override accept(stateEvent: Ev): void {
    const pre = this.pre as AbsentPreState; // made together
    pre.isChanged = true;
    const event = stateEvent.row[this.stateId] as Ev; // the state under test holds its event
    stateEvent.ts = event.ts;
    this.isReturned = true;
    if (pre.isStart && this.nextEvery === pre) pre.addEveryState(stateEvent);
    pre.restartWait(event.ts);
  }
}
