import type { AttributeType, Ev } from "../event.ts";
import type { Expression, MathOp } from "../parser/ast.ts";
import { type Compiled, isNumeric, typeError } from "./compiled.ts";
import {
  addLong,
  divideLong,
  doubleToInt,
  type Long,
  modLong,
  multiplyLong,
  subtractLong,
} from "./java-number.ts";

type NumberFn = (e: Ev) => number | null;
type LongFn = (e: Ev) => Long | null;

/**
 * `+ - * / %` by Java's rules: the wider type wins (double, float, long, int), ints wrap, division of whole
 * numbers truncates, division by zero and a null operand give null.
 */
export function compileMath(node: Expression & { kind: "math" }, left: Compiled, right: Compiled): Compiled {
  for (const [side, operand] of [
    [left, node.left],
    [right, node.right],
  ] as const) {
    if (!isNumeric(side.type))
      typeError(`'${node.op}' takes numbers but this is ${side.type}`, operand, [
        "int",
        "long",
        "float",
        "double",
      ]);
  }
  const type = widest(left.type, right.type);
  const hasAggregator = left.hasAggregator === true || right.hasAggregator === true;
  const fn =
    type === "long"
      ? longMath(node.op, left.fn as LongFn, right.fn as LongFn)
      : numberMath(type, node.op, asNumber(left), asNumber(right)); // both sides are checked numeric above
  // Not folded: a parameter that must be a constant takes no arithmetic, in Siddhi neither.
  return { type, fn, hasAggregator };
}

/** The type that Java promotes two numbers to. */
export function widest(a: AttributeType, b: AttributeType): AttributeType {
  for (const type of ["double", "float", "long"] as const) if (a === type || b === type) return type;
  return "int";
}

function asNumber(side: Compiled): NumberFn {
  const fn = side.fn;
  if (side.type !== "long") return fn as NumberFn; // int, float and double are always numbers
  return (e) => {
    const value = fn(e);
    return value === null ? null : Number(value);
  };
}

function longMath(op: MathOp, left: LongFn, right: LongFn): LongFn {
  const apply = { "+": addLong, "-": subtractLong, "*": multiplyLong, "/": divideLong, "%": modLong }[op];
  return (e) => {
    const a = left(e);
    const b = right(e);
    return a === null || b === null ? null : apply(a, b);
  };
}

function numberMath(type: AttributeType, op: MathOp, left: NumberFn, right: NumberFn): NumberFn {
  if (type === "int") return intMath(op, left, right);
  const raw = doubleMath(op, left, right);
  if (type === "double") return raw;
  return (e) => {
    const value = raw(e);
    return value === null ? null : Math.fround(value);
  };
}

function doubleMath(op: MathOp, left: NumberFn, right: NumberFn): NumberFn {
  switch (op) {
    case "+":
      return (e) => {
        const a = left(e);
        const b = right(e);
        return a === null || b === null ? null : a + b;
      };
    case "-":
      return (e) => {
        const a = left(e);
        const b = right(e);
        return a === null || b === null ? null : a - b;
      };
    case "*":
      return (e) => {
        const a = left(e);
        const b = right(e);
        return a === null || b === null ? null : a * b;
      };
    case "/":
      return (e) => {
        const a = left(e);
        const b = right(e);
        return a === null || b === null || b === 0 ? null : a / b;
      };
    case "%":
      return (e) => {
        const a = left(e);
        const b = right(e);
        return a === null || b === null || b === 0 ? null : a % b;
      };
  }
}

function intMath(op: MathOp, left: NumberFn, right: NumberFn): NumberFn {
  switch (op) {
    case "+":
      return (e) => {
        const a = left(e);
        const b = right(e);
        return a === null || b === null ? null : (a + b) | 0;
      };
    case "-":
      return (e) => {
        const a = left(e);
        const b = right(e);
        return a === null || b === null ? null : (a - b) | 0;
      };
    case "*":
      return (e) => {
        const a = left(e);
        const b = right(e);
        return a === null || b === null ? null : Math.imul(a, b);
      };
    case "/":
      return (e) => {
        const a = left(e);
        const b = right(e);
        return a === null || b === null || b === 0 ? null : (a / b) | 0;
      };
    case "%":
      return (e) => {
        const a = left(e);
        const b = right(e);
        return a === null || b === null || b === 0 ? null : doubleToInt(a % b);
      };
  }
}
