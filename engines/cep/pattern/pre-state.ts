import { type Ev, EXPIRED } from "../event.ts";
import { copyStateEvent, firstOf, newStateEvent } from "./state-event.ts";

/** Whether the states follow each other loosely (`->`) or without a gap (`,`). */
export type StateType = "pattern" | "sequence";

/** What a state knows of the pattern around it. */
export interface PatternSettings {
  readonly type: StateType;
  /** Number of slots of a partial match. */
  readonly width: number;
  readonly withinMs: number | undefined;
  startIds: readonly number[];
}

/** The condition of a state: the filters behind its stream, tested on the partial match with the event in its slot. */
export interface StateFilter {
  /** What depends on the event alone, tested once before the partial matches are looked at. */
  readonly guard: ((event: Ev) => unknown) | undefined;
  /** What depends on the partial match too. */
  readonly test: ((stateEvent: Ev) => unknown) | undefined;
}

const NONE: Ev[] = [];

/**
 * The waiting side of a state: partial matches that await an event of its stream. `fresh` ones join `pending` at
 * the next event, so that no event matches two states at once. The names and the order of work are Siddhi's, whose
 * results depend on them.
 */
export class PreState {
  readonly settings: PatternSettings;
  readonly stateId: number;
  readonly isStart: boolean;
  readonly #guard: StateFilter["guard"];
  readonly #test: StateFilter["test"];
  #isGuarded = false;
  /** Where a partial match whose `within` has passed starts anew, inside an `every`. */
  withinEvery: PreState | null = null;
  post!: PostState;
  /** The state whose completion is reported by `take`: its own, for the first state the pattern's last. */
  lastPost!: PostState;
  pending: Ev[] = [];
  fresh: Ev[] = [];
  isChanged = false;
  #isInitialized = false;
  /** The empty partial match of a start state that an event did not fit, to be used again. */
  #blank: Ev | null = null;

  constructor(settings: PatternSettings, stateId: number, isStart: boolean, filter: StateFilter | undefined) {
    this.settings = settings;
    this.stateId = stateId;
    this.isStart = isStart;
    this.#guard = filter?.guard;
    this.#test = filter?.test;
  }

  /** True when no partial match can take the event; in a sequence they must then be dropped one by one. */
  protected isOutOfQuestion(event: Ev): boolean {
    this.#isGuarded = this.#guard !== undefined && this.#guard(event) !== true;
    return this.pending.length === 0 || (this.#isGuarded && this.settings.type === "pattern");
  }

  /** Puts an empty partial match into a start state. */
  init(): void {
    if (!this.isStart) return;
    const { post } = this;
    const again =
      post.nextEvery !== null ||
      (this.settings.type === "sequence" && post.next !== null && post.next.isAbsent);
    if (this.#isInitialized && !again) return;
    this.addState(this.#blank ?? newStateEvent(this.settings.width));
    this.#blank = null;
    this.#isInitialized = true;
  }

  get isAbsent(): boolean {
    return false;
  }

  addState(stateEvent: Ev): void {
    if (this.settings.type === "sequence" && this.fresh.length > 0) return;
    this.fresh.push(stateEvent);
  }

  /** Starts over with what was matched before this state. */
  addEveryState(stateEvent: Ev): void {
    const copy = copyStateEvent(stateEvent);
    copy.type = 0;
    for (let i = this.stateId; i < copy.row.length; i++) copy.row[i] = null;
    this.fresh.push(copy);
  }

  /** Drops what waits, as a sequence does at every event; a start state then begins anew. */
  resetState(): void {
    truncate(this.pending, 0);
    if (!this.isStart || this.fresh.length > 0) return;
    if (
      this.settings.type === "sequence" &&
      this.post.nextEvery === null &&
      (this.post.next?.pending.length ?? 0) > 0
    )
      return;
    this.init();
  }

  updateState(): void {
    const { fresh } = this;
    if (fresh.length === 0) return;
    if (fresh.length > 1) fresh.sort(byTime);
    if (this.pending.length === 0) {
      this.fresh = this.pending;
      this.pending = fresh;
      return;
    }
    for (let i = 0; i < fresh.length; i++) this.pending.push(fresh[i] as Ev); // in range
    truncate(fresh, 0);
  }

  isExpired(stateEvent: Ev, now: number): boolean {
    const { withinMs, startIds } = this.settings;
    if (withinMs === undefined) return false;
    for (let i = 0; i < startIds.length; i++) {
      const start = firstOf(stateEvent, startIds[i] as number); // in range
      if (start !== null && Math.abs(start.ts - now) > withinMs) return true;
    }
    return false;
  }

  /** Drops partial matches whose `within` has passed; the list is in time order, so the head is enough. */
  expireEvents(now: number): void {
    if (this.settings.withinMs === undefined) return;
    let expired: Ev | null = null;
    let drop = 0;
    while (drop < this.pending.length && this.isExpired(this.pending[drop] as Ev, now)) {
      // in range
      expired = markExpired(this.pending[drop] as Ev, expired); // in range
      drop++;
    }
    if (drop > 0) this.pending.splice(0, drop);
    if (this.#hasExpired(this.fresh, now)) {
      this.fresh = this.fresh.filter((e) => {
        if (!this.isExpired(e, now)) return true;
        expired = markExpired(e, expired);
        return false;
      });
    }
    if (expired !== null && this.withinEvery !== null) {
      this.withinEvery.addEveryState(expired);
      this.withinEvery.updateState();
    }
  }

  #hasExpired(list: readonly Ev[], now: number): boolean {
    for (let i = 0; i < list.length; i++) if (this.isExpired(list[i] as Ev, now)) return true; // in range
    return false;
  }

  /** Tests the condition with the event in its slot and tells the post state when it holds. */
  protected test(stateEvent: Ev): void {
    this.isChanged = false;
    if (this.#isGuarded) return;
    if (this.#test === undefined || this.#test(stateEvent) === true) this.post.accept(stateEvent);
  }

  /** Offers an event to all pending partial matches. @returns those that are complete now. */
  take(event: Ev): Ev[] {
    if (this.isOutOfQuestion(event)) return NONE;
    let complete = NONE;
    const { pending, stateId } = this;
    const isPattern = this.settings.type === "pattern";
    let kept = 0;
    for (let i = 0; i < pending.length; i++) {
      const stateEvent = pending[i] as Ev; // in range
      stateEvent.row[stateId] = event;
      this.test(stateEvent);
      if (this.lastPost.isReturned) {
        this.lastPost.isReturned = false;
        if (complete === NONE) complete = [stateEvent];
        else complete.push(stateEvent);
      }
      if (this.isChanged) continue;
      stateEvent.row[stateId] = null;
      if (isPattern || !this.dropsUnchanged) pending[kept++] = stateEvent;
      else if (stateEvent.ts === -1) this.#blank = stateEvent;
      if (!isPattern) this.post.callback?.startStateReset();
    }
    truncate(pending, kept);
    return complete;
  }

  /** In a sequence, a partial match that the event did not advance is over. */
  protected get dropsUnchanged(): boolean {
    return true;
  }

  save(): unknown {
    return [this.pending, this.fresh, this.#isInitialized, ...this.saveMore()];
  }
  load(saved: unknown[]): void {
    const [pending, fresh, isInitialized, ...more] = saved as [Ev[], Ev[], boolean, ...unknown[]]; // as saved
    this.pending = pending;
    this.fresh = fresh;
    this.#isInitialized = isInitialized;
    this.loadMore(more);
  }
  protected saveMore(): unknown[] {
    return [];
  }
  protected loadMore(_more: unknown[]): void {}
  /** Called when the app starts or the partition comes to life. */
  start(): void {}
}

/** Shortens a list. One by one keeps its room for what comes next, where `length = 0` would give it away. */
function truncate(list: Ev[], length: number): void {
  if (list.length - length > 8) list.length = length;
  while (list.length > length) list.pop();
}

function markExpired(e: Ev, previous: Ev | null): Ev | null {
  if (e.type === EXPIRED) return previous;
  e.type = EXPIRED;
  return e;
}

/** By time; matches that have not begun (-1) go last. */
function byTime(a: Ev, b: Ev): number {
  if (a.ts === -1) return b.ts === -1 ? 0 : 1;
  return b.ts === -1 ? -1 : a.ts - b.ts;
}

/** Something that starts counting again when the state after it moves on. */
export interface ResetsOnNext {
  startStateReset(): void;
}

/** The done side of a state: passes a partial match on, to the next state, to `every`, or out. */
export class PostState {
  readonly stateId: number;
  pre!: PreState;
  next: PreState | null = null;
  nextEvery: PreState | null = null;
  /** The last state: complete matches leave here. */
  isLast = false;
  isReturned = false;
  callback: ResetsOnNext | null = null;

  constructor(stateId: number) {
    this.stateId = stateId;
  }

  setNext(next: PreState): void {
    this.next = next;
  }
  setNextEvery(nextEvery: PreState): void {
    this.nextEvery = nextEvery;
  }

  accept(stateEvent: Ev): void {
    this.pre.isChanged = true;
    const event = stateEvent.row[this.stateId] as Ev; // the state under test holds its event
    stateEvent.ts = event.ts;
    if (this.isLast) this.isReturned = true;
    this.next?.addState(stateEvent);
    this.nextEvery?.addEveryState(stateEvent);
    this.callback?.startStateReset();
  }
}
