import { seeded } from "../../engines/testing/random.ts";

/** One column of generated events. */
export type Column =
  | { readonly kind: "cycle"; readonly count: number; readonly prefix: string; readonly stride?: number }
  | { readonly kind: "uniform"; readonly min: number; readonly max: number }
  | { readonly kind: "integer"; readonly min: number; readonly max: number }
  | { readonly kind: "sequence"; readonly start?: number }
  | { readonly kind: "constant"; readonly value: unknown };

/** How rows are made: a column each, `stepMs` between events, a fixed seed. */
export interface GeneratorSpec {
  readonly columns: readonly Column[];
  readonly stepMs?: number;
  readonly seed?: number;
}

/** A workload: one app, the stream (or streams, in turn) that events go to, and how many. */
export interface Workload {
  readonly name?: string;
  readonly app: string;
  readonly stream: string | readonly string[];
  readonly generator: GeneratorSpec;
  readonly count: number;
  /** The query whose output is counted; all streams named Out when absent. */
  readonly output?: string;
}

/** How many rows are made at most: a run goes round them, so that a big heap of input does not burden the collector. */
export const MAX_ROWS = 65_521;

/** Makes rows up front, so that a run measures the engine alone. */
export function makeRows(spec: GeneratorSpec, count: number): unknown[][] {
  const next = seeded(spec.seed ?? 42);
  const names = spec.columns.map((c) =>
    c.kind === "cycle" ? Array.from({ length: c.count }, (_, i) => `${c.prefix}${i}`) : [],
  );
  const value = (c: Column, n: number, i: number): unknown => {
    switch (c.kind) {
      case "cycle":
        return names[i]?.[(n * (c.stride ?? 1)) % c.count];
      case "uniform":
        return c.min + next() * (c.max - c.min);
      case "integer":
        return c.min + Math.floor(next() * (c.max - c.min + 1));
      case "sequence":
        return (c.start ?? 0) + n;
      case "constant":
        return c.value;
    }
  };
  return Array.from({ length: count }, (_, n) => spec.columns.map((c, i) => value(c, n, i)));
}
