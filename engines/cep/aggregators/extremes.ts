import type { AttributeType } from "../event.ts";
import type { AggregatorExtension, AggregatorState } from "../extension.ts";

type Numeric = number | bigint;
const NUMBERS = ["int", "long", "double", "float"] as const;
const number = { name: "arg", types: NUMBERS, description: "The number to compare.", isDynamic: true };

/** Largest (sign 1) or smallest (sign -1) value in the window, kept in a monotonic queue: amortised O(1). */
export class Extreme implements AggregatorState {
  readonly #isMax: boolean;
  #queue: Numeric[] = [];
  #head = 0;
  constructor(isMax: boolean) {
    this.#isMax = isMax;
  }
  add(value: Numeric | null): unknown {
    const queue = this.#queue;
    if (value !== null) {
      let end = queue.length;
      while (end > this.#head && this.#beats(value, queue[end - 1] as Numeric)) end--; // end - 1 is in range
      queue.length = end;
      queue.push(value);
    }
    return this.#current();
  }
  remove(value: Numeric | null): unknown {
    if (value !== null && this.#head < this.#queue.length) {
      if (this.#queue[this.#head] === value) this.#dropHead();
      else {
        const at = this.#queue.indexOf(value, this.#head);
        if (at >= 0) this.#queue.splice(at, 1);
      }
    }
    return this.#current();
  }
  #dropHead(): void {
    this.#head++;
    if (this.#head > 32 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }
  #beats(a: Numeric, b: Numeric): boolean {
    return this.#isMax ? a > b : a < b;
  }
  #current(): unknown {
    return this.#head < this.#queue.length ? this.#queue[this.#head] : null;
  }
  reset(): unknown {
    this.#queue = [];
    this.#head = 0;
    return null;
  }
  isEmpty(): boolean {
    return this.#head >= this.#queue.length;
  }
  save(): unknown {
    return this.#queue.slice(this.#head);
  }
  load(saved: Numeric[]): void {
    this.#queue = saved;
    this.#head = 0;
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
