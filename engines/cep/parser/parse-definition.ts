import { CepError } from "../cep-error.ts";
import type { AttributeType } from "../event.ts";
import {
  type AggregationDefinition,
  type Annotation,
  type AttributeNode,
  type Definition,
  DURATIONS,
  type Duration,
} from "./ast.ts";
import { parseFunctionCall, parseTimeValue, parseVariable } from "./parse-expression.ts";
import { parseStandard } from "./parse-input.ts";
import { parseOutputAttributes, parseOutputEventType, parseVariables } from "./parse-query.ts";
import type { TokenStream } from "./token-stream.ts";

const TYPES: readonly string[] = ["int", "long", "float", "double", "bool", "string", "object"];
const KINDS = ["stream", "table", "window", "trigger", "function", "aggregation"];

/** `define …`, the annotations having been read. */
export function parseDefinition(t: TokenStream, annotations: readonly Annotation[]): Definition {
  const start = t.expectWord("define").start;
  const kind = t.peek();
  if (kind.kind !== "id" || !KINDS.includes(kind.word)) t.fail(KINDS);
  t.next();
  switch (kind.word) {
    case "stream":
    case "table": {
      const id = parseId(t);
      const attributes = parseAttributes(t);
      return { kind: kind.word, id, annotations, attributes, start, end: t.lastEnd };
    }
    case "window": {
      const id = parseId(t);
      const attributes = parseAttributes(t);
      const window = parseFunctionCall(t);
      const outputEvents = t.takeWord("output") ? parseOutputEventType(t) : "all";
      return { kind: "window", id, annotations, attributes, window, outputEvents, start, end: t.lastEnd };
    }
    case "trigger":
      return parseTrigger(t, annotations, start);
    case "function": {
      const id = t.expectName("a function").text;
      t.expectSymbol("[");
      const language = t.expectName("a language").text;
      t.expectSymbol("]");
      t.expectWord("return");
      const returns = parseType(t);
      if (t.peek().kind !== "script") t.fail(["a body in braces"]);
      return {
        kind: "function",
        id,
        annotations,
        language,
        returns,
        body: t.next().text,
        start,
        end: t.lastEnd,
      };
    }
    default:
      return parseAggregation(t, annotations, start);
  }
}

function parseId(t: TokenStream): string {
  const marker = t.takeSymbol("#") ? "#" : t.takeSymbol("!") ? "!" : "";
  return marker + t.expectName("a name").text;
}

function parseType(t: TokenStream): AttributeType {
  const token = t.peek();
  if (token.kind !== "id" || !TYPES.includes(token.word)) t.fail([...TYPES]);
  return t.next().word as AttributeType; // checked against TYPES above
}

function parseAttributes(t: TokenStream): AttributeNode[] {
  t.expectSymbol("(");
  const attributes: AttributeNode[] = [];
  do {
    const name = t.expectName("an attribute");
    if (attributes.some((a) => a.name === name.text)) {
      throw new CepError("DUPLICATE_ATTRIBUTE", `'${name.text}' is defined twice`, {
        offset: name.start,
        length: name.end - name.start,
      });
    }
    attributes.push({ name: name.text, type: parseType(t), start: name.start, end: t.lastEnd });
  } while (t.takeSymbol(","));
  t.expectSymbol(")");
  return attributes;
}

function parseTrigger(t: TokenStream, annotations: readonly Annotation[], start: number): Definition {
  const id = t.expectName("a trigger").text;
  t.expectWord("at");
  if (t.takeWord("every")) {
    return { kind: "trigger", id, annotations, at: { every: parseTimeValue(t) }, start, end: t.lastEnd };
  }
  const text = t.expectString().text;
  const at = text.trim().toLowerCase() === "start" ? ({ start: true } as const) : { cron: text };
  return { kind: "trigger", id, annotations, at, start, end: t.lastEnd };
}

function parseAggregation(
  t: TokenStream,
  annotations: readonly Annotation[],
  start: number,
): AggregationDefinition {
  const id = t.expectName("an aggregation").text;
  t.expectWord("from");
  const input = parseStandard(t);
  const selectStart = t.expectWord("select").start;
  const select = { attributes: parseOutputAttributes(t), start: selectStart, end: t.lastEnd };
  const groupBy = t.takeWord("group", "by") ? parseVariables(t) : [];
  t.expectWord("aggregate");
  const by = t.takeWord("by") ? parseVariable(t) : undefined;
  t.expectWord("every");
  return {
    kind: "aggregation",
    id,
    annotations,
    input,
    select,
    groupBy,
    by,
    durations: parseDurations(t),
    start,
    end: t.lastEnd,
  };
}

function parseDurations(t: TokenStream): Duration[] {
  const first = parseDuration(t);
  if (t.takeSymbol("...")) {
    const at = t.peek();
    const from = DURATIONS.indexOf(first);
    const to = DURATIONS.indexOf(parseDuration(t));
    if (to < from) {
      throw new CepError("SYNTAX", "A range of durations goes from the shorter to the longer", {
        offset: at.start,
        length: at.end - at.start,
      });
    }
    return DURATIONS.slice(from, to + 1);
  }
  const list = [first];
  while (t.takeSymbol(",")) list.push(parseDuration(t));
  return [...new Set(list)].sort((a, b) => DURATIONS.indexOf(a) - DURATIONS.indexOf(b));
}

function parseDuration(t: TokenStream): Duration {
  const word = t.peek().word;
  const found = DURATIONS.find((d) => {
    const single = d.slice(0, -1);
    return (
      word === d ||
      word === single ||
      (d === "seconds" && word === "sec") ||
      (d === "minutes" && word === "min")
    );
  });
  if (t.peek().kind !== "id" || found === undefined) return t.fail([...DURATIONS]);
  t.next();
  return found;
}
