import type { AnonymousInput, JoinInput, JoinType, QueryInput, SingleInput, StreamHandler } from "./ast.ts";
import { parseExpression, parseFunctionCall } from "./parse-expression.ts";
import { parseQueryBody } from "./parse-query.ts";
import { parsePattern, parseSequence } from "./parse-state.ts";
import type { TokenStream } from "./token-stream.ts";

const ENDS_INPUT = new Set(["select", "insert", "delete", "update", "return", "output"]);

/** What stands between `from` and `select`: looks ahead once to tell stream, join, pattern and sequence apart. */
export function parseQueryInput(t: TokenStream): QueryInput {
  if (isAnonymous(t)) return parseAnonymous(t);
  switch (inputKind(t)) {
    case "join":
      return parseJoin(t);
    case "pattern":
      return parsePattern(t);
    case "sequence":
      return parseSequence(t);
    case "single":
      return parseStandard(t);
  }
}

/** A query in place of a stream, in parentheses or not; `from from …` without them also needs a name behind. */
function isAnonymous(t: TokenStream): boolean {
  let ahead = 0;
  while (t.isSymbol("(", ahead)) ahead++;
  if (!t.isWord("from", ahead)) return false;
  const next = t.peek(ahead + 1);
  return ahead > 0 || (next.kind === "id" && !ENDS_INPUT.has(next.word)) || next.text === "(";
}

function parseAnonymous(t: TokenStream): AnonymousInput {
  const { start } = t.peek();
  if (t.takeSymbol("(")) {
    const inner = parseAnonymous(t);
    t.expectSymbol(")");
    return { ...inner, start, end: t.lastEnd };
  }
  const query = parseQueryBody(t, []);
  return { kind: "anonymous", query, start, end: t.lastEnd };
}

function inputKind(t: TokenStream): "single" | "join" | "pattern" | "sequence" {
  let brackets = 0;
  let parens = 0;
  let hasComma = false;
  let hasState = t.isWord("every") || t.isWord("not") || t.isSymbol("(");
  for (let ahead = 0; ; ahead++) {
    const token = t.peek(ahead);
    if (token.kind === "end" || token.text === ";") break;
    if (token.kind === "symbol") {
      if (token.text === "[") brackets++;
      else if (token.text === "]") brackets--;
      else if (brackets > 0) continue;
      else if (token.text === "(") parens++;
      else if (token.text === ")") parens--;
      else if (token.text === "->") return "pattern";
      else if (token.text === "," && parens === 0) hasComma = true;
      else if (token.text === "=" || (token.text === "<" && parens === 0)) hasState = true;
    } else if (token.kind === "id" && brackets === 0 && parens === 0) {
      if (ENDS_INPUT.has(token.word) && ahead > 0) break;
      if (token.word === "join") return "join";
      if ((token.word === "and" || token.word === "or") && !hasComma) hasState = true;
    }
  }
  return hasComma ? "sequence" : hasState ? "pattern" : "single";
}

function parseSource(t: TokenStream): { id: string; marker: "" | "#" | "!" } {
  const marker = t.takeSymbol("#") ? "#" : t.takeSymbol("!") ? "!" : "";
  return { id: marker + t.expectName("a stream").text, marker };
}

function parseHandlers(t: TokenStream, allowWindow: "none" | "anywhere" | "last"): StreamHandler[] {
  const handlers: StreamHandler[] = [];
  for (;;) {
    const start = t.peek().start;
    if (t.isSymbol("[") || (t.isSymbol("#") && t.isSymbol("[", 1))) {
      t.takeSymbol("#");
      t.expectSymbol("[");
      const condition = parseExpression(t);
      t.expectSymbol("]");
      handlers.push({ kind: "filter", condition, start, end: t.lastEnd });
    } else if (t.isSymbol("#") && t.isWord("window", 1) && t.isSymbol(".", 2)) {
      if (allowWindow === "none") t.fail(["a filter or a stream function"]);
      if (handlers.some((h) => h.kind === "window")) t.fail(["one window at most"]);
      t.next();
      t.next();
      t.next();
      handlers.push({ kind: "window", call: parseFunctionCall(t), start, end: t.lastEnd });
      if (allowWindow === "last") return handlers;
    } else if (t.isSymbol("#") && t.isName(1)) {
      t.next();
      handlers.push({ kind: "function", call: parseFunctionCall(t), start, end: t.lastEnd });
    } else {
      return handlers;
    }
  }
}

/** A stream with filters and stream functions but no window, as states of patterns have. */
export function parseBasicSource(t: TokenStream, alias: string | undefined): SingleInput {
  const start = t.peek().start;
  const source = parseSource(t);
  const handlers = parseHandlers(t, "none");
  return { kind: "single", ...source, alias, handlers, start, end: t.lastEnd };
}

/** A stream with filters, functions and at most one window. */
export function parseStandard(t: TokenStream): SingleInput {
  const start = t.peek().start;
  const source = parseSource(t);
  const handlers = parseHandlers(t, "anywhere");
  return { kind: "single", ...source, alias: undefined, handlers, start, end: t.lastEnd };
}

function parseJoinSource(t: TokenStream): SingleInput {
  const start = t.peek().start;
  const source = parseSource(t);
  const handlers = parseHandlers(t, "last");
  const alias = t.takeWord("as") ? t.expectName("an alias").text : undefined;
  return { kind: "single", ...source, alias, handlers, start, end: t.lastEnd };
}

function parseJoin(t: TokenStream): JoinInput {
  const start = t.peek().start;
  const left = parseJoinSource(t);
  let unidirectional: JoinInput["unidirectional"] = t.takeWord("unidirectional") ? "left" : undefined;
  const type = parseJoinType(t);
  const right = parseJoinSource(t);
  if (unidirectional === undefined && t.takeWord("unidirectional")) unidirectional = "right";
  const on = t.takeWord("on") ? parseExpression(t) : undefined;
  const range = parseWithinPer(t);
  return { kind: "join", left, right, type, unidirectional, on, ...range, start, end: t.lastEnd };
}

function parseJoinType(t: TokenStream): JoinType {
  for (const side of ["left", "right", "full"] as const) {
    if (t.takeWord(side)) {
      t.expectWord("outer");
      t.expectWord("join");
      return side;
    }
  }
  // A bare `outer join` is refused, as Siddhi does: it says nothing about the side that is kept.
  if (t.isWord("outer")) t.fail(["left", "right", "full"]);
  t.takeWord("inner");
  t.expectWord("join");
  return "inner";
}

/** `within a, b per c` of joins with aggregations and of on-demand queries. */
export function parseWithinPer(t: TokenStream): Pick<JoinInput, "within" | "per"> {
  if (!t.takeWord("within")) return { within: undefined, per: undefined };
  const within = [parseExpression(t)];
  if (t.takeSymbol(",")) within.push(parseExpression(t));
  t.expectWord("per");
  return { within, per: parseExpression(t) };
}
