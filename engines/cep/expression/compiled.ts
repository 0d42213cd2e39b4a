import { CepError } from "../cep-error.ts";
import type { AttributeType, Ev } from "../event.ts";
import type { Expression, Span, StreamIndex, VariableExpression } from "../parser/ast.ts";

/** An expression turned into a closure: pure in the event, but for aggregates, which read their slot. */
export interface Compiled {
  readonly type: AttributeType;
  readonly fn: (e: Ev) => unknown;
  /** Present when the value is known at compile time. */
  readonly constant?: { readonly value: unknown; readonly isTime: boolean };
  /** Present when it is a plain attribute of input `slot`; nested when the row holds inputs, not attributes. */
  readonly variable?: {
    readonly slot: number;
    readonly index: number;
    readonly name: string;
    readonly isNested: boolean;
  };
  /** True when an aggregator takes part. */
  readonly hasAggregator?: boolean;
  /** Present on a reference to a whole event, as in `eventTimestamp(e1)`. */
  readonly event?: (e: Ev) => Ev | null;
}

/** What an expression may refer to, and the services that functions need. */
export interface Scope {
  variable(node: VariableExpression): Compiled;
  streamIsNull(stream: string, index: StreamIndex | undefined, at: Span): (e: Ev) => boolean;
  inTable(source: string, condition: Expression, at: Span): (e: Ev) => boolean;
  call(node: Expression & { kind: "function" }, args: Compiled[]): Compiled;
  /** All attributes, for `f(*)` and for calls that take them all. */
  allAttributes(): VariableExpression[];
}

/** Reads `isTime` constants and ints alike as milliseconds or counts. */
export function constantNumber(c: Compiled | undefined): number | undefined {
  const value = c?.constant?.value;
  return typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : undefined;
}

/** A constant expression. */
export function constantOf(type: AttributeType, value: unknown, isTime = false): Compiled {
  return { type, fn: () => value, constant: { value, isTime } };
}

/** True for int, long, float and double. */
export function isNumeric(type: AttributeType): boolean {
  return type === "int" || type === "long" || type === "float" || type === "double";
}

/** @throws CepError `TYPE_MISMATCH` */
export function typeError(message: string, at: Span, expected: string[] = []): never {
  throw new CepError("TYPE_MISMATCH", message, { offset: at.start, length: at.end - at.start, expected });
}
