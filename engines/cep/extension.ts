import { CepError } from "./cep-error.ts";
import type { Attribute, AttributeType, Ev } from "./event.ts";
import type { Compiled } from "./expression/compiled.ts";
import type { Span } from "./parser/ast.ts";
import type { Host } from "./runtime/processor.ts";
import type { WindowFactory, WindowInit } from "./windows/window.ts";

/** One declared parameter. `time` stands for a constant such as `5 sec`. Not dynamic: must be a constant. */
export interface ParameterSpec {
  readonly name: string;
  readonly types: readonly (AttributeType | "time")[];
  readonly description: string;
  readonly isOptional?: boolean;
  readonly isDynamic?: boolean;
  readonly default?: string;
}

export interface ExampleSpec {
  readonly syntax: string;
  readonly description: string;
}

/** What every extension declares; reference pages, validation, completion and hover are made from it. */
export interface ExtensionSpec {
  readonly kind: "function" | "aggregator" | "window" | "stream-function" | "source" | "sink" | "mapper";
  readonly namespace: string;
  readonly name: string;
  readonly description: string;
  readonly parameters: readonly ParameterSpec[];
  /** Accepted calls by parameter name; `...` repeats the parameter before it. Absent: anything goes. */
  readonly overloads?: readonly (readonly string[])[];
  readonly returns: readonly AttributeType[];
  readonly examples: readonly ExampleSpec[];
}

/** Services for functions: the app's clock, and its own sources of unique names and of random numbers. */
export interface FunctionContext {
  now(): number;
  uuid(): string;
  /** The next number of the sequence of a seed, or of the app's own; the same again on replay. */
  random(seed: number | bigint | undefined): number;
}

export interface FunctionExtension extends ExtensionSpec {
  readonly kind: "function";
  compile(args: Compiled[], context: FunctionContext, at: Span): Compiled;
}

/** The running state of one aggregate over one group. */
export interface AggregatorState {
  add(value: unknown): unknown;
  remove(value: unknown): unknown;
  reset(): unknown;
  /** True when it may be dropped without anyone noticing. */
  isEmpty(): boolean;
  save(): unknown;
  load(saved: unknown): void;
}

export interface AggregatorExtension extends ExtensionSpec {
  readonly kind: "aggregator";
  /** `input` makes what the state is given of an event; by default it is the first argument. */
  create(
    args: Compiled[],
    at: Span,
  ): { type: AttributeType; make(): AggregatorState; input?: (e: Ev) => unknown };
}

export interface WindowExtension extends ExtensionSpec {
  readonly kind: "window";
  create(init: WindowInit): WindowFactory;
}

/** A stream function at run time: what to append to an event, or null to drop it. */
export interface StreamFunctionRun {
  apply(e: Ev): unknown[] | null;
  /** Absent when nothing is kept between events. */
  save?(): unknown;
  load?(saved: unknown): void;
  /** Rows kept, as charged to the host. */
  size?(): number;
}

/** A model that the queries of an app share by its name. */
export interface SharedModel {
  readonly learner: { save(): unknown; load(saved: unknown): void };
  readonly features: number;
}

/** What stream functions share in an app. */
export interface StreamFunctionContext {
  readonly models: Map<string, SharedModel>;
  /** Set inside a partition. */
  readonly inner: object | undefined;
}

/**
 * What a call of a stream function adds; with `make` when each running copy keeps something of its own, with `expand`
 * when one event may become several.
 */
export type StreamFunctionPlan = { readonly attributes: Attribute[] } & (
  | { apply(e: Ev): unknown[] | null }
  | { expand(e: Ev): unknown[][] }
  | { make(host: Host): StreamFunctionRun }
);

/** A stream function appends attributes, or drops events by returning null. */
export interface StreamFunctionExtension extends ExtensionSpec {
  readonly kind: "stream-function";
  create(args: Compiled[], at: Span, context: StreamFunctionContext): StreamFunctionPlan;
}

/** Sources, sinks and mappers are only declared here; the shells implement them. */
export interface ConnectorExtension extends ExtensionSpec {
  readonly kind: "source" | "sink" | "mapper";
  /** It has no options but its parameters; a misspelt one is refused. */
  readonly isClosed?: boolean;
}

export type Extension =
  | FunctionExtension
  | AggregatorExtension
  | WindowExtension
  | StreamFunctionExtension
  | ConnectorExtension;

/** `namespace:name`, or the bare name. */
export function fullName(spec: { namespace: string; name: string }): string {
  return spec.namespace === "" ? spec.name : `${spec.namespace}:${spec.name}`;
}

/**
 * Checks a call against the declared overloads, types and constants.
 * @throws CepError `WRONG_PARAMETERS` that names the accepted calls.
 */
export function validateArguments(spec: ExtensionSpec, args: readonly Compiled[], at: Span): void {
  if (spec.overloads === undefined) return;
  if (spec.overloads.some((overload) => matches(spec, overload, args))) return;
  const accepted = spec.overloads.map((overload) => `${fullName(spec)}(${overload.join(", ")})`);
  const given = args.map((a) => a.type).join(", ");
  const offset = "at" in at ? 0 : at.start;
  throw new CepError("WRONG_PARAMETERS", `${fullName(spec)}(${given}) fits none of: ${accepted.join("; ")}`, {
    offset,
    length: at.end - at.start,
    expected: accepted,
  });
}

function matches(spec: ExtensionSpec, overload: readonly string[], args: readonly Compiled[]): boolean {
  const repeatAt = overload.indexOf("...");
  if (repeatAt < 0 && overload.length !== args.length) return false;
  if (repeatAt >= 0 && args.length < repeatAt) return false;
  return args.every((arg, i) => {
    const name = repeatAt >= 0 && i >= repeatAt ? overload[repeatAt - 1] : overload[i];
    const parameter = spec.parameters.find((p) => p.name === name);
    if (parameter === undefined) return repeatAt >= 0;
    if (parameter.isDynamic !== true && arg.constant === undefined) return false;
    if (arg.constant?.isTime === true)
      return parameter.types.includes("time") || parameter.types.includes("long");
    return parameter.types.includes(arg.type);
  });
}
