import { CURRENT, Ev } from "../event.ts";
import type { LogicalOp } from "./logical-state.ts";
import { type Receiver, receiverOf } from "../runtime/junction.ts";
import { type Host, Processor } from "../runtime/processor.ts";
import { AbsentLogicalPostState, AbsentLogicalPreState } from "./absent-logical-state.ts";
import { AbsentPostState, AbsentPreState } from "./absent-state.ts";
import { CountPostState, CountPreState } from "./count-state.ts";
import { LogicalPostState, LogicalPreState } from "./logical-state.ts";
import { type PatternSettings, PostState, PreState, type StateFilter, type StateType } from "./pre-state.ts";

/** A compiled state element, without state. Slots are numbered in the order Siddhi makes them. */
export type ElementPlan =
  | { kind: "state"; slot: number; stream: string; filter: StateFilter | undefined; prepare: Prepare | undefined }
  | { kind: "absent"; slot: number; stream: string; filter: StateFilter | undefined; prepare: Prepare | undefined; forMs: number | undefined }
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
  init(): void;
  reset(): void;
  update(): void;
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
  readonly #listeners = new Map<string, Listener[]>();
  readonly #root: Part;
  readonly #isSequence: boolean;
  /** Wraps the work on one event of a stream that several states share; their output leaves afterwards. */
  defer: (work: () => void) => void = (work) => work();

  constructor(plan: PatternPlan, host: Host) {
    super();
    this.#host = host;
    this.#isSequence = plan.type === "sequence";
    this.#settings = { type: plan.type, width: plan.width, withinMs: plan.withinMs, startIds: [] };
    this.#root = this.#build(plan.element, true, null);
    if (plan.withinMs !== undefined) this.#settings.startIds = this.#pres.filter((p) => p.isStart).map((p) => p.stateId);
    this.#root.first.lastPost = this.#root.last;
    this.#markLast(plan.element, this.#root.last);
    this.#listen(plan.element);
  }

  #emit = (stateEvent: Ev): void => this.next.processOne(stateEvent);

  #markLast(element: ElementPlan, last: PostState): void {
    let tail = element;
    while (tail.kind === "next" || tail.kind === "every") tail = tail.kind === "next" ? tail.right : tail.inner;
    last.isLast = true;
    if (tail.kind === "logical") (last as LogicalPostState).partnerPost.isLast = true; // built by #buildLogical
  }

  #register(pre: PreState, post: PostState): Part {
    pre.post = post;
    pre.lastPost = post;
    post.pre = pre;
    this.#pres.push(pre);
    return { first: pre, last: post, init: () => pre.init(), reset: () => pre.resetState(), update: () => pre.updateState() };
  }

  #build(element: ElementPlan, isStart: boolean, every: PreState[] | null): Part {
    const settings = this.#settings;
    switch (element.kind) {
      case "state":
        return this.#track(every, this.#register(new PreState(settings, element.slot, isStart, element.filter), new PostState(element.slot)));
      case "absent": {
        const pre = new AbsentPreState(settings, element.slot, isStart, element.filter, element.forMs ?? 0, this.#host, this.#emit);
        return this.#track(every, this.#register(pre, new AbsentPostState(element.slot)));
      }
      case "count": {
        const { slot, filter } = element.state;
        return this.#track(every, this.#register(new CountPreState(settings, slot, isStart, filter, element.min), new CountPostState(slot, element.min, element.max)));
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
          init: () => { left.init(); right.init(); },
          reset: () => { right.reset(); left.reset(); },
          update: () => { left.update(); right.update(); },
        };
      }
      case "every": {
        const inside: PreState[] = [];
        const inner = this.#build(element.inner, isStart, inside);
        inner.last.setNextEvery(inner.first);
        for (const pre of inside) pre.withinEvery = inner.first;
        every?.push(...inside);
        return { first: inner.first, last: inner.last, init: inner.init, reset: () => inner.first.resetState(), update: () => inner.first.updateState() };
      }
    }
  }

  #track(every: PreState[] | null, part: Part): Part {
    every?.push(part.first);
    return part;
  }

  #buildHalf(plan: SinglePlan, op: LogicalOp, isStart: boolean): { part: Part; pre: LogicalPreState; post: LogicalPostState } {
    const settings = this.#settings;
    const pre =
      plan.kind === "absent"
        ? new AbsentLogicalPreState(settings, plan.slot, isStart, plan.filter, op, plan.forMs, this.#host, this.#emit)
        : new LogicalPreState(settings, plan.slot, isStart, plan.filter, op);
    const post = plan.kind === "absent" ? new AbsentLogicalPostState(plan.slot, op) : new LogicalPostState(plan.slot, op);
    return { part: this.#register(pre, post), pre, post };
  }

  #buildLogical(element: ElementPlan & { kind: "logical" }, isStart: boolean, every: PreState[] | null): Part {
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
      init: () => { second.pre.init(); first.pre.init(); },
      reset: () => second.pre.resetState(),
      update: () => second.pre.updateState(),
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
        return this.#listen(element.state);
      case "logical":
        this.#listen(element.second);
        return this.#listen(element.first);
      case "next":
        this.#listen(element.left);
        return this.#listen(element.right);
      case "every":
        return this.#listen(element.inner);
    }
  }

  /** Starts the pattern: an empty partial match in each start state, and the timers of absent ones. */
  override start(): void {
    this.#root.init();
    for (const pre of this.#pres) pre.start();
  }

  process(_chunk: Ev[]): void {
    // Events come in by stream, through `receive`.
  }

  /** The entry for one input stream. */
  receiverFor(stream: string): Receiver {
    const listeners = this.#listeners.get(stream) ?? [];
    const [only] = listeners;
    const receive = (chunk: readonly Ev[]) => this.receive(stream, chunk);
    if (listeners.length !== 1 || only === undefined) return receiverOf(receive);
    return {
      receive,
      receiveOne: (e) => {
        const event = copyIn(e, only.prepare);
        this.#stabilize(listeners, e.ts);
        if (event === null) return;
        const complete = only.pre.take(event);
        for (let i = 0; i < complete.length; i++) this.next.processOne(complete[i] as Ev); // in range
      },
    };
  }

  /** Takes a chunk of one input stream. */
  receive(stream: string, chunk: readonly Ev[]): void {
    const listeners = this.#listeners.get(stream);
    if (listeners === undefined) return;
    const [only] = listeners;
    if (listeners.length === 1 && only !== undefined) this.#receiveSingle(only, chunk);
    else this.#receiveShared(listeners, chunk);
  }

  #stabilize(listeners: readonly Listener[], now: number): void {
    if (this.#settings.withinMs !== undefined) for (const pre of this.#pres) pre.expireEvents(now);
    if (this.#isSequence) {
      this.#root.reset();
      this.#root.update();
    } else {
      for (const { pre } of listeners) pre.updateState();
    }
  }

  #receiveSingle(listener: Listener, chunk: readonly Ev[]): void {
    const complete: Ev[] = [];
    for (const e of chunk) {
      const event = copyIn(e, listener.prepare);
      this.#stabilize([listener], e.ts);
      if (event !== null) for (const match of listener.pre.take(event)) complete.push(match);
    }
    for (const match of complete) this.next.processOne(match);
  }

  #receiveShared(listeners: readonly Listener[], chunk: readonly Ev[]): void {
    this.defer(() => {
      for (const e of chunk) {
        this.#stabilize(listeners, e.ts);
        // The later states first, so that an event does not pass two of them at once.
        for (let i = listeners.length - 1; i >= 0; i--) {
          const { pre, prepare } = listeners[i] as Listener; // in range
          const event = copyIn(e, prepare);
          if (event === null) continue;
          for (const match of pre.take(event)) this.next.processOne(match);
          this.onPass();
        }
      }
    });
  }

  /** Called after each state has seen an event of a shared stream: what came out together is one batch. */
  onPass: () => void = () => {};

  /** Partial matches now held, the empty ones of start states included. */
  size(): number {
    let count = 0;
    for (const pre of this.#pres) count += pre.pending.length + pre.fresh.length;
    return count;
  }

  override save(): unknown {
    return this.#pres.map((p) => p.save());
  }
  override load(saved: unknown[][]): void {
    for (let i = 0; i < this.#pres.length; i++) this.#pres[i]?.load(saved[i] ?? []);
  }
}

function copyIn(e: Ev, prepare: Prepare | undefined): Ev | null {
  const copy = new Ev(e.ts, e.type === CURRENT ? CURRENT : e.type, e.row);
  return prepare === undefined ? copy : prepare(copy);
}
