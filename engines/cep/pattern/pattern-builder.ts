import type { Ev } from "../event.ts";
import type { Host } from "../runtime/processor.ts";
import { AbsentLogicalPostState, AbsentLogicalPreState } from "./absent-logical-state.ts";
import { AbsentPostState, AbsentPreState } from "./absent-state.ts";
import { CountPostState, CountPreState } from "./count-state.ts";
import { type LogicalOp, LogicalPostState, LogicalPreState } from "./logical-state.ts";
import type { ElementPlan, SinglePlan } from "./pattern-plan.ts";
import { type PatternSettings, PostState, PreState } from "./pre-state.ts";

/** A part of the pattern as its start, its end, and the order of resets and updates. */
export interface Part {
  readonly first: PreState;
  readonly last: PostState;
  /** Start states, in the order they begin. */
  readonly inits: readonly PreState[];
  readonly resets: readonly PreState[];
  readonly updates: readonly PreState[];
}

/** Makes the states of one pattern instance from its plan and ties them together. */
export class PatternBuilder {
  readonly #settings: PatternSettings;
  readonly #host: Host;
  readonly #emit: (stateEvent: Ev) => void;
  /** All states, in the order they were made. */
  readonly pres: PreState[] = [];

  /** `emit` takes the matches that states with timers complete by themselves. */
  constructor(settings: PatternSettings, host: Host, emit: (stateEvent: Ev) => void) {
    this.#settings = settings;
    this.#host = host;
    this.#emit = emit;
  }

  /** Builds the whole pattern. */
  build(element: ElementPlan): Part {
    const root = this.#build(element, true, null);
    root.first.lastPost = root.last;
    this.#markLast(element, root.last);
    return root;
  }

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
    this.pres.push(pre);
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
}
