import { Ev } from "../event.ts";
import type { Host } from "../runtime/processor.ts";
import type { Timer } from "../runtime/scheduler.ts";
import type { Emit } from "./absent-state.ts";
import { type LogicalOp, LogicalPostState, LogicalPreState } from "./logical-state.ts";
import type { PatternSettings, StateFilter } from "./pre-state.ts";
import { copyStateEvent, firstOf, newStateEvent } from "./state-event.ts";

/** One half of `a and not b`, `not a for 1 sec or b`, …: the half that must not come. */
export class AbsentLogicalPreState extends LogicalPreState {
  readonly #waitingMs: number | undefined;
  readonly #host: Host;
  readonly #timer: Timer;
  readonly #emit: Emit;
  #lastArrival = 0;
  #isActive = true;

  constructor(
    settings: PatternSettings,
    stateId: number,
    isStart: boolean,
    filter: StateFilter | undefined,
    op: LogicalOp,
    waitingMs: number | undefined,
    host: Host,
    emit: Emit,
  ) {
    super(settings, stateId, isStart, filter, op);
    this.#waitingMs = waitingMs;
    this.#host = host;
    this.#emit = emit;
    this.#timer = host.timer((time) => this.#onTimer(time));
  }

  override get isAbsent(): boolean {
    return true;
  }

  arrivedAt(time: number): void {
    this.#lastArrival = time;
  }

  override addState(stateEvent: Ev): void {
    if (!this.#isActive) return;
    super.addState(stateEvent);
    if (this.isStart || this.#waitingMs === undefined) return;
    this.#timer.notifyAt(stateEvent.ts + this.#waitingMs);
    const { partner } = this;
    if (partner instanceof AbsentLogicalPreState)
      partner.#timer.notifyAt(stateEvent.ts + (partner.#waitingMs ?? -1));
  }

  override addEveryState(stateEvent: Ev): void {
    const copy = copyStateEvent(stateEvent);
    copy.type = 0;
    const own = firstOf(copy, this.stateId);
    if (own !== null) copy.ts = own.ts;
    copy.row[this.stateId] = null;
    copy.row[this.partner.stateId] = null;
    this.fresh.push(copy);
    this.partner.fresh.push(copy);
  }

  #onTimer(time: number): void {
    if (!this.#isActive) return;
    const waitingMs = this.#waitingMs ?? -1;
    let isPassed = false;
    if (time >= this.#lastArrival + waitingMs) {
      const isSequence = this.settings.type === "sequence";
      if (this.isStart && isSequence && this.fresh.length === 0 && this.pending.length === 0)
        this.addState(newStateEvent(this.settings.width));
      else if (isSequence && this.fresh.length > 0) this.resetState();
      this.updateState();
      const passed = this.#collect(time, waitingMs);
      isPassed = passed.length > 0;
      for (const e of passed) {
        e.ts = time;
        this.#pass(e);
      }
      this.#lastArrival = 0;
    }
    if (this.post.nextEvery !== null || (!isPassed && this.isStart)) {
      this.#timer.notifyAt((this.#lastArrival === 0 ? this.#host.now() : this.#lastArrival) + waitingMs);
    }
  }

  #collect(time: number, waitingMs: number): Ev[] {
    const passed: Ev[] = [];
    const kept: Ev[] = [];
    let expired: Ev | null = null;
    for (const e of this.pending) {
      if (this.isExpired(e, time)) {
        expired = e;
        continue;
      }
      const since = firstOf(e, this.stateId)?.ts ?? e.ts;
      if (time < since + waitingMs) {
        kept.push(e);
        continue;
      }
      const hasPartner = e.row[this.partner.stateId] !== null;
      if (this.op === "and" && hasPartner) passed.push(e);
      else if (!hasPartner) {
        // An empty event in the slot says: waited for, did not come.
        e.row[this.stateId] = new Ev(-1, 0, []);
        if (this.op === "or") passed.push(e);
      }
    }
    this.pending = kept;
    if (expired !== null && this.withinEvery !== null) {
      this.withinEvery.addEveryState(expired);
      this.withinEvery.updateState();
    }
    return passed;
  }

  #pass(stateEvent: Ev): void {
    const { post, partner } = this;
    if (post.isLast) this.#emit(stateEvent);
    post.next?.addState(stateEvent);
    if (post.nextEvery !== null) post.nextEvery.addEveryState(stateEvent);
    else if (this.isStart) {
      this.#isActive = false;
      if (this.op === "or" && partner instanceof AbsentLogicalPreState) partner.#isActive = false;
    }
    post.callback?.startStateReset();
  }

  override take(event: Ev): Ev[] {
    if (!this.#isActive || this.isOutOfQuestion(event)) return [];
    const isSequence = this.settings.type === "sequence";
    const kept: Ev[] = [];
    for (const stateEvent of this.pending) {
      if (this.op === "or" && stateEvent.row[this.partner.stateId] !== null) continue;
      const before = stateEvent.row[this.stateId];
      stateEvent.row[this.stateId] = event;
      this.test(stateEvent);
      if (this.#waitingMs !== undefined || (isSequence && this.op === "and" && this.post.nextEvery !== null))
        stateEvent.row[this.stateId] = before;
      let isKept = true;
      if (this.lastPost.isReturned) {
        this.lastPost.isReturned = false;
        isKept = false;
        if (isSequence) this.partner.pending = this.partner.pending.filter((e) => e !== stateEvent);
      }
      if (!this.isChanged) {
        stateEvent.row[this.stateId] = before;
        if (isSequence) isKept = false;
      }
      if (isKept) kept.push(stateEvent);
    }
    this.pending = kept;
    return [];
  }

  override partnerMayProceed(stateEvent: Ev): boolean {
    const { nextEvery } = this.post;
    if (this.settings.type === "sequence" && nextEvery === null && this.#lastArrival > 0) return false;
    if (this.#waitingMs !== undefined) return stateEvent.row[this.stateId] !== null;
    if (nextEvery === null) return stateEvent.row[this.stateId] === null;
    if (this.#lastArrival === 0) return true;
    this.#lastArrival = 0;
    this.init();
    return false;
  }

  override start(): void {
    if (this.isStart && this.#waitingMs !== undefined && this.#isActive)
      this.#timer.notifyAt(this.#host.now() + this.#waitingMs);
  }

  protected override saveMore(): unknown[] {
    return [this.#lastArrival, this.#isActive];
  }
  protected override loadMore([lastArrival, isActive]: [number, boolean]): void {
    this.#lastArrival = lastArrival;
    this.#isActive = isActive;
  }
}

/** The done side of the half that must not come. */
export class AbsentLogicalPostState extends LogicalPostState {
  override accept(stateEvent: Ev): void {
    const pre = this.pre as AbsentLogicalPreState; // made together
    pre.isChanged = true;
    this.isReturned = true;
    pre.arrivedAt((stateEvent.row[this.stateId] as Ev).ts); // the state under test holds its event
  }
}
