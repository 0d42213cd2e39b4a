import type { Ev } from "../event.ts";
import type { CompareOp } from "../parser/ast.ts";
import type { Compiled } from "./compiled.ts";

/**
 * The comparisons that rules are full of, in one closure instead of three: an attribute with a constant, and an
 * attribute of one input of a pattern or join with that of another. Values are `never` to the type checker: the compiler
 * has checked that the two sides compare.
 * @returns undefined when the operands are something else
 */
export function compareAttributes(
  op: CompareOp,
  left: Compiled,
  right: Compiled,
): ((e: Ev) => boolean) | undefined {
  const a = left.variable;
  if (a === undefined) return undefined;
  const value = right.constant?.value;
  if (!a.isNested) {
    return value === undefined || value === null ? undefined : withConstant(op, a.index, value as never); // types checked
  }
  const b = right.variable;
  if (b === undefined || !b.isNested) return undefined;
  return ofTwoInputs(op, a.slot, a.index, b.slot, b.index);
}

function withConstant(op: CompareOp, index: number, b: never): ((e: Ev) => boolean) | undefined {
  switch (op) {
    case "==":
      return (e) => e.row[index] === b;
    case ">":
      return (e) => {
        const a = e.row[index] as never;
        return a !== null && a > b;
      };
    case "<":
      return (e) => {
        const a = e.row[index] as never;
        return a !== null && a < b;
      };
    default:
      return undefined;
  }
}

function ofTwoInputs(
  op: CompareOp,
  s: number,
  i: number,
  t: number,
  j: number,
): ((e: Ev) => boolean) | undefined {
  switch (op) {
    case "==":
      return (e) => {
        const x = e.row[s] as Ev | null | undefined; // slots hold events
        const y = e.row[t] as Ev | null | undefined; // as above
        if (!x || !y) return false;
        const a = x.row[i] as never;
        return a !== null && a === (y.row[j] as never);
      };
    case ">":
      return (e) => {
        const x = e.row[s] as Ev | null | undefined; // slots hold events
        const y = e.row[t] as Ev | null | undefined; // as above
        if (!x || !y) return false;
        const a = x.row[i] as never;
        const b = y.row[j] as never;
        return a !== null && b !== null && a > b;
      };
    case "<":
      return (e) => {
        const x = e.row[s] as Ev | null | undefined; // slots hold events
        const y = e.row[t] as Ev | null | undefined; // as above
        if (!x || !y) return false;
        const a = x.row[i] as never;
        const b = y.row[j] as never;
        return a !== null && b !== null && a < b;
      };
    default:
      return undefined;
  }
}
