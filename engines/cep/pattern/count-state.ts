import type { Ev } from "../event.ts";
import {
  type PatternSettings,
  PostState,
  PreState,
  type ResetsOnNext,
  type StateFilter,
} from "./pre-state.ts";

/** The waiting side of `e<min:max>`: the partial match stays until the most have come or the next state has. */
export class CountPreState extends PreState implements ResetsOnNext {
  readonly min: number;
  isSuccess = false;
  #resets = false;

  constructor(
    settings: PatternSettings,
    stateId: number,
    isStart: boolean,
    filter: StateFilter | undefined,
    min: number,
  ) {
    super(settings, stateId, isStart, filter);
    this.min = min;
  }

  override addState(stateEvent: Ev): void {
    super.addState(stateEvent);
    // None needed: the next state may go ahead at once.
    if (this.min === 0 && stateEvent.row[this.stateId] === null)
      (this.post as CountPostState).minReached(stateEvent); // made together
  }

  override take(event: Ev): Ev[] {
    const complete: Ev[] = [];
    if (this.isOutOfQuestion(event)) return complete;
    const kept: Ev[] = [];
    const { stateId } = this;
    const isPattern = this.settings.type === "pattern";
    for (const stateEvent of this.pending) {
      if (isFilled(stateEvent, stateId + 1) || isFilled(stateEvent, stateId + 2)) continue;
      const chain = stateEvent.row[stateId] as Ev[] | null; // a counted slot holds a chain
      if (chain === null) stateEvent.row[stateId] = [event];
      else chain.push(event);
      this.isSuccess = false;
      this.test(stateEvent);
      if (this.lastPost.isReturned) {
        this.lastPost.isReturned = false;
        complete.push(stateEvent);
      }
      let isKept = !this.isChanged;
      if (!this.isSuccess) {
        const current = stateEvent.row[stateId] as Ev[]; // pushed above
        current.pop();
        if (current.length === 0) stateEvent.row[stateId] = null;
        if (!isPattern) isKept = false;
      }
      if (isKept) kept.push(stateEvent);
    }
    this.pending = kept;
    return complete;
  }

  startStateReset(): void {
    this.#resets = true;
  }

  override updateState(): void {
    if (this.#resets) {
      this.#resets = false;
      this.init();
    }
    super.updateState();
  }

  protected override saveMore(): unknown[] {
    return [this.#resets];
  }
  protected override loadMore([resets]: [boolean]): void {
    this.#resets = resets;
  }
}

function isFilled(stateEvent: Ev, slot: number): boolean {
  return slot < stateEvent.row.length && stateEvent.row[slot] !== null;
}

/** The done side of `e<min:max>`. */
export class CountPostState extends PostState {
  readonly #min: number;
  readonly #max: number;
  constructor(stateId: number, min: number, max: number) {
    super(stateId);
    this.#min = min;
    this.#max = max;
  }

  override setNext(next: PreState): void {
    this.next = next;
    const { pre } = this;
    if (pre.isStart && pre.settings.type === "sequence" && this.#min === 0)
      next.post.callback = pre as CountPreState; // made together
  }

  override accept(stateEvent: Ev): void {
    const chain = stateEvent.row[this.stateId] as Ev[]; // a counted slot holds a chain
    const pre = this.pre as CountPreState; // made together
    pre.isSuccess = true;
    stateEvent.ts = (chain[chain.length - 1] as Ev).ts; // just pushed
    const count = chain.length;
    if (count < this.#min) return;
    if (pre.settings.type === "sequence") {
      this.next?.addState(stateEvent);
      if (count !== this.#max) pre.addState(stateEvent);
    } else if (count === this.#min) {
      this.minReached(stateEvent);
    }
    if (count === this.#max) pre.isChanged = true;
  }

  minReached(stateEvent: Ev): void {
    if (this.isLast) {
      this.pre.isChanged = true;
      this.isReturned = true;
    }
    this.next?.addState(stateEvent);
    this.nextEvery?.addEveryState(stateEvent);
  }
}
