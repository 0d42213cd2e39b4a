import { Ev } from "../event.ts";
import type { Receiver } from "../runtime/junction.ts";
import { type Host, Processor } from "../runtime/processor.ts";
import type { Timer } from "../runtime/scheduler.ts";
import { type Part, PatternBuilder } from "./pattern-builder.ts";
import type { ElementPlan, PatternPlan, Prepare } from "./pattern-plan.ts";
import { type PatternSettings, PreState } from "./pre-state.ts";

interface Listener {
  readonly pre: PreState;
  readonly prepare: Prepare | undefined;
}

/** The host as the states see it: after each of their timers the matches are counted. */
class AccountedHost implements Host {
  readonly #host: Host;
  readonly #account: () => void;
  constructor(host: Host, account: () => void) {
    this.#host = host;
    this.#account = account;
  }
  now(): number {
    return this.#host.now();
  }
  charge(rows: number): void {
    this.#host.charge(rows);
  }
  get isResuming(): boolean {
    return this.#host.isResuming;
  }
  timer(fire: (time: number) => void): Timer {
    return this.#host.timer((time) => {
      fire(time);
      this.#account();
    });
  }
}

/** One instance of a pattern or sequence: its states, and one entry per input stream. */
export class PatternRuntime extends Processor {
  readonly #settings: PatternSettings;
  readonly #host: Host;
  readonly #pres: readonly PreState[];
  readonly #element: ElementPlan;
  #expiring: readonly PreState[] = [];
  readonly #root: Part;
  #charged = 0;
  /** Frees what `within` has ended when no event comes to do it. */
  readonly #sweep: Timer | undefined;
  #isSweepSet = false;
  /** The newest event time, and whether an event has come since the sweep was set. */
  #latest = 0;
  #hasArrived = false;

  constructor(plan: PatternPlan, host: Host) {
    super();
    this.#host = host;
    this.#settings = { type: plan.type, width: plan.width, withinMs: plan.withinMs, startIds: [] };
    const builder = new PatternBuilder(
      this.#settings,
      new AccountedHost(host, () => this.#account()),
      (stateEvent) => this.next.processOne(stateEvent),
    );
    this.#root = builder.build(plan.element);
    this.#pres = builder.pres;
    if (plan.withinMs !== undefined) {
      const starts = this.#pres.filter((p) => p.isStart);
      this.#settings.startIds = starts.map((p) => p.stateId);
      // A plain start state holds only matches that have not begun, which never expire.
      this.#expiring = this.#pres.filter(
        (p) => !(p.isStart && starts.length === 1 && p.constructor === PreState),
      );
    }
    this.#element = plan.element;
    this.#sweep = plan.withinMs === undefined ? undefined : host.timer((time) => this.#onSweep(time));
  }

  /** Siddhi's partial matches wait for the next event to be dropped; here a silent stream frees them too. */
  #onSweep(time: number): void {
    const { withinMs } = this.#settings;
    this.#isSweepSet = false;
    if (withinMs === undefined) return;
    if (this.#hasArrived) {
      this.#setSweep(time);
      return;
    }
    for (const pre of this.#pres) pre.expireEvents(this.#latest + withinMs + 1);
    this.#account();
  }

  #setSweep(time: number): void {
    this.#isSweepSet = true;
    this.#hasArrived = false;
    this.#sweep?.notifyAt(time + (this.#settings.withinMs ?? 0) + 1);
  }

  /** The states that wait for the stream, in the order of the pattern. */
  #listenersOf(element: ElementPlan, stream: string): Listener[] {
    switch (element.kind) {
      case "state":
      case "absent": {
        if (element.stream !== stream) return [];
        const pre = this.#pres.find((p) => p.stateId === element.slot) as PreState; // one per slot
        return [{ pre, prepare: element.prepare }];
      }
      case "count":
        return this.#listenersOf(element.state, stream);
      case "logical":
        return [...this.#listenersOf(element.second, stream), ...this.#listenersOf(element.first, stream)];
      case "next":
        return [...this.#listenersOf(element.left, stream), ...this.#listenersOf(element.right, stream)];
      case "every":
        return this.#listenersOf(element.inner, stream);
    }
  }

  /** Starts the pattern: an empty partial match in each start state, and the timers of absent ones. */
  override start(): void {
    for (const pre of this.#root.inits) pre.init();
    for (const pre of this.#pres) pre.start();
    this.#account();
  }

  process(_chunk: Ev[]): void {
    // Events come in by stream, through `receive`.
  }

  /** The entry for one input stream. */
  receiverFor(stream: string): Receiver {
    const listeners = this.#listenersOf(this.#element, stream);
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
    this.#hasArrived = true;
    for (let i = 0; i < expiring.length; i++) (expiring[i] as PreState).expireEvents(now); // in range
    if (this.#settings.type === "pattern") {
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
    return [this.#pres.map((p) => p.save()), this.#isSweepSet, this.#latest, this.#hasArrived];
  }
  override load([saved, isSweepSet, latest, hasArrived]: [unknown[][], boolean, number, boolean]): void {
    this.#isSweepSet = isSweepSet;
    this.#latest = latest;
    this.#hasArrived = hasArrived;
    for (let i = 0; i < this.#pres.length; i++) this.#pres[i]?.load(saved[i] ?? []);
    this.#charged = this.heldRows();
  }
}
