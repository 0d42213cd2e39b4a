import type { AttributeType, Ev } from "../event.ts";
import type { CompareOp, Expression } from "../parser/ast.ts";
import { compareAttributes } from "./compare-attributes.ts";
import { type Compiled, isNumeric, typeError } from "./compiled.ts";

type Operand = (e: Ev) => never;

/**
 * Comparisons. Numbers compare with numbers, and for equality string with string and bool with bool; a null on
 * either side makes the result false, for `!=` too, as in Siddhi.
 */
export function compileCompare(
  node: Expression & { kind: "compare" },
  left: Compiled,
  right: Compiled,
): Compiled {
  const isEquality = node.op === "==" || node.op === "!=";
  const fits =
    (isNumeric(left.type) && isNumeric(right.type)) ||
    (isEquality && left.type === right.type && (left.type === "string" || left.type === "bool"));
  if (!fits) typeError(`${left.type} ${node.op} ${right.type} is no comparison`, node);
  const hasAggregator = left.hasAggregator === true || right.hasAggregator === true;
  const l = operandOf(left, right.type);
  const r = operandOf(right, left.type);
  if (l === left.fn && r === right.fn) {
    const fn = compareAttributes(node.op, left, right);
    if (fn !== undefined) return { type: "bool", fn, hasAggregator };
  }
  if (right.constant !== undefined && right.constant.value !== null) {
    return { type: "bool", fn: compareWithConstant(node.op, l, r({} as Ev)), hasAggregator }; // a constant reads no event
  }
  return { type: "bool", fn: compare(node.op, l, r), hasAggregator };
}

/** An int or long next to a float is compared as a float, as Java promotes it. */
function operandOf(side: Compiled, other: AttributeType): Operand {
  const fn = side.fn;
  if (other === "float" && (side.type === "int" || side.type === "long")) {
    return ((e: Ev) => {
      const value = fn(e);
      return value === null ? null : Math.fround(Number(value));
    }) as Operand; // the two sides are comparable: checked by compileCompare
  }
  if (other === "double" && side.type === "long") {
    return ((e: Ev) => {
      const value = fn(e);
      return typeof value === "bigint" ? Number(value) : value;
    }) as Operand; // as above
  }
  return fn as Operand; // as above
}

function compareWithConstant(op: CompareOp, l: Operand, b: never): (e: Ev) => boolean {
  switch (op) {
    case "==":
      return (e) => l(e) === b;
    case "!=":
      return (e) => {
        const a = l(e);
        return a !== null && a !== b;
      };
    case ">":
      return (e) => {
        const a = l(e);
        return a !== null && a > b;
      };
    case ">=":
      return (e) => {
        const a = l(e);
        return a !== null && a >= b;
      };
    case "<":
      return (e) => {
        const a = l(e);
        return a !== null && a < b;
      };
    case "<=":
      return (e) => {
        const a = l(e);
        return a !== null && a <= b;
      };
  }
}

function compare(op: CompareOp, l: Operand, r: Operand): (e: Ev) => boolean {
  switch (op) {
    case "==":
      return (e) => {
        const a = l(e);
        return a !== null && a === r(e);
      };
    case "!=":
      return (e) => {
        const a = l(e);
        const b = r(e);
        return a !== null && b !== null && a !== b;
      };
    case ">":
      return (e) => {
        const a = l(e);
        const b = r(e);
        return a !== null && b !== null && a > b;
      };
    case ">=":
      return (e) => {
        const a = l(e);
        const b = r(e);
        return a !== null && b !== null && a >= b;
      };
    case "<":
      return (e) => {
        const a = l(e);
        const b = r(e);
        return a !== null && b !== null && a < b;
      };
    case "<=":
      return (e) => {
        const a = l(e);
        const b = r(e);
        return a !== null && b !== null && a <= b;
      };
  }
}
