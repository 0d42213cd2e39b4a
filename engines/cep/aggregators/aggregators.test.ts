import { expect, test } from "vitest";
import { below, seeded } from "../../testing/random.ts";
import type { AggregatorState } from "../extension.ts";
import { decodeState, encodeState } from "../runtime/snapshot-codec.ts";
import { Extreme, ForeverExtreme } from "./extremes.ts";
import { BoolAggregate, DistinctCount, EndValue, UnionSet } from "./sets.ts";
import { Average, Count, DoubleSum, LongSum, StandardDeviation } from "./sums.ts";

interface Subject {
  readonly name: string;
  make(): AggregatorState;
  value(random: () => number): unknown;
  /** The aggregate of what is in the window, computed anew. */
  naive(values: readonly unknown[], ever: readonly unknown[]): unknown;
}

const numbers = (values: readonly unknown[]): number[] =>
  values.filter((v): v is number => typeof v === "number");
const whole = (random: () => number) => (random() < 0.1 ? null : below(random, 20));
const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

const subjects: Subject[] = [
  {
    name: "sum of longs",
    make: () => new LongSum(),
    value: whole,
    naive: (v) => (numbers(v).length === 0 ? null : total(numbers(v))),
  },
  {
    name: "sum of doubles",
    make: () => new DoubleSum(),
    value: (r) => r() * 10,
    naive: (v) => (v.length === 0 ? null : total(numbers(v))),
  },
  {
    name: "avg",
    make: () => new Average(),
    value: whole,
    naive: (v) => (numbers(v).length === 0 ? null : total(numbers(v)) / numbers(v).length),
  },
  { name: "count", make: () => new Count(), value: whole, naive: (v) => v.length },
  {
    name: "max",
    make: () => new Extreme(true),
    value: whole,
    naive: (v) => (numbers(v).length === 0 ? null : Math.max(...numbers(v))),
  },
  {
    name: "min",
    make: () => new Extreme(false),
    value: whole,
    naive: (v) => (numbers(v).length === 0 ? null : Math.min(...numbers(v))),
  },
  {
    name: "maxForever",
    make: () => new ForeverExtreme(true),
    value: whole,
    naive: (_, e) => (numbers(e).length === 0 ? null : Math.max(...numbers(e))),
  },
  {
    name: "minForever",
    make: () => new ForeverExtreme(false),
    value: whole,
    naive: (_, e) => (numbers(e).length === 0 ? null : Math.min(...numbers(e))),
  },
  {
    name: "stdDev",
    make: () => new StandardDeviation(),
    value: whole,
    naive: (v) => {
      const n = numbers(v);
      if (n.length === 0) return null;
      const mean = total(n) / n.length;
      return Math.sqrt(total(n.map((x) => (x - mean) ** 2)) / n.length);
    },
  },
  { name: "distinctCount", make: () => new DistinctCount(), value: whole, naive: (v) => new Set(v).size },
  {
    name: "unionSet",
    make: () => new UnionSet(),
    value: (r) => new Set([below(r, 9)]),
    naive: (v) => new Set(v.flatMap((s) => [...(s as Set<unknown>)])),
  },
  {
    name: "and",
    make: () => new BoolAggregate(true),
    value: (r) => r() < 0.8,
    naive: (v) => v.length > 0 && v.every((x) => x === true),
  },
  {
    name: "or",
    make: () => new BoolAggregate(false),
    value: (r) => r() < 0.2,
    naive: (v) => v.some((x) => x === true),
  },
  { name: "first", make: () => new EndValue(true), value: (r) => below(r, 1e6), naive: (v) => v[0] ?? null },
  {
    name: "last",
    make: () => new EndValue(false),
    value: (r) => below(r, 1e6),
    naive: (v) => v.at(-1) ?? null,
  },
];

for (const subject of subjects) {
  for (const seed of [1, 2, 3]) {
    test(`${subject.name} agrees with a recomputation over a sliding window, restored at random (seed ${seed})`, () => {
      const random = seeded(seed);
      let state = subject.make();
      const window: unknown[] = [];
      const ever: unknown[] = [];
      for (let i = 0; i < 400; i++) {
        let result: unknown;
        if (window.length > 0 && random() < 0.45) result = state.remove(window.shift());
        else {
          const value = subject.value(random);
          window.push(value);
          ever.push(value);
          result = state.add(value);
        }
        const wanted = subject.naive(window, ever);
        if (typeof wanted === "number" && typeof result === "number") expect(result).toBeCloseTo(wanted, 4);
        else expect(result).toEqual(wanted);
        if (random() < 0.1) {
          const saved = decodeState(encodeState(state.save()));
          state = subject.make();
          state.load(saved);
        }
      }
    });
  }
}

test("a reset forgets, but for the forever ones", () => {
  for (const subject of subjects) {
    const state = subject.make();
    state.add(subject.value(seeded(5)));
    state.reset();
    expect(state.isEmpty()).toBe(!subject.name.endsWith("Forever"));
  }
});
