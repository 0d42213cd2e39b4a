import type { Ev } from "../event.ts";
import type { Expression } from "../parser/ast.ts";
import { compileCompare } from "./compile-compare.ts";
import { compileMath } from "./compile-math.ts";
import { type Compiled, constantOf, type Scope, typeError } from "./compiled.ts";

/**
 * Compiles an expression to a closure over one event, chosen by the static types: no type test is left on the row
 * path where the types decide.
 * @throws CepError `TYPE_MISMATCH`, `UNKNOWN_ATTRIBUTE`, `UNKNOWN_FUNCTION`, `WRONG_PARAMETERS`, …
 */
export function compileExpression(node: Expression, scope: Scope): Compiled {
  switch (node.kind) {
    case "constant":
      return constantOf(node.type, node.value, node.isTime === true);
    case "variable":
      return scope.variable(node);
    case "math":
      return compileMath(node, compileExpression(node.left, scope), compileExpression(node.right, scope));
    case "compare":
      return compileCompare(node, compileExpression(node.left, scope), compileExpression(node.right, scope));
    case "and":
    case "or": {
      const left = compileCondition(node.left, scope);
      const right = compileCondition(node.right, scope);
      const hasAggregator = left.hasAggregator === true || right.hasAggregator === true;
      const l = left.fn;
      const r = right.fn;
      const fn =
        node.kind === "and"
          ? (e: Ev) => l(e) === true && r(e) === true
          : (e: Ev) => l(e) === true || r(e) === true;
      return { type: "bool", fn, hasAggregator };
    }
    case "not": {
      const operand = compileCondition(node.operand, scope);
      const fn = operand.fn;
      return { type: "bool", fn: (e) => fn(e) !== true, hasAggregator: operand.hasAggregator === true };
    }
    case "isNull": {
      if (node.operand.kind === "variable" && node.operand.stream === undefined) {
        // A lone name is an attribute if there is one, else a stream reference.
        const name = node.operand.attribute;
        const operand = tryVariable(node.operand, scope);
        if (operand === undefined || operand.event !== undefined) {
          return { type: "bool", fn: scope.streamIsNull(name, undefined, node) };
        }
        const fn = operand.fn;
        return { type: "bool", fn: (e) => isNullish(fn(e)) };
      }
      const operand = compileExpression(node.operand, scope);
      const fn = operand.fn;
      return { type: "bool", fn: (e) => isNullish(fn(e)), hasAggregator: operand.hasAggregator === true };
    }
    case "isNullStream":
      return { type: "bool", fn: scope.streamIsNull(node.stream, node.index, node) };
    case "in":
      return { type: "bool", fn: scope.inTable(node.source, node.operand, node) };
    case "function": {
      const args = node.isStar ? scope.allAttributes() : node.args;
      return scope.call(
        node,
        args.map((a) => compileExpression(a, scope)),
      );
    }
  }
}

/** Compiles an expression that must be a bool. @throws CepError `TYPE_MISMATCH` */
export function compileCondition(node: Expression, scope: Scope): Compiled {
  const compiled = compileExpression(node, scope);
  if (compiled.type !== "bool")
    typeError(`A condition must be bool but this is ${compiled.type}`, node, ["bool"]);
  return compiled;
}

function isNullish(value: unknown): boolean {
  return value === null || value === undefined;
}

function tryVariable(node: Expression & { kind: "variable" }, scope: Scope): Compiled | undefined {
  try {
    return scope.variable(node);
  } catch {
    return undefined;
  }
}
