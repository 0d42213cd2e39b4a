import type { AttributeType } from "../event.ts";

/** One conformance case; the format is described beside the cases. */
export interface Case {
  readonly id: string;
  readonly area: string;
  readonly apps: readonly string[];
  readonly watch: readonly Watch[];
  readonly steps: readonly Step[];
  readonly expect?: Expect;
  readonly asserts: readonly Assert[];
  readonly extensions?: readonly string[];
  readonly looseBatches?: boolean;
}

export interface Watch {
  readonly kind: "query" | "stream";
  readonly name: string;
  readonly app?: number;
}

/** One step; which members there are says what it does. */
export interface Step {
  readonly create?: number;
  readonly validate?: string;
  readonly parse?: string;
  readonly ql?: string;
  readonly watch?: number;
  readonly start?: boolean;
  readonly shutdown?: boolean;
  readonly send?: string;
  readonly events?: readonly { readonly row: readonly unknown[]; readonly ts?: number }[];
  readonly batch?: boolean;
  readonly advance?: number;
  readonly query?: string;
  readonly q?: number;
  readonly persist?: boolean;
  readonly snapshot?: number;
  readonly restore?: "last" | number;
  readonly playback?: boolean;
  readonly idle?: number;
  readonly inc?: number;
  readonly await?: Assert & { readonly poll?: number; readonly timeout?: number };
  readonly app?: number;
  readonly error?: string;
}

export interface ExpectedBatch {
  readonly t: number;
  readonly in?: readonly Row[];
  readonly removed?: readonly Row[];
  readonly expired?: readonly Row[];
  readonly anyOrder?: boolean;
}

export interface Expect {
  readonly watch?: readonly ({
    readonly types?: readonly (string | null)[];
    readonly batches?: readonly ExpectedBatch[];
  } | null)[];
  readonly query?: readonly ({
    readonly rows?: readonly Row[] | null;
    readonly ordered?: boolean;
    readonly anyRows?: boolean;
    readonly rowCount?: number;
  } | null)[];
}

export type Row = readonly unknown[];

/** One assert; `at` is the step before which it must hold. */
export interface Assert {
  readonly at?: number;
  readonly sum?: readonly SumTerm[];
  readonly arrived?: readonly SumTerm[];
  readonly op?: string;
  readonly value?: unknown;
  readonly w?: number;
  readonly q?: number;
  readonly dir?: "in" | "removed" | "all";
  readonly row?: number;
  readonly call?: number;
  readonly col?: number;
  readonly equals?: unknown;
  readonly oneOf?: readonly unknown[];
  readonly notNull?: boolean;
  readonly isNull?: boolean;
  readonly width?: number;
  readonly rowCount?: number;
  readonly rows?: readonly Row[];
  readonly anyOrder?: boolean;
}

export interface SumTerm {
  readonly w: number;
  readonly in?: number;
  readonly removed?: number;
  readonly calls?: number;
  /** Batches with new rows, and batches with removed ones. */
  readonly inCalls?: number;
  readonly removedCalls?: number;
}

/** A value of the format as the engine takes it, by the type of its column. */
export function inputValue(value: unknown, type: AttributeType | undefined): unknown {
  const plain = plainValue(value);
  if (typeof plain === "number" && type === "float") return Math.fround(plain);
  // A fraction in a whole-number column stays: some cases send the wrong type on purpose.
  return plain;
}

function plainValue(value: unknown): unknown {
  if (value === undefined) return null;
  if (value === null || typeof value !== "object") return value;
  if ("$long" in value) {
    const long = BigInt(String(value.$long));
    return long >= -9007199254740991n && long <= 9007199254740991n ? Number(long) : long;
  }
  if ("$num" in value) return Number(value.$num);
  if ("$set" in value && Array.isArray(value.$set)) return new Set(value.$set.map(plainValue));
  if ("$object" in value) return { object: value.$object };
  return value;
}

/** Equality of the format: one part in a million for numbers, sets in any order, any value for `$any`. */
export function sameValue(expected: unknown, actual: unknown): boolean {
  const given = actual === undefined ? null : actual;
  if (expected === null || expected === undefined) return given === null;
  if (typeof expected === "object" && ("$any" in expected || "$object" in expected)) return given !== null;
  const wanted = plainValue(expected);
  if (wanted instanceof Set)
    return (
      given instanceof Set &&
      wanted.size === given.size &&
      [...wanted].every((w) => [...given].some((g) => sameValue(w, g)))
    );
  if (Array.isArray(wanted)) return Array.isArray(given) && sameRow(wanted, given);
  if (typeof wanted === "number" && typeof given === "number") {
    if (Number.isNaN(wanted) || Number.isNaN(given)) return Number.isNaN(wanted) && Number.isNaN(given);
    if (wanted === given) return true;
    return Math.abs(wanted - given) <= 1e-6 * Math.max(Math.abs(wanted), Math.abs(given));
  }
  return wanted === given;
}

export function sameRow(expected: Row, actual: Row): boolean {
  return expected.length === actual.length && expected.every((v, i) => sameValue(v, actual[i]));
}

/** Whether the rows are the same, one to one, in any order. */
export function sameRows(expected: readonly Row[], actual: readonly Row[], anyOrder: boolean): boolean {
  if (expected.length !== actual.length) return false;
  if (!anyOrder) return expected.every((r, i) => sameRow(r, actual[i] ?? []));
  const left = [...actual];
  return expected.every((r) => {
    const at = left.findIndex((a) => sameRow(r, a));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

/** Applies a comparison of the format. */
export function compareBy(op: string, a: number, b: number): boolean {
  switch (op) {
    case "==":
      return Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b));
    case "!=":
      return a !== b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    default:
      return false;
  }
}
