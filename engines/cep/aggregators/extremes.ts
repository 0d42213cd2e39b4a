import type { AttributeType } from "../event.ts";
import type { AggregatorExtension, AggregatorState } from "../extension.ts";

type Numeric = number | bigint;
const NUMBERS = ["int", "long", "double", "float"] as const;
const number = { name: "arg", types: NUMBERS, description: "The number to compare.", isDynamic: true };

/**
 * Largest or smallest value in the window, kept in a monotonic queue: amortised O(1) while values leave in the order
 * they came. Each value has its number, so that an old value that leaves does not take an equal younger one along.
 */
export class Extreme implements AggregatorState {
  readonly #isMax: boolean;
  /** All values, oldest first; those before `#head` have left. */
  #values: Numeric[] = [];
  #head = 0;
  /** Numbers (positions in `#values`) of those that no younger value beats, best first. */
  #best: number[] = [];
  #bestHead = 0;

  constructor(isMax: boolean) {
    this.#isMax = isMax;
  }

  add(value: Numeric | null): unknown {
    if (value !== null) {
      this.#values.push(value);
      this.#rank(this.#values.length - 1);
    }
    return this.#current();
  }

  #rank(at: number): void {
    const values = this.#values;
    const value = values[at] as Numeric; // in range
    const best = this.#best;
    let end = best.length;
    while (end > this.#bestHead && this.#beats(value, values[best[end - 1] as number] as Numeric)) end--; // in range
    best.length = end;
    best.push(at);
  }

  remove(value: Numeric | null): unknown {
    if (value === null) return this.#current();
    if (this.#values[this.#head] === value) {
      if (this.#best[this.#bestHead] === this.#head) this.#bestHead++;
      this.#head++;
      if (this.#head > 64 && this.#head * 2 > this.#values.length) this.load(this.#values.slice(this.#head));
    } else {
      // Out of order, as from a sort window: leave out the oldest equal value and rank anew.
      const at = this.#values.indexOf(value, this.#head);
      if (at >= 0) this.load(this.#values.filter((_, i) => i >= this.#head && i !== at));
    }
    return this.#current();
  }

  #beats(a: Numeric, b: Numeric): boolean {
    return this.#isMax ? a > b : a < b;
  }
  #current(): unknown {
    const at = this.#best[this.#bestHead];
    return at === undefined ? null : this.#values[at];
  }
  reset(): unknown {
    this.load([]);
    return null;
  }
  isEmpty(): boolean {
    return this.#head >= this.#values.length;
  }
  save(): unknown {
    return this.#values.slice(this.#head);
  }
  load(saved: Numeric[]): void {
    this.#values = saved;
    this.#head = 0;
    this.#best = [];
    this.#bestHead = 0;
    for (let i = 0; i < saved.length; i++) this.#rank(i);
  }
}

/** Largest or smallest value ever seen; expiry and reset do not take it back. */
export class ForeverExtreme implements AggregatorState {
  readonly #isMax: boolean;
  #value: Numeric | null = null;
  constructor(isMax: boolean) {
    this.#isMax = isMax;
  }
  add(value: Numeric | null): unknown {
    if (value !== null && (this.#value === null || (this.#isMax ? value > this.#value : value < this.#value)))
      this.#value = value;
    return this.#value;
  }
  remove(value: Numeric | null): unknown {
    return this.add(value);
  }
  reset(): unknown {
    return this.#value;
  }
  isEmpty(): boolean {
    return this.#value === null;
  }
  save(): unknown {
    return this.#value;
  }
  load(saved: Numeric | null): void {
    this.#value = saved;
  }
}

function extreme(name: string, description: string, make: () => AggregatorState): AggregatorExtension {
  return {
    kind: "aggregator",
    namespace: "",
    name,
    description,
    parameters: [number],
    overloads: [["arg"]],
    returns: NUMBERS,
    examples: [
      { syntax: `from S#window.length(10) select ${name}(price) as p insert into Out;`, description },
    ],
    create: ([arg]) => ({ type: (arg?.type ?? "double") as AttributeType, make }), // one argument: checked by the overload
  };
}

export const max = extreme("max", "The largest value in the window.", () => new Extreme(true));
export const min = extreme("min", "The smallest value in the window.", () => new Extreme(false));
export const maxForever = extreme(
  "maxForever",
  "The largest value ever seen.",
  () => new ForeverExtreme(true),
);
export const minForever = extreme(
  "minForever",
  "The smallest value ever seen.",
  () => new ForeverExtreme(false),
);
