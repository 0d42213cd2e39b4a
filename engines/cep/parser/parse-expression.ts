import { CepError } from "../cep-error.ts";
import type { CompareOp, Expression, FunctionCall, MathOp, StreamIndex, VariableExpression } from "./ast.ts";
import type { TokenStream } from "./token-stream.ts";

const TIME_UNITS: Record<string, { rank: number; ms: number }> = {
  // Siddhi's month and year are mean lengths, rounded to 10 s.
  year: { rank: 0, ms: 31_556_900_000 },
  month: { rank: 1, ms: 2_630_000_000 },
  week: { rank: 2, ms: 604_800_000 },
  day: { rank: 3, ms: 86_400_000 },
  hour: { rank: 4, ms: 3_600_000 },
  minute: { rank: 5, ms: 60_000 },
  second: { rank: 6, ms: 1_000 },
  millisecond: { rank: 7, ms: 1 },
};

const UNIT_WORDS: Record<string, string> = {};
for (const [unit, words] of Object.entries({
  year: "year years",
  month: "month months",
  week: "week weeks",
  day: "day days",
  hour: "hour hours",
  minute: "min minute minutes",
  second: "sec second seconds",
  millisecond: "millisec millisecond milliseconds",
})) {
  for (const word of words.split(" ")) UNIT_WORDS[word] = unit;
}

/** True when the cursor stands on `5 sec` and the like. */
export function isTimeValue(t: TokenStream): boolean {
  return t.peek().kind === "int" && t.peek(1).kind === "id" && t.peek(1).word in UNIT_WORDS;
}

/** `1 min 30 sec`: whole numbers with units in falling order. @returns milliseconds */
export function parseTimeValue(t: TokenStream): number {
  if (!isTimeValue(t)) t.fail(["a time such as '5 sec'"]);
  let total = 0;
  let lastRank = -1;
  while (isTimeValue(t)) {
    const unit = TIME_UNITS[UNIT_WORDS[t.peek(1).word] ?? ""];
    if (unit === undefined || unit.rank <= lastRank) break;
    lastRank = unit.rank;
    total += Number(t.next().text) * unit.ms;
    t.next();
  }
  return total;
}

/**
 * Parses a text such as `5 sec` or `1 hour` as used in annotations.
 * @returns milliseconds, or undefined when it is no time.
 */
export function timeOf(text: string, stream: (text: string) => TokenStream): number | undefined {
  try {
    const t = stream(text);
    const ms = parseTimeValue(t);
    return t.peek().kind === "end" ? ms : undefined;
  } catch {
    return undefined;
  }
}

/** Precedence from loose to tight; SiddhiQL's `not` binds tighter than any of them. */
const BINARY: Record<string, number> = {
  or: 1,
  and: 2,
  in: 3,
  "==": 4,
  "!=": 4,
  ">": 5,
  ">=": 5,
  "<": 5,
  "<=": 5,
  "+": 6,
  "-": 6,
  "*": 7,
  "/": 7,
  "%": 7,
};

/** Parses one expression by precedence climbing. */
export function parseExpression(t: TokenStream, minimum = 1): Expression {
  let left = parseUnary(t);
  for (;;) {
    const token = t.peek();
    const op = token.kind === "symbol" ? token.text : token.kind === "id" ? token.word : "";
    const rank = BINARY[op];
    if (rank === undefined || rank < minimum) return left;
    t.next();
    const start = left.start;
    if (op === "in") {
      const source = t.expectName("a table");
      left = { kind: "in", operand: left, source: source.text, start, end: source.end };
      continue;
    }
    const right = parseExpression(t, rank + 1);
    const span = { start, end: right.end };
    if (op === "and" || op === "or") left = { kind: op, left, right, ...span };
    else if (rank >= 6)
      left = { kind: "math", op: op as MathOp, left, right, ...span }; // ranks 6 and 7 are MathOp
    else left = { kind: "compare", op: op as CompareOp, left, right, ...span }; // ranks 4 and 5 are CompareOp
  }
}

function parseUnary(t: TokenStream): Expression {
  const start = t.peek().start;
  if (t.isWord("not")) {
    t.next();
    const operand = parseUnary(t);
    return { kind: "not", operand, start, end: operand.end };
  }
  if (t.takeSymbol("(")) {
    const inner = parseExpression(t);
    t.expectSymbol(")");
    return { ...inner, start, end: t.lastEnd };
  }
  return parsePrimary(t);
}

function parsePrimary(t: TokenStream): Expression {
  const token = t.peek();
  const start = token.start;
  const sign = t.isSymbol("-") ? -1 : 1;
  const isSigned =
    (t.isSymbol("-") || t.isSymbol("+")) && ["int", "long", "float", "double"].includes(t.peek(1).kind);
  if (isSigned) t.next();
  if (!isSigned && isTimeValue(t)) {
    return { kind: "constant", type: "long", value: parseTimeValue(t), isTime: true, start, end: t.lastEnd };
  }
  switch (t.peek().kind) {
    case "int":
      return intConstant(t, sign, start);
    case "long": {
      const value = BigInt(t.next().text) * BigInt(sign);
      const isSafe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
      return {
        kind: "constant",
        type: "long",
        value: isSafe ? Number(value) : BigInt.asIntN(64, value),
        start,
        end: t.lastEnd,
      };
    }
    case "float":
      return {
        kind: "constant",
        type: "float",
        value: Math.fround(sign * Number(t.next().text)),
        start,
        end: t.lastEnd,
      };
    case "double":
      return { kind: "constant", type: "double", value: sign * Number(t.next().text), start, end: t.lastEnd };
    case "string":
      return { kind: "constant", type: "string", value: t.next().text, start, end: t.lastEnd };
    default:
      break;
  }
  if (
    t.peek().kind === "id" &&
    (token.word === "true" || token.word === "false") &&
    !t.isSymbol(".", 1) &&
    !t.isSymbol("(", 1)
  ) {
    t.next();
    return { kind: "constant", type: "bool", value: token.word === "true", start, end: t.lastEnd };
  }
  return parseReference(t);
}

function intConstant(t: TokenStream, sign: number, start: number): Expression {
  const token = t.next();
  const value = sign * Number(token.text);
  if (value > 2147483647 || value < -2147483648) {
    throw new CepError("SYNTAX", "An int must be within 32 bits", {
      offset: start,
      length: token.end - start,
      suggestion: `${token.text}L`,
    });
  }
  return { kind: "constant", type: "int", value, start, end: t.lastEnd };
}

/** A function call, an attribute, or either of them (or a stream) with `is null`. */
function parseReference(t: TokenStream): Expression {
  const start = t.peek().start;
  if (isFunctionCall(t)) {
    const call = parseFunctionCall(t);
    return withIsNull(t, { kind: "function", ...call });
  }
  const marker = t.takeSymbol("#") ? "#" : t.takeSymbol("!") ? "!" : "";
  const name = t.expectName("an expression");
  const index = parseStreamIndex(t);
  if (t.isSymbol("#") && t.isName(1)) {
    t.next();
    t.next();
    parseStreamIndex(t);
  }
  if (t.takeSymbol(".")) {
    const attribute = t.expectName("an attribute");
    return withIsNull(t, {
      kind: "variable",
      stream: name.text,
      index,
      attribute: attribute.text,
      marker,
      start,
      end: attribute.end,
    });
  }
  if (index !== undefined || marker !== "") {
    if (t.takeWord("is", "null")) {
      return { kind: "isNullStream", stream: marker + name.text, index, start, end: t.lastEnd };
    }
    // A bare event reference, as in eventTimestamp(e1[last]).
    return {
      kind: "variable",
      stream: undefined,
      index,
      attribute: name.text,
      marker,
      start,
      end: t.lastEnd,
    };
  }
  return withIsNull(t, {
    kind: "variable",
    stream: undefined,
    index: undefined,
    attribute: name.text,
    marker: "",
    start,
    end: name.end,
  });
}

function withIsNull(t: TokenStream, operand: Expression): Expression {
  return t.takeWord("is", "null")
    ? { kind: "isNull", operand, start: operand.start, end: t.lastEnd }
    : operand;
}

function parseStreamIndex(t: TokenStream): StreamIndex | undefined {
  if (!t.isSymbol("[")) return undefined;
  if (!(t.peek(1).kind === "int" || t.isWord("last", 1))) return undefined;
  t.next();
  let index: StreamIndex;
  if (t.takeWord("last")) {
    let offset = 0;
    if (t.takeSymbol("-")) {
      if (t.peek().kind !== "int") t.fail(["a whole number"]);
      offset = Number(t.next().text);
    }
    index = { from: "last", offset };
  } else {
    index = { from: "first", offset: Number(t.next().text) };
  }
  t.expectSymbol("]");
  return index;
}

/** True on `name(` and `namespace:name(`. */
export function isFunctionCall(t: TokenStream): boolean {
  if (!t.isName()) return false;
  return t.isSymbol("(", 1) || (t.isSymbol(":", 1) && t.isName(2) && t.isSymbol("(", 3));
}

/** `namespace:name(arg, …)` or `name(*)` or `name()`. */
export function parseFunctionCall(t: TokenStream): FunctionCall {
  const start = t.peek().start;
  let name = t.expectName("a function").text;
  let namespace = "";
  if (t.takeSymbol(":")) {
    namespace = name;
    name = t.expectName("a function").text;
  }
  t.expectSymbol("(");
  const args: Expression[] = [];
  let isStar = false;
  if (t.isSymbol("*") && t.isSymbol(")", 1)) {
    t.next();
    isStar = true;
  } else if (!t.isSymbol(")")) {
    do args.push(parseExpression(t));
    while (t.takeSymbol(","));
  }
  t.expectSymbol(")");
  return { namespace, name, args, isStar, start, end: t.lastEnd };
}

/** An attribute reference, as `group by`, `order by` and `set` take it. */
export function parseVariable(t: TokenStream): VariableExpression {
  const at = t.peek();
  const e = parseReference(t);
  if (e.kind !== "variable") {
    throw new CepError("SYNTAX", "Expected an attribute", {
      offset: at.start,
      length: at.end - at.start,
      expected: ["an attribute"],
    });
  }
  return e;
}
