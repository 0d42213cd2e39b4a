import { CURRENT, type Ev, EXPIRED } from "../event.ts";
import type { Compiled } from "../expression/compiled.ts";
import type { AggregatorExtension, AggregatorState } from "../extension.ts";
import type { Span } from "../parser/ast.ts";

/**
 * The aggregates of one selector. Expressions read their value from `slots`, which is filled for the event under
 * way before they are evaluated; the set is shared by all instances of a query, as evaluation never overlaps.
 */
export class AggregatorSet {
  readonly slots: unknown[] = [];
  readonly args: ((e: Ev) => unknown)[] = [];
  readonly makers: (() => AggregatorState)[] = [];

  add(extension: AggregatorExtension, args: Compiled[], at: Span): Compiled {
    const { type, make, input } = extension.create(args, at);
    const index = this.makers.length;
    const { slots } = this;
    slots.push(null);
    this.args.push(input ?? args[0]?.fn ?? (() => null));
    this.makers.push(make);
    return { type, fn: () => slots[index], hasAggregator: true };
  }

  get isEmpty(): boolean {
    return this.makers.length === 0;
  }
}

/** The states of an aggregator set for one instance of a query: one row of states, or one per group. */
export class Aggregates {
  readonly #set: AggregatorSet;
  readonly #isGrouped: boolean;
  #single: AggregatorState[];
  #groups = new Map<unknown, AggregatorState[]>();

  constructor(set: AggregatorSet, isGrouped: boolean) {
    this.#set = set;
    this.#isGrouped = isGrouped;
    this.#single = isGrouped ? [] : this.#make();
  }

  #make(): AggregatorState[] {
    return this.#set.makers.map((make) => make());
  }

  /** Takes the event into (or out of) its group and fills the slots. */
  update(e: Ev, key: unknown): void {
    const { slots, args } = this.#set;
    let states = this.#single;
    if (this.#isGrouped) {
      const found = this.#groups.get(key);
      states = found ?? this.#make();
      if (found === undefined) this.#groups.set(key, states);
    }
    if (e.type === CURRENT) {
      for (let i = 0; i < states.length; i++)
        slots[i] = (states[i] as AggregatorState).add((args[i] as (e: Ev) => unknown)(e)); // in range
      return;
    }
    if (e.type !== EXPIRED) return;
    let isEmpty = true;
    for (let i = 0; i < states.length; i++) {
      const state = states[i] as AggregatorState; // in range
      slots[i] = state.remove((args[i] as (e: Ev) => unknown)(e)); // in range
      isEmpty &&= state.isEmpty();
    }
    if (isEmpty && this.#isGrouped) this.#groups.delete(key);
  }

  /** Forgets everything, as a batch window asks between batches. */
  reset(): void {
    if (this.#isGrouped) this.#groups.clear();
    else for (const state of this.#single) state.reset();
  }

  get groupCount(): number {
    return this.#groups.size;
  }

  save(): unknown {
    return this.#isGrouped
      ? [...this.#groups].map(([key, states]) => [key, states.map((s) => s.save())])
      : this.#single.map((s) => s.save());
  }

  load(saved: unknown): void {
    const restore = (values: unknown[]) => {
      const states = this.#make();
      for (let i = 0; i < states.length; i++) states[i]?.load(values[i]);
      return states;
    };
    if (this.#isGrouped)
      this.#groups = new Map(
        (saved as [unknown, unknown[]][]).map(([key, values]) => [key, restore(values)]),
      ); // as saved
    else this.#single = restore(saved as unknown[]); // as saved
  }
}
