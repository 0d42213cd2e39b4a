import { CepError } from "../cep-error.ts";
import { compileExpression } from "../expression/compile-expression.ts";
import {
  type AggregationDefinition,
  type Annotation,
  annotationOf,
  type Duration,
  elementOf,
} from "../parser/ast.ts";
import { timeOf } from "../parser/parse-expression.ts";
import { TokenStream } from "../parser/token-stream.ts";
import { AggregatorSet } from "../query/aggregator-set.ts";
import { type Environment, sourceOf } from "../query/environment.ts";
import { compileHandlers, type HandlerPlan } from "../query/handlers.ts";
import { SingleScope } from "../query/scope.ts";
import { compileKey } from "../query/selector.ts";
import type { AggregationPlan } from "./aggregation.ts";
import { durationOf } from "./time-buckets.ts";

const AGGREGATORS = ["avg", "count", "distinctCount", "max", "min", "sum"];
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const DEFAULT_RETENTION: [Duration, number][] = [
  ["seconds", 2 * MINUTE],
  ["minutes", DAY],
  ["hours", 30 * DAY],
  ["days", 366 * DAY],
];
/** What a duration must be kept at the least, so that the next longer one can be made of it. */
const LEAST_RETENTION: Record<Duration, number> = {
  seconds: 2 * MINUTE,
  minutes: 120 * MINUTE,
  hours: 25 * HOUR,
  days: 32 * DAY,
  months: 13 * 30 * DAY,
  years: 0,
};

/** An aggregation's plan, the handlers in front of it, and how often (ms) it is purged. */
export interface CompiledAggregation {
  readonly plan: AggregationPlan;
  readonly handlers: HandlerPlan[];
  readonly stream: string;
  readonly purgeMs: number | undefined;
}

/** @throws CepError on anything wrong with the definition or its annotations. */
export function compileAggregation(node: AggregationDefinition, env: Environment): CompiledAggregation {
  const at = { offset: node.start, length: node.end - node.start };
  const source = sourceOf(env, node.input.id, node.input);
  if (source.kind !== "stream") throw new CepError("NOT_SUPPORTED", "An aggregation reads a stream", at);
  if (node.input.handlers.some((h) => h.kind === "window"))
    throw new CepError("NOT_SUPPORTED", "An aggregation takes no window", at);
  const chain = compileHandlers(node.input, source.attributes, env, false, false);
  const aggregators = new AggregatorSet();
  const scope = new SingleScope(env, {
    id: node.input.id,
    ref: undefined,
    attributes: chain.attributes,
    isMulti: false,
  });
  const timeExpression = node.by === undefined ? undefined : compileExpression(node.by, scope);
  if (timeExpression !== undefined && timeExpression.type !== "long" && timeExpression.type !== "string") {
    throw new CepError("TYPE_MISMATCH", "'aggregate by' takes a long, or a string with a time", {
      ...at,
      expected: ["long", "string"],
    });
  }
  const keyOf = compileKey(node.groupBy, scope);
  scope.aggregators = aggregators;
  const selected =
    node.select.attributes ??
    scope
      .allAttributes()
      .map((v) => ({ name: v.attribute, expression: v, start: node.start, end: node.end }));
  const compiled = selected.map((s) => {
    const e = s.expression;
    if (
      e.kind === "function" &&
      env.registry.aggregator(e.namespace, e.name) !== undefined &&
      !AGGREGATORS.includes(e.name)
    ) {
      throw new CepError("NOT_SUPPORTED", `An aggregation cannot keep '${e.name}'`, {
        offset: e.start,
        length: e.end - e.start,
        expected: AGGREGATORS,
      });
    }
    return compileExpression(e, scope);
  });
  refuseShards(node.annotations, at);
  const purge = purgeOf(annotationOf(node.annotations, "purge"), node.durations, at);
  const plan: AggregationPlan = {
    id: node.id,
    durations: node.durations,
    attributes: [
      { name: "AGG_TIMESTAMP", type: "long" },
      ...selected.map((s, i) => ({ name: s.name, type: compiled[i]?.type ?? "object" })),
    ],
    aggregators,
    fns: compiled.map((c) => c.fn),
    isAggregate: compiled.map((c) => c.hasAggregator === true),
    keyOf,
    timeOf: timeExpression?.type === "string" ? (e) => timeOfText(timeExpression.fn(e)) : timeExpression?.fn,
    retention: purge.retention,
  };
  return { plan, handlers: chain.plans, stream: node.input.id, purgeMs: purge.everyMs };
}

function timeOfText(value: unknown): number {
  const text = String(value).trim();
  const time = Date.parse(
    /[zZ]|[+-]\d\d:\d\d$/.test(text) ? text.replace(" ", "T").replace(" ", "") : `${text.replace(" ", "T")}Z`,
  );
  if (Number.isNaN(time)) throw new CepError("RUNTIME", "The time to aggregate by is no time");
  return time;
}

/** `@PartitionById` spreads an aggregation over servers that share a database: there is none here. */
function refuseShards(annotations: readonly Annotation[], at: { offset: number; length: number }): void {
  const annotation = annotationOf(annotations, "PartitionById");
  if (annotation === undefined || elementOf(annotation, "enable")?.toLowerCase() === "false") return;
  throw new CepError("NOT_SUPPORTED", "@PartitionById: an aggregation lives in one app", {
    ...at,
    suggestion: "leave it out; fleet rules are sharded by partition key",
  });
}

function purgeOf(
  annotation: Annotation | undefined,
  durations: readonly Duration[],
  at: { offset: number; length: number },
): { everyMs: number | undefined; retention: Map<Duration, number> } {
  const retention = new Map(DEFAULT_RETENTION);
  if (annotation === undefined) return { everyMs: 900_000, retention };
  const wrong = (message: string): never => {
    throw new CepError("WRONG_ANNOTATION", message, at);
  };
  const enable = elementOf(annotation, "enable") ?? "true";
  if (!/^(true|false)$/i.test(enable)) wrong("@purge takes enable='true' or 'false'");
  if (enable.toLowerCase() === "false") return { everyMs: undefined, retention };
  const interval = elementOf(annotation, "interval");
  const everyMs = interval === undefined ? 900_000 : timeOf(interval, (t) => new TokenStream(t));
  if (everyMs === undefined) wrong("@purge takes an interval such as '15 min'");
  for (const { key, value } of annotationOf(annotation.annotations, "retentionPeriod")?.elements ?? []) {
    const duration = durationOf(key ?? "");
    if (duration === undefined || !durations.includes(duration))
      return wrong(`@retentionPeriod: this aggregation keeps no '${key}'`);
    const ms = timeOf(value, (t) => new TokenStream(t));
    if (/^all$/i.test(value.trim())) retention.delete(duration);
    else if (ms === undefined) wrong(`'${value}' is no time`);
    else if (ms < LEAST_RETENTION[duration])
      wrong(`@retentionPeriod keeps ${duration} for at least ${LEAST_RETENTION[duration] / MINUTE} min`);
    else retention.set(duration, ms);
  }
  return { everyMs, retention };
}
