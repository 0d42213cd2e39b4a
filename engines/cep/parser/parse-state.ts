import { CepError } from "../cep-error.ts";
import type { StateElement, StateInput } from "./ast.ts";
import { parseTimeValue } from "./parse-expression.ts";
import { parseBasicSource } from "./parse-input.ts";
import type { TokenStream } from "./token-stream.ts";

/** `every e1=A[…] -> e2=B<2:5> within 5 sec`: the arrows bind from left to right. */
export function parsePattern(t: TokenStream): StateInput {
  const start = t.peek().start;
  const element = parseChain(t, "pattern", "->");
  return { kind: "pattern", element, withinMs: parseWithin(t), start, end: t.lastEnd };
}

/** `every e1=A, e2=B+, e3=C within 5 sec`: `every` may only stand in front of the first state. */
export function parseSequence(t: TokenStream): StateInput {
  const start = t.peek().start;
  const isEvery = t.takeWord("every");
  const element = parseChain(t, "sequence", ",", isEvery ? start : undefined);
  return { kind: "sequence", element, withinMs: parseWithin(t), start, end: t.lastEnd };
}

function parseWithin(t: TokenStream): number | undefined {
  return t.takeWord("within") ? parseTimeValue(t) : undefined;
}

function parseChain(
  t: TokenStream,
  type: StateInput["kind"],
  arrow: string,
  everyStart?: number,
): StateElement {
  let left = parseLink(t, type, arrow);
  if (everyStart !== undefined) left = { kind: "every", inner: left, start: everyStart, end: left.end };
  while (t.takeSymbol(arrow)) {
    const right = parseLink(t, type, arrow);
    left = { kind: "next", left, right, start: left.start, end: right.end };
  }
  return left;
}

function parseLink(t: TokenStream, type: StateInput["kind"], arrow: string): StateElement {
  const start = t.peek().start;
  if (t.isWord("every") && type === "pattern" && !t.isSymbol("=", 1)) {
    t.next();
    if (t.isSymbol("(") && !isParenthesisedSource(t)) {
      t.next();
      const inner = parseChain(t, type, arrow);
      t.expectSymbol(")");
      return { kind: "every", inner, start, end: t.lastEnd };
    }
    const inner = parseState(t, type);
    return { kind: "every", inner, start, end: inner.end };
  }
  if (t.isSymbol("(")) {
    t.next();
    const inner = parseChain(t, type, arrow);
    t.expectSymbol(")");
    return continueLogical(t, type, inner);
  }
  return parseState(t, type);
}

function isParenthesisedSource(_t: TokenStream): boolean {
  return false;
}

function parseState(t: TokenStream, type: StateInput["kind"]): StateElement {
  return continueLogical(t, type, parseSingle(t, type));
}

function continueLogical(t: TokenStream, type: StateInput["kind"], left: StateElement): StateElement {
  if (!(t.isWord("and") || t.isWord("or"))) {
    if (left.kind === "absent" && left.forMs === undefined) t.fail(["for", "and"]);
    return left;
  }
  const op = t.next().word === "and" ? "and" : "or";
  const right = parseSingle(t, type);
  for (const side of [left, right]) {
    if (side.kind !== "state" && side.kind !== "absent") {
      throw new CepError("SYNTAX", `'${op}' joins two single events, not a chain or a count`, {
        offset: side.start,
        length: side.end - side.start,
      });
    }
    if (side.kind === "absent" && side.forMs === undefined && op === "or") {
      throw new CepError("SYNTAX", "'not' in an 'or' needs a 'for' time", {
        offset: side.start,
        length: side.end - side.start,
        expected: ["for"],
      });
    }
  }
  if (
    left.kind === "absent" &&
    right.kind === "absent" &&
    (left.forMs === undefined || right.forMs === undefined)
  ) {
    throw new CepError("SYNTAX", "Two absent events joined by 'and' both need a 'for' time", {
      offset: left.start,
      length: right.end - left.start,
      expected: ["for"],
    });
  }
  return { kind: "logical", op, left, right, start: left.start, end: right.end };
}

function parseSingle(t: TokenStream, type: StateInput["kind"]): StateElement {
  const start = t.peek().start;
  if (t.isWord("not") && !t.isSymbol("=", 1)) {
    t.next();
    const input = parseBasicSource(t, undefined);
    const forMs = t.takeWord("for") ? parseTimeValue(t) : undefined;
    return { kind: "absent", input, forMs, start, end: t.lastEnd };
  }
  let alias: string | undefined;
  if (t.isName() && t.isSymbol("=", 1)) {
    alias = t.next().text;
    t.next();
  }
  const input = parseBasicSource(t, alias);
  const state = { kind: "state" as const, input, start, end: t.lastEnd };
  const count = parseCount(t, type);
  return count === undefined ? state : { kind: "count", state, ...count, start, end: t.lastEnd };
}

const ANY = Number.POSITIVE_INFINITY;

function parseCount(t: TokenStream, type: StateInput["kind"]): { min: number; max: number } | undefined {
  if (type === "sequence") {
    if (t.takeSymbol("*")) return { min: 0, max: ANY };
    if (t.takeSymbol("+")) return { min: 1, max: ANY };
    if (t.takeSymbol("?")) return { min: 0, max: 1 };
  }
  if (!t.takeSymbol("<")) return undefined;
  const min = t.peek().kind === "int" ? Number(t.next().text) : undefined;
  let max = min;
  if (t.takeSymbol(":")) max = t.peek().kind === "int" ? Number(t.next().text) : ANY;
  if (min === undefined && (max === undefined || max === ANY)) t.fail(["a count"]);
  t.expectSymbol(">");
  return { min: min ?? 0, max: max ?? ANY };
}
