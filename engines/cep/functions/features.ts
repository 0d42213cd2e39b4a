import { CepError } from "../cep-error.ts";
import type { Attribute, AttributeType, Ev } from "../event.ts";
import { type Compiled, isNumeric } from "../expression/compiled.ts";
import type { ParameterSpec } from "../extension.ts";
import type { Span } from "../parser/ast.ts";

export const NUMBER: readonly AttributeType[] = ["double", "float", "int", "long"];
const MAX_FEATURES = 64;

export const FEATURE: ParameterSpec = {
  name: "model.feature",
  types: NUMBER,
  description: "What is known of an example.",
  isDynamic: true,
};
/** An optional constant. */
export const constant = (
  name: string,
  type: "int" | "double",
  description: string,
  otherwise: string,
): ParameterSpec => ({
  name,
  types: [type],
  description,
  isOptional: true,
  default: otherwise,
});

/** @throws CepError `WRONG_PARAMETERS` */
export function wrong(at: Span, message: string, ...expected: string[]): never {
  throw new CepError("WRONG_PARAMETERS", message, { offset: at.start, length: at.end - at.start, expected });
}

/** The numbers at the end of a call. @throws CepError `WRONG_PARAMETERS` */
export function featuresOf(
  args: readonly Compiled[],
  at: Span,
): { count: number; of: (e: Ev) => number[] | null } {
  if (args.length === 0 || args.length > MAX_FEATURES || args.some((a) => !isNumeric(a.type)))
    wrong(at, "The features must be numbers", `1 to ${MAX_FEATURES} numbers`);
  return {
    count: args.length,
    of: (e) => {
      const values = args.map((a) => a.fn(e));
      return values.some((v) => v === null || v === undefined) ? null : values.map(Number);
    },
  };
}

/** A constant between two bounds, or what it is without. @throws CepError `WRONG_PARAMETERS` */
export function bounded(
  arg: Compiled | undefined,
  otherwise: number,
  low: number,
  high: number,
  at: Span,
): number {
  const value = arg === undefined ? otherwise : Number(arg.constant?.value);
  if (!(value >= low && value <= high)) wrong(at, `${value} is out of range`, `${low} to ${high}`);
  return value;
}

/** The constants of a type at the head of the arguments. */
export function constantsAt(args: readonly Compiled[], from: number, type: string, most: number): Compiled[] {
  const found: Compiled[] = [];
  for (const arg of args.slice(from, from + most)) {
    // The last argument is a feature in any case.
    if (arg.constant === undefined || arg.type !== type || from + found.length === args.length - 1) break;
    found.push(arg);
  }
  return found;
}

export const doubles = (names: readonly string[]): Attribute[] =>
  names.map((name) => ({ name, type: "double" }));
