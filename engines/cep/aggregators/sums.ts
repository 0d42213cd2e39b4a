import { addLong, type Long, subtractLong } from "../expression/java-number.ts";
import type { AggregatorExtension, AggregatorState } from "../extension.ts";

const NUMBERS = ["int", "long", "double", "float"] as const;
const number = { name: "arg", types: NUMBERS, description: "The number to aggregate.", isDynamic: true };

/** A sum and how many values are in it, nulls not among them. */
abstract class Tally<T extends Long> implements AggregatorState {
  protected sum: T;
  protected count = 0;
  readonly #zero: T;
  constructor(zero: T) {
    this.sum = this.#zero = zero;
  }
  abstract add(value: unknown): unknown;
  abstract remove(value: unknown): unknown;
  reset(): unknown {
    this.sum = this.#zero;
    this.count = 0;
    return null;
  }
  isEmpty(): boolean {
    return this.count === 0;
  }
  save(): unknown {
    return [this.sum, this.count];
  }
  load(saved: [T, number]): void {
    [this.sum, this.count] = saved;
  }
}

/** Sum of floating numbers; null while nothing was added. */
export class DoubleSum extends Tally<number> {
  constructor() {
    super(0);
  }
  add(value: number | null): unknown {
    if (value === null) return this.count === 0 ? null : this.sum;
    this.count++;
    this.sum += value;
    return this.sum;
  }
  remove(value: number | null): unknown {
    if (value !== null) {
      this.count--;
      this.sum -= value;
    }
    return this.count === 0 ? null : this.sum;
  }
}

/** Sum of whole numbers, exact to 64 bits. */
export class LongSum extends Tally<Long> {
  constructor() {
    super(0);
  }
  add(value: Long | null): unknown {
    if (value === null) return this.count === 0 ? null : this.sum;
    this.count++;
    this.sum = addLong(this.sum, value);
    return this.sum;
  }
  remove(value: Long | null): unknown {
    if (value !== null) {
      this.count--;
      this.sum = subtractLong(this.sum, value);
    }
    return this.count === 0 ? null : this.sum;
  }
  override reset(): unknown {
    super.reset();
    return 0;
  }
}

/** Mean; null while nothing was added. */
export class Average extends Tally<number> {
  constructor() {
    super(0);
  }
  add(value: Long | null): unknown {
    if (value !== null) {
      this.sum += Number(value);
      this.count++;
    }
    return this.count === 0 ? null : this.sum / this.count;
  }
  remove(value: Long | null): unknown {
    if (value !== null) {
      this.sum -= Number(value);
      this.count--;
    }
    return this.count === 0 ? null : this.sum / this.count;
  }
}

/** Number of events, nulls included. */
export class Count implements AggregatorState {
  #count = 0;
  add(): unknown {
    return ++this.#count;
  }
  remove(): unknown {
    return --this.#count;
  }
  reset(): unknown {
    this.#count = 0;
    return 0;
  }
  isEmpty(): boolean {
    return this.#count === 0;
  }
  save(): unknown {
    return this.#count;
  }
  load(saved: number): void {
    this.#count = saved;
  }
}

/** Population standard deviation by Welford's update, as Siddhi computes it. */
export class StandardDeviation implements AggregatorState {
  #mean = 0;
  #squares = 0;
  #sum = 0;
  #count = 0;
  add(raw: number | bigint | null): unknown {
    if (raw === null) return this.#value();
    const value = Number(raw);
    if (++this.#count === 1) {
      this.#sum = this.#mean = value;
      this.#squares = 0;
      return 0;
    }
    this.#move(value, 1);
    return this.#value();
  }
  remove(raw: number | bigint | null): unknown {
    if (raw === null) return this.#value();
    if (--this.#count === 0) return this.reset();
    this.#move(Number(raw), -1);
    return this.#value();
  }
  #move(value: number, sign: 1 | -1): void {
    const oldMean = this.#mean;
    this.#sum += sign * value;
    this.#mean = this.#sum / this.#count;
    this.#squares += sign * (value - oldMean) * (value - this.#mean);
  }
  #value(): unknown {
    return this.#count === 0 ? null : this.#count === 1 ? 0 : Math.sqrt(this.#squares / this.#count);
  }
  reset(): unknown {
    this.#mean = this.#squares = this.#sum = this.#count = 0;
    return null;
  }
  isEmpty(): boolean {
    return this.#count === 0;
  }
  save(): unknown {
    return [this.#mean, this.#squares, this.#sum, this.#count];
  }
  load(saved: [number, number, number, number]): void {
    [this.#mean, this.#squares, this.#sum, this.#count] = saved;
  }
}

export const sum: AggregatorExtension = {
  kind: "aggregator",
  namespace: "",
  name: "sum",
  description: "The sum of all events in the window: long for int and long, double for float and double.",
  parameters: [number],
  overloads: [["arg"]],
  returns: ["long", "double"],
  examples: [
    {
      syntax: "from S#window.length(10) select sum(price) as total insert into Out;",
      description: "Total of the last 10 prices.",
    },
  ],
  create: ([arg]) =>
    arg?.type === "int" || arg?.type === "long"
      ? { type: "long", make: () => new LongSum() }
      : { type: "double", make: () => new DoubleSum() },
};

export const avg: AggregatorExtension = {
  kind: "aggregator",
  namespace: "",
  name: "avg",
  description: "The mean of all events in the window.",
  parameters: [number],
  overloads: [["arg"]],
  returns: ["double"],
  examples: [
    {
      syntax: "from S#window.time(1 min) select avg(temp) as mean insert into Out;",
      description: "Mean temperature of the last minute.",
    },
  ],
  create: () => ({ type: "double", make: () => new Average() }),
};

export const count: AggregatorExtension = {
  kind: "aggregator",
  namespace: "",
  name: "count",
  description: "The number of events in the window.",
  parameters: [
    {
      name: "arg",
      types: ["int", "long", "double", "float", "string", "bool", "object"],
      description: "Not looked at.",
      isOptional: true,
      isDynamic: true,
    },
  ],
  overloads: [[], ["arg"]],
  returns: ["long"],
  examples: [
    {
      syntax: "from S#window.timeBatch(10 sec) select count() as n insert into Out;",
      description: "Events in every 10 seconds.",
    },
  ],
  create: () => ({ type: "long", make: () => new Count() }),
};

export const stdDev: AggregatorExtension = {
  kind: "aggregator",
  namespace: "",
  name: "stdDev",
  description: "The population standard deviation of all events in the window.",
  parameters: [number],
  overloads: [["arg"]],
  returns: ["double"],
  examples: [
    {
      syntax: "from S select stdDev(temp) as spread insert into Out;",
      description: "Spread of all temperatures.",
    },
  ],
  create: () => ({ type: "double", make: () => new StandardDeviation() }),
};
