import { Ring } from "./ring.ts";

/** The saved form of a timer: its queue and its place in the scheduler's order. */
export interface SavedTimer {
  readonly queue: number[];
  readonly due: number;
  readonly sequence: number;
}

/**
 * The timer of one operator instance: a queue of times, served in the order they were asked for, as in Siddhi.
 * Only the head is known to the scheduler.
 */
export class Timer {
  readonly #scheduler: Scheduler;
  readonly #fire: (time: number) => void;
  /** Position of the operator in the app; orders timers that fall due together in playback. */
  readonly order: number;
  queue = new Ring<number>([], 2);
  due = 0;
  sequence = 0;
  isScheduled = false;

  constructor(scheduler: Scheduler, order: number, fire: (time: number) => void) {
    this.#scheduler = scheduler;
    this.order = order;
    this.#fire = fire;
  }

  /** Asks to be called with `time` once the app's time has reached it. */
  notifyAt(time: number): void {
    this.queue.push(time);
    if (!this.isScheduled) this.#scheduler.add(this, time);
  }

  /** Calls for every queued time that has been reached, in queue order, then waits for the next. */
  run(): void {
    for (;;) {
      const head = this.queue.peek();
      if (head === undefined || head > this.#scheduler.now()) break;
      this.queue.shift();
      this.#fire(head);
    }
    this.isScheduled = false;
    const head = this.queue.peek();
    if (head !== undefined) this.#scheduler.add(this, head);
  }

  /** Forgets what is queued, as a purged partition does. */
  cancel(): void {
    this.queue.clear();
    this.#scheduler.remove(this);
  }

  save(): SavedTimer | undefined {
    return this.queue.length === 0
      ? undefined
      : { queue: this.queue.toArray(), due: this.due, sequence: this.sequence };
  }

  /** `isResuming`: what fell due meanwhile is due now rather than at its time. */
  load(saved: SavedTimer | undefined, isResuming = false): void {
    this.cancel();
    if (saved === undefined) return;
    this.queue = new Ring(saved.queue);
    this.#scheduler.restore(
      this,
      isResuming ? Math.max(saved.due, this.#scheduler.now()) : saved.due,
      saved.sequence,
    );
  }
}

/** A heap of timers in (due, sequence) order over the app's time. It never reads a clock by itself. */
export class Scheduler {
  readonly #heap: Timer[] = [];
  readonly #now: () => number;
  sequence = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  now(): number {
    return this.#now();
  }

  /** When the next timer is due, in app time. */
  nextDue(): number | undefined {
    return this.#heap[0]?.due;
  }

  add(timer: Timer, time: number): void {
    this.restore(timer, Math.max(time, this.#now()), ++this.sequence);
  }

  restore(timer: Timer, due: number, sequence: number): void {
    timer.due = due;
    timer.sequence = sequence;
    timer.isScheduled = true;
    this.sequence = Math.max(this.sequence, sequence);
    this.#heap.push(timer);
    this.#up(this.#heap.length - 1);
  }

  remove(timer: Timer): void {
    if (!timer.isScheduled) return;
    timer.isScheduled = false;
    const at = this.#heap.indexOf(timer);
    if (at < 0) return;
    const last = this.#heap.pop() as Timer; // at least `timer` is in it
    if (at < this.#heap.length) {
      this.#heap[at] = last;
      this.#up(at);
      this.#down(at);
    }
  }

  /** Takes the first timer if it is due at or before `time`. It must then be `run`. */
  takeDue(time: number): Timer | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.due > time) return undefined;
    const last = this.#heap.pop() as Timer; // as above
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#down(0);
    }
    return first;
  }

  #before(a: Timer, b: Timer): boolean {
    return a.due < b.due || (a.due === b.due && a.sequence < b.sequence);
  }

  #up(from: number): void {
    let i = from;
    const heap = this.#heap;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const a = heap[i] as Timer; // both indexes are within the heap
      const b = heap[parent] as Timer;
      if (!this.#before(a, b)) return;
      heap[i] = b;
      heap[parent] = a;
      i = parent;
    }
  }

  #down(from: number): void {
    let i = from;
    const heap = this.#heap;
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && this.#before(heap[child] as Timer, heap[least] as Timer)) least = child; // in range
      }
      if (least === i) return;
      const a = heap[i] as Timer; // in range
      heap[i] = heap[least] as Timer;
      heap[least] = a;
      i = least;
    }
  }
}
