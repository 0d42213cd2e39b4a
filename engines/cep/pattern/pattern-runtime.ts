import { Ev } from "../event.ts";
import type { Receiver } from "../runtime/junction.ts";
import { type Host, Processor } from "../runtime/processor.ts";
import type { Timer } from "../runtime/scheduler.ts";
import { AbsentLogicalPostState, AbsentLogicalPreState } from "./absent-logical-state.ts";
import { AbsentPostState, AbsentPreState } from "./absent-state.ts";
import { CountPostState, CountPreState } from "./count-state.ts";
import type { LogicalOp } from "./logical-state.ts";
import { LogicalPostState, LogicalPreState } from "./logical-state.ts";
import { type PatternSettings, PostState, PreState, type StateFilter, type StateType } from "./pre-state.ts";

/** A compiled state element, without state. Slots are numbered in the order Siddhi makes them. */
export type ElementPlan =
  | {
      kind: "state";
      slot: number;
      stream: string;
      filter: StateFilter | undefined;
      prepare: Prepare | undefined;
    }
  | {
      kind: "absent";
      slot: number;
      stream: string;
      filter: StateFilter | undefined;
      prepare: Prepare | undefined;
      forMs: number | undefined;
    }
  | { kind: "count"; state: ElementPlan & { kind: "state" }; min: number; max: number }
  | { kind: "logical"; op: LogicalOp; first: SinglePlan; second: SinglePlan }
  | { kind: "next"; left: ElementPlan; right: ElementPlan }
  | { kind: "every"; inner: ElementPlan };

type SinglePlan = ElementPlan & { kind: "state" | "absent" };
/** Stream functions in front of the filters: a new event, or null to drop it. */
export type Prepare = (e: Ev) => Ev | null;

export interface PatternPlan {
  readonly type: StateType;
  readonly element: ElementPlan;
  readonly width: number;
  readonly withinMs: number | undefined;
}

/** A part of the pattern as its start, its end, and the order of resets and updates. */
interface Part {
  readonly first: PreState;
  readonly last: PostState;
  /** Start states, in the order they begin. */
  readonly inits: readonly PreState[];
  readonly resets: readonly PreState[];
  readonly updates: readonly PreState[];
}

interface Listener {
  readonly pre: PreState;
  readonly prepare: Prepare | undefined;
}

/** One instance of a pattern or sequence: its states, and one entry per input stream. */
export class PatternRuntime extends Processor {
  readonly #settings: PatternSettings;
  readonly #host: Host;
  readonly #pres: PreState[] = [];
  #expiring: readonly PreState[] = [];
  readonly #listeners = new Map<string, Listener[]>();
  readonly #root: Part;
  readonly #isSequence: boolean;
  #charged = 0;
  /** Frees what `within` has ended when no event comes to do it. */
  readonly #sweep: Timer | undefined;
  #isSweepSet = false;
  /** The newest event time, now and when the sweep was set. */
  #latest = 0;
  #latestAtSweep = 0;

  constructor(plan: PatternPlan, host: Host) {
    super();
    this.#host = host;
    this.#isSequence = plan.type === "sequence";
    this.#settings = { type: plan.type, width: plan.width, withinMs: plan.withinMs, startIds: [] };
    this.#root = this.#build(plan.element, true, null);
    if (plan.withinMs !== undefined) {
      const starts = this.#pres.filter((p) => p.isStart);
      this.#settings.startIds = starts.map((p) => p.stateId);
      // A plain start state holds only matches that have not begun, which never expire.
      this.#expiring = this.#pres.filter(
        (p) => !(p.isStart && starts.length === 1 && p.constructor === PreState),
      );
    }
    this.#root.first.lastPost = this.#root.last;
    this.#markLast(plan.element, this.#root.last);
    this.#listen(plan.element);
    this.#sweep = plan.withinMs === undefined ? undefined : host.timer((time) => this.#onSweep(time));
  }

  /** Siddhi's partial matches wait for the next event to be dropped; here a silent stream frees them too. */
  #onSweep(time: number): void {
    const { withinMs } = this.#settings;
    this.#isSweepSet = false;
    if (withinMs === undefined) return;
    if (this.#latest === this.#latestAtSweep) {
      for (const pre of this.#pres) pre.expireEvents(this.#latest + withinMs + 1);
      this.#account();
    } else {
      this.#setSweep(time);
    }
  }

  #setSweep(time: number): void {
    this.#isSweepSet = true;
    this.#latestAtSweep = this.#latest;
    this.#sweep?.notifyAt(time + (this.#settings.withinMs ?? 0) + 1);
  }

  #emit = (stateEvent: Ev): void => this.next.processOne(stateEvent);

  #markLast(element: ElementPlan, last: PostState): void {
    let tail = element;
    while (tail.kind === "next" || tail.kind === "every")
      tail = tail.kind === "next" ? tail.right : tail.inner;
    last.isLast = true;
    if (tail.kind === "logical") (last as LogicalPostState).partnerPost.isLast = true; // built by #buildLogical
  }

  #register(pre: PreState, post: PostState): Part {
    pre.post = post;
    pre.lastPost = post;
    post.pre = pre;
    this.#pres.push(pre);
    return { first: pre, last: post, inits: [pre], resets: [pre], updates: [pre] };
  }

  #build(element: ElementPlan, isStart: boolean, every: PreState[] | null): Part {
    const settings = this.#settings;
    switch (element.kind) {
      case "state":
        return this.#track(
          every,
          this.#register(
            new PreState(settings, element.slot, isStart, element.filter),
            new PostState(element.slot),
          ),
        );
      case "absent": {
        const pre = new AbsentPreState(
          settings,
          element.slot,
          isStart,
          element.filter,
          element.forMs ?? 0,
          this.#host,
          this.#emit,
        );
        return this.#track(every, this.#register(pre, new AbsentPostState(element.slot)));
      }
      case "count": {
        const { slot, filter } = element.state;
        return this.#track(
          every,
          this.#register(
            new CountPreState(settings, slot, isStart, filter, element.min),
            new CountPostState(slot, element.min, element.max),
          ),
        );
      }
      case "logical":
        return this.#buildLogical(element, isStart, every);
      case "next": {
        const left = this.#build(element.left, isStart, every);
        const right = this.#build(element.right, false, every);
        left.last.setNext(right.first);
        return {
          first: left.first,
          last: right.last,
          inits: [...left.inits, ...right.inits],
          resets: [...right.resets, ...left.resets],
          updates: [...left.updates, ...right.updates],
        };
      }
      case "every": {
        const inside: PreState[] = [];
        const inner = this.#build(element.inner, isStart, inside);
        inner.last.setNextEvery(inner.first);
        for (const pre of inside) pre.withinEvery = inner.first;
        every?.push(...inside);
        return {
          first: inner.first,
          last: inner.last,
          inits: inner.inits,
          resets: [inner.first],
          updates: [inner.first],
        };
      }
    }
  }

  #track(every: PreState[] | null, part: Part): Part {
    every?.push(part.first);
    return part;
  }

  #buildHalf(
    plan: SinglePlan,
    op: LogicalOp,
    isStart: boolean,
  ): { part: Part; pre: LogicalPreState; post: LogicalPostState } {
    const settings = this.#settings;
    const pre =
      plan.kind === "absent"
        ? new AbsentLogicalPreState(
            settings,
            plan.slot,
            isStart,
            plan.filter,
            op,
            plan.forMs,
            this.#host,
            this.#emit,
          )
        : new LogicalPreState(settings, plan.slot, isStart, plan.filter, op);
    const post =
      plan.kind === "absent"
        ? new AbsentLogicalPostState(plan.slot, op)
        : new LogicalPostState(plan.slot, op);
    return { part: this.#register(pre, post), pre, post };
  }

  #buildLogical(
    element: ElementPlan & { kind: "logical" },
    isStart: boolean,
    every: PreState[] | null,
  ): Part {
    const second = this.#buildHalf(element.second, element.op, isStart);
    const first = this.#buildHalf(element.first, element.op, isStart);
    first.pre.partner = second.pre;
    second.pre.partner = first.pre;
    first.post.partnerPre = second.pre;
    second.post.partnerPre = first.pre;
    first.post.partnerPost = second.post;
    second.post.partnerPost = first.post;
    every?.push(second.pre, first.pre);
    return {
      first: first.pre,
      last: second.post,
      inits: [second.pre, first.pre],
      resets: [second.pre],
      updates: [second.pre],
    };
  }

  #listen(element: ElementPlan): void {
    switch (element.kind) {
      case "state":
      case "absent": {
        const pre = this.#pres.find((p) => p.stateId === element.slot) as PreState; // one per slot
        const list = this.#listeners.get(element.stream) ?? [];
        list.push({ pre, prepare: element.prepare });
        this.#listeners.set(element.stream, list);
        return;
      }
      case "count":
        this.#listen(element.state);
        return;
      case "logical":
        this.#listen(element.second);
        this.#listen(element.first);
        return;
      case "next":
        this.#listen(element.left);
        this.#listen(element.right);
        return;
      case "every":
        this.#listen(element.inner);
        return;
    }
  }

  /** Starts the pattern: an empty partial match in each start state, and the timers of absent ones. */
  override start(): void {
    for (const pre of this.#root.inits) pre.init();
    for (const pre of this.#pres) pre.start();
  }

  process(_chunk: Ev[]): void {
    // Events come in by stream, through `receive`.
  }

  /** The entry for one input stream. */
  receiverFor(stream: string): Receiver {
    const listeners = this.#listeners.get(stream) ?? [];
    const [only] = listeners;
    if (listeners.length === 1 && only !== undefined) {
      return {
        receiveOne: (e) => this.#receiveSingle(only, listeners, e),
        receive: (chunk) => this.#receiveChunk(only, listeners, chunk),
      };
    }
    return {
      receiveOne: (e) => this.#receiveSharedOne(listeners, e),
      receive: (chunk) => {
        try {
          for (const e of chunk) this.#receiveShared(listeners, e);
        } finally {
          this.held?.release();
        }
      },
    };
  }

  #stabilize(listeners: readonly Listener[], now: number): void {
    const expiring = this.#expiring;
    this.#latest = now;
    for (let i = 0; i < expiring.length; i++) (expiring[i] as PreState).expireEvents(now); // in range
    if (!this.#isSequence) {
      for (let i = 0; i < listeners.length; i++) (listeners[i] as Listener).pre.updateState(); // in range
      return;
    }
    const { resets, updates } = this.#root;
    for (let i = 0; i < resets.length; i++) (resets[i] as PreState).resetState(); // in range
    for (let i = 0; i < updates.length; i++) (updates[i] as PreState).updateState(); // in range
  }

  #receiveSingle({ pre, prepare }: Listener, listeners: readonly Listener[], e: Ev): void {
    this.#stabilize(listeners, e.ts);
    const event = prepare === undefined ? e : prepare(new Ev(e.ts, e.type, e.row));
    if (event === null) return;
    const complete = pre.take(event);
    for (let i = 0; i < complete.length; i++) this.next.processOne(complete[i] as Ev); // in range
    this.#account();
  }

  /** Charges what has come; matches that are too many do not go on. */
  #account(): void {
    const held = this.heldRows();
    if (held === this.#charged) return;
    if (held > this.#charged && !this.#isSweepSet && this.#sweep !== undefined)
      this.#setSweep(this.#host.now());
    try {
      this.#host.charge(held - this.#charged);
      this.#charged = held;
    } catch (error) {
      for (const pre of this.#pres) if (!pre.isStart) pre.fresh.length = 0;
      const left = this.heldRows();
      if (left <= this.#charged) this.#host.charge(left - this.#charged);
      this.#charged = Math.min(left, this.#charged);
      throw error;
    }
  }

  /** All events of a chunk pass before what they complete leaves. */
  #receiveChunk({ pre, prepare }: Listener, listeners: readonly Listener[], chunk: readonly Ev[]): void {
    const complete: Ev[] = [];
    for (const e of chunk) {
      this.#stabilize(listeners, e.ts);
      const event = prepare === undefined ? e : prepare(new Ev(e.ts, e.type, e.row));
      if (event !== null) complete.push(...pre.take(event));
    }
    for (const match of complete) this.next.processOne(match);
    this.#account();
  }

  /** Output of a stream that several states share: what one event completes in one state is a batch, sent at the end. */
  held: { hold(): void; endBatch(): void; release(): void } | undefined;

  #receiveShared(listeners: readonly Listener[], e: Ev): void {
    this.#stabilize(listeners, e.ts);
    // The later states first, so that an event does not pass two of them at once.
    for (let i = listeners.length - 1; i >= 0; i--) {
      const { pre, prepare } = listeners[i] as Listener; // in range
      const event = prepare === undefined ? e : prepare(new Ev(e.ts, e.type, e.row));
      if (event === null) continue;
      const complete = pre.take(event);
      if (complete.length === 0) continue;
      this.held?.hold();
      for (let m = 0; m < complete.length; m++) this.next.processOne(complete[m] as Ev); // in range
      this.held?.endBatch();
    }
    this.#account();
  }

  /** The same for a chunk of one: most events complete one match at most, and need no batch. */
  #receiveSharedOne(listeners: readonly Listener[], e: Ev): void {
    this.#stabilize(listeners, e.ts);
    let only: Ev | undefined;
    let isHeld = false;
    try {
      for (let i = listeners.length - 1; i >= 0; i--) {
        const { pre, prepare } = listeners[i] as Listener; // in range
        const event = prepare === undefined ? e : prepare(new Ev(e.ts, e.type, e.row));
        if (event === null) continue;
        const complete = pre.take(event);
        if (complete.length === 0) continue;
        if (only === undefined && !isHeld && complete.length === 1) {
          only = complete[0];
          continue;
        }
        this.held?.hold();
        isHeld = true;
        if (only !== undefined) {
          this.next.processOne(only);
          only = undefined;
          this.held?.endBatch();
        }
        for (let m = 0; m < complete.length; m++) this.next.processOne(complete[m] as Ev); // in range
        this.held?.endBatch();
      }
      if (only !== undefined) this.next.processOne(only);
    } finally {
      if (isHeld) this.held?.release();
    }
    this.#account();
  }

  /** Partial matches now held, the empty ones of start states included. */
  override heldRows(): number {
    const pres = this.#pres;
    let count = 0;
    for (let i = 0; i < pres.length; i++) {
      const pre = pres[i] as PreState; // in range
      count += pre.pending.length + pre.fresh.length;
    }
    return count;
  }

  override save(): unknown {
    return [this.#pres.map((p) => p.save()), this.#isSweepSet, this.#latest, this.#latestAtSweep];
  }
  override load([saved, isSweepSet, latest, latestAtSweep]: [unknown[][], boolean, number, number]): void {
    this.#isSweepSet = isSweepSet;
    this.#latest = latest;
    this.#latestAtSweep = latestAtSweep;
    for (let i = 0; i < this.#pres.length; i++) this.#pres[i]?.load(saved[i] ?? []);
    this.#charged = this.heldRows();
  }
}
