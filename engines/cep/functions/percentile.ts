import { CepError } from "../cep-error.ts";
import type { AggregatorExtension, AggregatorState } from "../extension.ts";

/** The values in order; the percentile is one of them or the middle of two. Null while there are none. */
class Percentile implements AggregatorState {
  readonly #percent: number;
  #sorted: number[] = [];

  constructor(percent: number) {
    this.#percent = percent;
  }

  /** Where a value stands, or where it would go. */
  #placeOf(value: number): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] as number) < value)
        low = middle + 1; // in range
      else high = middle;
    }
    return low;
  }

  add(value: number | bigint | null): unknown {
    if (value !== null) this.#sorted.splice(this.#placeOf(Number(value)), 0, Number(value));
    return this.#value();
  }

  remove(value: number | bigint | null): unknown {
    if (value !== null) {
      const at = this.#placeOf(Number(value));
      if (this.#sorted[at] === Number(value)) this.#sorted.splice(at, 1);
    }
    return this.#value();
  }

  #value(): number | null {
    const count = this.#sorted.length;
    if (count === 0) return null;
    const index = (this.#percent * count) / 100;
    const at = (i: number) => this.#sorted[i] as number; // in range: 0 < index <= count
    if (!Number.isInteger(index)) return at(Math.max(Math.round(index), 1) - 1);
    return index === count ? at(count - 1) : (at(index - 1) + at(index)) / 2;
  }

  reset(): unknown {
    this.#sorted = [];
    return 0;
  }

  isEmpty(): boolean {
    return this.#sorted.length === 0;
  }

  save(): unknown {
    return this.#sorted;
  }

  load(saved: number[]): void {
    this.#sorted = saved;
  }
}

/** `math:percentile`, as siddhi-execution-math 5 has it. */
export const percentile: AggregatorExtension = {
  kind: "aggregator",
  namespace: "math",
  name: "percentile",
  description: "The value that so many per cent of the values in the window do not exceed.",
  parameters: [
    {
      name: "arg",
      types: ["int", "long", "float", "double"],
      description: "The number to aggregate.",
      isDynamic: true,
    },
    { name: "p", types: ["double"], description: "Per cent: above 0, at most 100." },
  ],
  overloads: [["arg", "p"]],
  returns: ["double"],
  examples: [
    {
      syntax: "from S#window.length(100) select math:percentile(temp, 97.0) as high insert into Out;",
      description: "The 97th percentile of the last hundred values.",
    },
  ],
  create([, p], at) {
    const percent = Number(p?.constant?.value);
    if (!(percent > 0 && percent <= 100))
      throw new CepError("WRONG_PARAMETERS", "math:percentile() takes a p above 0 and at most 100", {
        offset: at.start,
        length: at.end - at.start,
        expected: ["0 < p <= 100"],
      });
    return { type: "double", make: () => new Percentile(percent) };
  },
};
