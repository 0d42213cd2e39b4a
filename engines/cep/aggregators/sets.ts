import { CepError } from "../cep-error.ts";
import type { AttributeType } from "../event.ts";
import type { AggregatorExtension, AggregatorState } from "../extension.ts";

/** Values with their number of occurrences. */
abstract class Bag implements AggregatorState {
  protected counts = new Map<unknown, number>();
  abstract add(value: unknown): unknown;
  abstract remove(value: unknown): unknown;
  protected more(value: unknown): void {
    this.counts.set(value, (this.counts.get(value) ?? 0) + 1);
  }
  protected less(value: unknown): void {
    const count = this.counts.get(value);
    if (count === undefined) return;
    if (count === 1) this.counts.delete(value);
    else this.counts.set(value, count - 1);
  }
  protected abstract value(): unknown;
  reset(): unknown {
    this.counts.clear();
    return this.value();
  }
  isEmpty(): boolean {
    return this.counts.size === 0;
  }
  save(): unknown {
    return this.counts;
  }
  load(saved: Map<unknown, number>): void {
    this.counts = saved;
  }
}

/** Number of different values in the window. */
export class DistinctCount extends Bag {
  add(value: unknown): unknown {
    this.more(value);
    return this.value();
  }
  remove(value: unknown): unknown {
    this.less(value);
    return this.value();
  }
  protected override value(): number {
    return this.counts.size;
  }
}

/** Union of the sets in the window. */
export class UnionSet extends Bag {
  add(value: unknown): unknown {
    if (value instanceof Set) for (const v of value) this.more(v);
    return this.value();
  }
  remove(value: unknown): unknown {
    if (value instanceof Set) for (const v of value) this.less(v);
    return this.value();
  }
  protected override value(): Set<unknown> {
    return new Set(this.counts.keys());
  }
}

/** `and`: true while every value in the window is; `or`: while any is. */
export class BoolAggregate implements AggregatorState {
  readonly #isAnd: boolean;
  #trues = 0;
  #falses = 0;
  constructor(isAnd: boolean) {
    this.#isAnd = isAnd;
  }
  add(value: unknown): unknown {
    if (typeof value !== "boolean" && value !== null)
      throw new CepError("RUNTIME", "and() and or() take a bool");
    if (value === true) this.#trues++;
    else if (value === false) this.#falses++;
    return this.#value();
  }
  remove(value: unknown): unknown {
    if (value === true) this.#trues--;
    else if (value === false) this.#falses--;
    return this.#value();
  }
  #value(): boolean {
    return this.#trues > 0 && (!this.#isAnd || this.#falses === 0);
  }
  reset(): unknown {
    this.#trues = this.#falses = 0;
    return false;
  }
  isEmpty(): boolean {
    return this.#trues === 0 && this.#falses === 0;
  }
  save(): unknown {
    return [this.#trues, this.#falses];
  }
  load(saved: [number, number]): void {
    [this.#trues, this.#falses] = saved;
  }
}

/** The oldest or the newest value in the window. */
export class EndValue implements AggregatorState {
  readonly #isFirst: boolean;
  #values: unknown[] = [];
  constructor(isFirst: boolean) {
    this.#isFirst = isFirst;
  }
  add(value: unknown): unknown {
    this.#values.push(value);
    return this.#value();
  }
  remove(value: unknown): unknown {
    const at = this.#values.indexOf(value);
    if (at >= 0) this.#values.splice(at, 1);
    return this.#value();
  }
  #value(): unknown {
    return (this.#isFirst ? this.#values[0] : this.#values.at(-1)) ?? null;
  }
  reset(): unknown {
    this.#values = [];
    return null;
  }
  isEmpty(): boolean {
    return this.#values.length === 0;
  }
  save(): unknown {
    return this.#values;
  }
  load(saved: unknown[]): void {
    this.#values = saved;
  }
}

const ANY = ["int", "long", "double", "float", "string", "bool", "object"] as const;

export const distinctCount: AggregatorExtension = {
  kind: "aggregator",
  namespace: "",
  name: "distinctCount",
  description: "The number of different values in the window.",
  parameters: [
    {
      name: "arg",
      types: ["int", "long", "double", "float", "string"],
      description: "The value to count.",
      isDynamic: true,
    },
  ],
  overloads: [["arg"]],
  returns: ["long"],
  examples: [
    {
      syntax: "from S#window.time(1 hour) select distinctCount(room) as rooms insert into Out;",
      description: "Rooms seen in the last hour.",
    },
  ],
  create: () => ({ type: "long", make: () => new DistinctCount() }),
};

export const unionSet: AggregatorExtension = {
  kind: "aggregator",
  namespace: "",
  name: "unionSet",
  description: "The union of the sets in the window.",
  parameters: [
    { name: "set", types: ["object"], description: "A set, as made by createSet().", isDynamic: true },
  ],
  overloads: [["set"]],
  returns: ["object"],
  examples: [
    {
      syntax: "from S#window.length(5) select unionSet(createSet(symbol)) as symbols insert into Out;",
      description: "Symbols of the last five events.",
    },
  ],
  create: () => ({ type: "object", make: () => new UnionSet() }),
};

function bool(name: "and" | "or", description: string): AggregatorExtension {
  return {
    kind: "aggregator",
    namespace: "",
    name,
    description,
    parameters: [{ name: "arg", types: ["bool"], description: "The bool to aggregate.", isDynamic: true }],
    overloads: [["arg"]],
    returns: ["bool"],
    examples: [
      { syntax: `from S#window.length(10) select ${name}(isOpen) as open insert into Out;`, description },
    ],
    create: () => ({ type: "bool", make: () => new BoolAggregate(name === "and") }),
  };
}

function end(name: "first" | "last", description: string): AggregatorExtension {
  return {
    kind: "aggregator",
    namespace: "",
    name,
    description,
    parameters: [{ name: "arg", types: ANY, description: "The value to keep.", isDynamic: true }],
    overloads: [["arg"]],
    returns: ANY,
    examples: [
      { syntax: `from S#window.timeBatch(1 min) select ${name}(temp) as t insert into Out;`, description },
    ],
    create: ([arg]) => ({
      type: (arg?.type ?? "object") as AttributeType,
      make: () => new EndValue(name === "first"),
    }), // one argument: checked by the overload
  };
}

export const andAggregator = bool("and", "True while every value in the window is true.");
export const orAggregator = bool("or", "True while any value in the window is true.");
export const first = end("first", "The oldest value in the window.");
export const last = end("last", "The newest value in the window.");
