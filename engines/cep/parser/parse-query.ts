import { CepError } from "../cep-error.ts";
import type {
  Annotation,
  Expression,
  OnDemandQuery,
  OutputAttribute,
  OutputEventType,
  OutputRate,
  Partition,
  PartitionWith,
  Query,
  QueryOutput,
  Selector,
  SetAssignment,
  VariableExpression,
} from "./ast.ts";
import { parseAnnotations } from "./parse-annotation.ts";
import { parseExpression, parseTimeValue, parseVariable } from "./parse-expression.ts";
import { parseQueryInput, parseWithinPer } from "./parse-input.ts";
import type { TokenStream } from "./token-stream.ts";

/** A query with its annotations. */
export function parseQuery(t: TokenStream): Query {
  return parseQueryBody(t, parseAnnotations(t));
}

/** `from … select … output … insert into …`, the annotations having been read. */
export function parseQueryBody(t: TokenStream, annotations: readonly Annotation[]): Query {
  const start = t.expectWord("from").start;
  const input = parseQueryInput(t);
  const selector = t.isWord("select") ? parseSelector(t) : emptySelector(t.peek().start);
  const rate = t.isWord("output") ? parseRate(t) : undefined;
  const output = parseOutput(t);
  return { kind: "query", annotations, input, selector, rate, output, start, end: t.lastEnd };
}

function emptySelector(at: number): Selector {
  return {
    attributes: undefined,
    groupBy: [],
    having: undefined,
    orderBy: [],
    limit: undefined,
    offset: undefined,
    start: at,
    end: at,
  };
}

/** `select …` up to `offset`. */
export function parseSelector(t: TokenStream): Selector {
  const start = t.expectWord("select").start;
  const attributes = parseOutputAttributes(t);
  const groupBy = t.takeWord("group", "by") ? parseVariables(t) : [];
  const having = t.takeWord("having") ? parseExpression(t) : undefined;
  const orderBy: Selector["orderBy"] = [];
  if (t.takeWord("order", "by")) {
    do {
      const variable = parseVariable(t);
      const descending = t.takeWord("desc");
      if (!descending) t.takeWord("asc");
      orderBy.push({ variable, descending });
    } while (t.takeSymbol(","));
  }
  const limit = t.takeWord("limit") ? parseExpression(t) : undefined;
  const offset = t.takeWord("offset") ? parseExpression(t) : undefined;
  return { attributes, groupBy, having, orderBy, limit, offset, start, end: t.lastEnd };
}

/** The list after `select`; undefined for `*`. Each needs a name: a plain attribute has one, the rest take `as`. */
export function parseOutputAttributes(t: TokenStream): OutputAttribute[] | undefined {
  if (t.takeSymbol("*")) return undefined;
  const attributes: OutputAttribute[] = [];
  const names = new Set<string>();
  do {
    const expression = parseExpression(t);
    let name: string;
    if (t.takeWord("as")) name = t.expectName("a name").text;
    else if (expression.kind === "variable" && t.tokens[t.at - 1]?.text !== ")") name = expression.attribute;
    else return t.fail(["as"]);
    if (names.has(name)) {
      throw new CepError("DUPLICATE_ATTRIBUTE", `'${name}' is selected twice`, {
        offset: expression.start,
        length: t.lastEnd - expression.start,
      });
    }
    names.add(name);
    attributes.push({ name, expression, start: expression.start, end: t.lastEnd });
  } while (t.takeSymbol(","));
  return attributes;
}

/** A comma-separated list of attribute references. */
export function parseVariables(t: TokenStream): VariableExpression[] {
  const list = [parseVariable(t)];
  while (t.takeSymbol(",")) list.push(parseVariable(t));
  return list;
}

function parseRate(t: TokenStream): OutputRate {
  t.expectWord("output");
  if (t.takeWord("snapshot")) {
    t.expectWord("every");
    return { kind: "snapshot", ms: parseTimeValue(t) };
  }
  const type = t.takeWord("all")
    ? "all"
    : t.takeWord("first")
      ? "first"
      : t.takeWord("last")
        ? "last"
        : "all";
  if (!t.isWord("every")) t.fail(["every", "all", "first", "last", "snapshot"]);
  t.next();
  if (t.peek().kind === "int" && t.isWord("events", 1)) {
    const events = Number(t.next().text);
    t.next();
    return { kind: "events", type, events };
  }
  return { kind: "time", type, ms: parseTimeValue(t) };
}

function parseEventType(t: TokenStream): OutputEventType | undefined {
  if (t.takeWord("all", "events")) return "all";
  if (t.takeWord("expired", "events")) return "expired";
  if (t.takeWord("current", "events") || t.takeWord("events")) return "current";
  return undefined;
}

/** `output all events` of a window definition. */
export function parseOutputEventType(t: TokenStream): OutputEventType {
  return parseEventType(t) ?? t.fail(["all events", "expired events", "current events"]);
}

function parseTarget(t: TokenStream): { target: string; marker: "" | "#" | "!" } {
  const marker = t.takeSymbol("#") ? "#" : t.takeSymbol("!") ? "!" : "";
  return { target: marker + t.expectName("a target").text, marker };
}

function parseOutput(t: TokenStream): QueryOutput {
  const start = t.peek().start;
  if (t.takeWord("insert")) {
    const eventType = parseEventType(t) ?? "current";
    t.expectWord("into");
    const target = parseTarget(t);
    return { kind: "insert", ...target, eventType, start, end: t.lastEnd };
  }
  if (t.takeWord("return"))
    return { kind: "return", eventType: parseEventType(t) ?? "current", start, end: t.lastEnd };
  return parseStoreOutput(t, true) ?? t.fail(["insert into", "delete", "update", "return"]);
}

function parseStoreOutput(t: TokenStream, allowFor: boolean): QueryOutput | undefined {
  const start = t.peek().start;
  const forEvents = (): OutputEventType =>
    allowFor && t.takeWord("for")
      ? (parseEventType(t) ?? t.fail(["current events", "expired events", "all events"]))
      : "current";
  if (t.takeWord("delete")) {
    const { target } = parseTarget(t);
    const eventType = forEvents();
    const on = t.takeWord("on") ? parseExpression(t) : undefined;
    return { kind: "delete", target, eventType, on, start, end: t.lastEnd };
  }
  if (!t.takeWord("update")) return undefined;
  const kind = t.takeWord("or", "insert", "into") ? "updateOrInsert" : "update";
  const { target } = parseTarget(t);
  const eventType = forEvents();
  const set = t.takeWord("set") ? parseSet(t) : undefined;
  t.expectWord("on");
  const on = parseExpression(t);
  return { kind, target, eventType, set, on, start, end: t.lastEnd };
}

function parseSet(t: TokenStream): SetAssignment[] {
  const list: SetAssignment[] = [];
  do {
    const variable = parseVariable(t);
    t.expectSymbol("=");
    list.push({ variable, value: parseExpression(t) });
  } while (t.takeSymbol(","));
  return list;
}

/** `partition with (a of S, …) begin … end`. */
export function parsePartition(t: TokenStream, annotations: readonly Annotation[]): Partition {
  const start = t.expectWord("partition").start;
  t.expectWord("with");
  t.expectSymbol("(");
  const list: PartitionWith[] = [];
  do list.push(parsePartitionWith(t));
  while (t.takeSymbol(","));
  t.expectSymbol(")");
  t.expectWord("begin");
  const queries: Query[] = [];
  while (!t.isWord("end")) {
    queries.push(parseQuery(t));
    if (!t.takeSymbol(";")) break;
  }
  if (queries.length === 0) t.fail(["a query"]);
  t.expectWord("end");
  return { kind: "partition", annotations, with: list, queries, start, end: t.lastEnd };
}

function parsePartitionWith(t: TokenStream): PartitionWith {
  // Ranges are alternatives joined by `or`, each with its own label, so `or` must not be read into a condition.
  const first = parseExpression(t, 2);
  if (!t.isWord("as")) {
    const expression = t.isWord("or") ? restOfOr(t, first) : first;
    t.expectWord("of");
    return { kind: "value", expression, stream: t.expectName("a stream").text };
  }
  const ranges: { condition: Expression; label: string }[] = [];
  let condition = first;
  for (;;) {
    t.expectWord("as");
    ranges.push({ condition, label: t.expectString().text });
    if (!t.takeWord("or")) break;
    condition = parseExpression(t, 2);
  }
  t.expectWord("of");
  return { kind: "range", ranges, stream: t.expectName("a stream").text };
}

function restOfOr(t: TokenStream, first: Expression): Expression {
  let left = first;
  while (t.takeWord("or")) {
    const right = parseExpression(t, 2);
    left = { kind: "or", left, right, start: left.start, end: right.end };
  }
  return left;
}

/** An on-demand (store) query. */
export function parseOnDemandQuery(t: TokenStream): OnDemandQuery {
  const start = t.peek().start;
  const finish = (
    kind: OnDemandQuery["kind"],
    rest: Pick<OnDemandQuery, "source" | "selector" | "output">,
  ): OnDemandQuery => {
    t.takeSymbol(";");
    if (t.peek().kind !== "end") t.fail(["the end of the query"]);
    return { kind, ...rest, start, end: t.lastEnd };
  };
  if (t.takeWord("from")) {
    const id = t.expectName("a table, window or aggregation").text;
    const alias = t.takeWord("as") ? t.expectName("an alias").text : undefined;
    const on = t.takeWord("on") ? parseExpression(t) : undefined;
    const source = { id, alias, on, ...parseWithinPer(t) };
    const selector = t.isWord("select") ? parseSelector(t) : undefined;
    return finish("find", { source, selector, output: undefined });
  }
  const selector = t.isWord("select") ? parseSelector(t) : undefined;
  if (selector !== undefined && t.takeWord("insert")) {
    t.expectWord("into");
    const output: QueryOutput = {
      kind: "insert",
      ...parseTarget(t),
      eventType: "current",
      start,
      end: t.lastEnd,
    };
    return finish("insert", { source: undefined, selector, output });
  }
  const output = parseStoreOutput(t, false) ?? t.fail(["from", "select", "delete", "update"]);
  if (output.kind === "insert" || output.kind === "return") return t.fail(["from"]);
  return finish(output.kind, { source: undefined, selector, output });
}
