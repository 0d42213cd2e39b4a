import type { Ev } from "../event.ts";
import { type PatternSettings, PostState, PreState, type StateFilter } from "./pre-state.ts";
import { copyStateEvent } from "./state-event.ts";

export type LogicalOp = "and" | "or";

/** The waiting side of one half of `a and b` or `a or b`; partial matches wait in both halves. */
export class LogicalPreState extends PreState {
  readonly op: LogicalOp;
  partner!: LogicalPreState;

  constructor(
    settings: PatternSettings,
    stateId: number,
    isStart: boolean,
    filter: StateFilter | undefined,
    op: LogicalOp,
  ) {
    super(settings, stateId, isStart, filter);
    this.op = op;
  }

  override addState(stateEvent: Ev): void {
    const onlyOne = this.isStart || this.settings.type === "sequence";
    for (const half of [this, this.partner] as LogicalPreState[])
      if (!onlyOne || half.fresh.length === 0) half.fresh.push(stateEvent);
  }

  override addEveryState(stateEvent: Ev): void {
    const copy = copyStateEvent(stateEvent);
    copy.type = 0;
    for (let i = this.stateId; i < copy.row.length; i++) copy.row[i] = null;
    copy.row[this.partner.stateId] = null;
    this.fresh.push(copy);
    this.partner.fresh.push(copy);
  }

  override resetState(): void {
    if (this.op !== "or" && this.pending.length !== this.partner.pending.length) return;
    this.pending = [];
    this.partner.pending = [];
    if (!this.isStart || this.fresh.length > 0) return;
    if (
      this.settings.type === "sequence" &&
      this.post.nextEvery === null &&
      (this.post.next?.pending.length ?? 0) > 0
    )
      return;
    this.init();
  }

  override updateState(): void {
    super.updateState();
    this.partner.moveFresh();
  }

  moveFresh(): void {
    super.updateState();
  }

  override take(event: Ev): Ev[] {
    const complete: Ev[] = [];
    if (this.isOutOfQuestion(event)) return complete;
    const kept: Ev[] = [];
    for (const stateEvent of this.pending) {
      if (this.op === "or" && stateEvent.row[this.partner.stateId] !== null) continue;
      stateEvent.row[this.stateId] = event;
      this.test(stateEvent);
      if (this.lastPost.isReturned) {
        this.lastPost.isReturned = false;
        complete.push(stateEvent);
      }
      if (this.isChanged) continue;
      stateEvent.row[this.stateId] = null;
      if (this.settings.type === "pattern") kept.push(stateEvent);
    }
    this.pending = kept;
    return complete;
  }

  /** Whether the other half may complete the match without an event here; a half that waits for one says no. */
  partnerMayProceed(stateEvent: Ev): boolean {
    return stateEvent.row[this.stateId] !== null;
  }
}

/** The done side of one half. */
export class LogicalPostState extends PostState {
  readonly op: LogicalOp;
  partnerPre!: LogicalPreState;
  partnerPost!: LogicalPostState;

  constructor(stateId: number, op: LogicalOp) {
    super(stateId);
    this.op = op;
  }

  override setNext(next: PreState): void {
    this.next = next;
    this.partnerPost.next = next;
  }
  override setNextEvery(nextEvery: PreState): void {
    this.nextEvery = nextEvery;
    this.partnerPost.nextEvery = nextEvery;
  }

  override accept(stateEvent: Ev): void {
    if (this.op === "and") {
      if (!this.partnerPre.partnerMayProceed(stateEvent)) {
        this.pre.isChanged = true;
        return;
      }
    }
    super.accept(stateEvent);
    // The whole pattern is this pair and the first half came last: its pre state asks the other half.
    if (this.partnerPost.isLast && this.pre.lastPost === this.partnerPost) this.partnerPost.isReturned = true;
  }
}
