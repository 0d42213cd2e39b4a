import type { AttributeType } from "../event.ts";

/** Where a node stands in the text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type CompareOp = ">" | ">=" | "<" | "<=" | "==" | "!=";
export type MathOp = "+" | "-" | "*" | "/" | "%";

/** An expression. `index` of a variable: n, or "last" minus `lastOffset`. */
export type Expression =
  | (Span & { kind: "constant"; type: AttributeType; value: unknown; isTime?: boolean })
  | VariableExpression
  | (Span & { kind: "math"; op: MathOp; left: Expression; right: Expression })
  | (Span & { kind: "compare"; op: CompareOp; left: Expression; right: Expression })
  | (Span & { kind: "and" | "or"; left: Expression; right: Expression })
  | (Span & { kind: "not"; operand: Expression })
  | (Span & { kind: "isNull"; operand: Expression })
  | (Span & { kind: "isNullStream"; stream: string; index: StreamIndex | undefined })
  | (Span & { kind: "in"; operand: Expression; source: string })
  | (Span & { kind: "function"; namespace: string; name: string; args: Expression[]; isStar: boolean });

/** Position in the chain of a counted state: from the front, or back from the last. */
export type StreamIndex = { readonly from: "first" | "last"; readonly offset: number };

export type VariableExpression = Span & {
  kind: "variable";
  stream: string | undefined;
  index: StreamIndex | undefined;
  attribute: string;
  /** `#` inner or `!` fault marker in front of the stream. */
  marker: "" | "#" | "!";
};

/** `@name(key='value', 'value', @nested(...))`. Keys are lower-cased for look-up by `elementOf`. */
export interface Annotation extends Span {
  readonly name: string;
  readonly elements: readonly { key: string | undefined; value: string }[];
  readonly annotations: readonly Annotation[];
}

export interface AttributeNode extends Span {
  readonly name: string;
  readonly type: AttributeType;
}

interface DefinitionBase extends Span {
  readonly id: string;
  readonly annotations: readonly Annotation[];
}

export type Definition =
  | (DefinitionBase & { kind: "stream" | "table"; attributes: AttributeNode[] })
  | (DefinitionBase & {
      kind: "window";
      attributes: AttributeNode[];
      window: FunctionCall;
      outputEvents: OutputEventType;
    })
  | (DefinitionBase & { kind: "trigger"; at: TriggerAt })
  | (DefinitionBase & { kind: "function"; language: string; returns: AttributeType; body: string })
  | AggregationDefinition;

export type AggregationDefinition = DefinitionBase & {
  kind: "aggregation";
  input: SingleInput;
  select: Selection;
  groupBy: VariableExpression[];
  by: VariableExpression | undefined;
  durations: Duration[];
};

export type TriggerAt = { every: number } | { start: true } | { cron: string };
export type Duration = "seconds" | "minutes" | "hours" | "days" | "months" | "years";
export const DURATIONS: readonly Duration[] = ["seconds", "minutes", "hours", "days", "months", "years"];
export type OutputEventType = "current" | "expired" | "all";

export interface FunctionCall extends Span {
  readonly namespace: string;
  readonly name: string;
  readonly args: Expression[];
  readonly isStar: boolean;
}

export type StreamHandler =
  | (Span & { kind: "filter"; condition: Expression })
  | (Span & { kind: "function"; call: FunctionCall })
  | (Span & { kind: "window"; call: FunctionCall });

/** One input: a stream, table, window or aggregation with its handlers. `id` includes the `#` or `!` marker. */
export interface SingleInput extends Span {
  readonly kind: "single";
  readonly id: string;
  readonly marker: "" | "#" | "!";
  readonly alias: string | undefined;
  readonly handlers: StreamHandler[];
}

export type JoinType = "inner" | "left" | "right" | "full";

export interface JoinInput extends Span {
  readonly kind: "join";
  readonly left: SingleInput;
  readonly right: SingleInput;
  readonly type: JoinType;
  readonly unidirectional: "left" | "right" | undefined;
  readonly on: Expression | undefined;
  readonly within: Expression[] | undefined;
  readonly per: Expression | undefined;
}

export type StateElement =
  | (Span & { kind: "state"; input: SingleInput })
  | (Span & { kind: "absent"; input: SingleInput; forMs: number | undefined })
  | (Span & { kind: "count"; state: StateElement & { kind: "state" }; min: number; max: number })
  | (Span & { kind: "logical"; op: "and" | "or"; left: StateElement; right: StateElement })
  | (Span & { kind: "next"; left: StateElement; right: StateElement })
  | (Span & { kind: "every"; inner: StateElement });

export interface StateInput extends Span {
  readonly kind: "pattern" | "sequence";
  readonly element: StateElement;
  readonly withinMs: number | undefined;
}

export interface AnonymousInput extends Span {
  readonly kind: "anonymous";
  readonly query: Query;
}

export type QueryInput = SingleInput | JoinInput | StateInput | AnonymousInput;

export interface OutputAttribute extends Span {
  readonly name: string;
  readonly expression: Expression;
}

/** `undefined` attributes: `select *`. */
export interface Selection extends Span {
  readonly attributes: OutputAttribute[] | undefined;
}

export interface Selector extends Selection {
  readonly groupBy: VariableExpression[];
  readonly having: Expression | undefined;
  readonly orderBy: { variable: VariableExpression; descending: boolean }[];
  readonly limit: Expression | undefined;
  readonly offset: Expression | undefined;
}

export type OutputRate =
  | { kind: "events"; type: "all" | "first" | "last"; events: number }
  | { kind: "time"; type: "all" | "first" | "last"; ms: number }
  | { kind: "snapshot"; ms: number };

export interface SetAssignment {
  readonly variable: VariableExpression;
  readonly value: Expression;
}

export type QueryOutput = Span & { eventType: OutputEventType } & (
    | { kind: "insert"; target: string; marker: "" | "#" | "!" }
    | { kind: "delete"; target: string; on: Expression | undefined }
    | { kind: "update" | "updateOrInsert"; target: string; set: SetAssignment[] | undefined; on: Expression }
    | { kind: "return" }
  );

export interface Query extends Span {
  readonly kind: "query";
  readonly annotations: readonly Annotation[];
  readonly input: QueryInput;
  readonly selector: Selector;
  readonly rate: OutputRate | undefined;
  readonly output: QueryOutput;
}

export type PartitionWith =
  | { stream: string; kind: "value"; expression: Expression }
  | { stream: string; kind: "range"; ranges: { condition: Expression; label: string }[] };

export interface Partition extends Span {
  readonly kind: "partition";
  readonly annotations: readonly Annotation[];
  readonly with: PartitionWith[];
  readonly queries: Query[];
}

export interface App extends Span {
  readonly text: string;
  readonly annotations: readonly Annotation[];
  readonly definitions: Definition[];
  readonly elements: (Query | Partition)[];
}

/** An on-demand (store) query. */
export interface OnDemandQuery extends Span {
  readonly kind: "find" | "insert" | "delete" | "update" | "updateOrInsert";
  readonly source:
    | {
        id: string;
        alias: string | undefined;
        on: Expression | undefined;
        within: Expression[] | undefined;
        per: Expression | undefined;
      }
    | undefined;
  readonly selector: Selector | undefined;
  readonly output: QueryOutput | undefined;
}

/** The value of an element, by key (any case) or, without a key, the first unnamed one. */
export function elementOf(annotation: Annotation | undefined, key?: string): string | undefined {
  if (annotation === undefined) return undefined;
  for (const e of annotation.elements) {
    if (key === undefined ? e.key === undefined : e.key?.toLowerCase() === key.toLowerCase()) return e.value;
  }
  return undefined;
}

/** The first annotation of that name, in any case. */
export function annotationOf(annotations: readonly Annotation[], name: string): Annotation | undefined {
  return annotations.find((a) => a.name.toLowerCase() === name.toLowerCase());
}
