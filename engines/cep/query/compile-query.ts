import { CepError } from "../cep-error.ts";
import type { Attribute, Ev } from "../event.ts";
import { annotationOf, elementOf, type Query } from "../parser/ast.ts";
import { rateLimiter } from "../rate-limit/rate-limiter.ts";
import { type Environment, hashOf } from "./environment.ts";
import type { InputPlan } from "./input-plan.ts";
import { type InstanceServices, QueryInstance } from "./instance.ts";
import { compileJoinInput } from "./join-input.ts";
import { type OutputTarget, type QueryCallback, QueryOutput } from "./query-output.ts";
import { compileSelector, Selector } from "./selector.ts";
import { compileSingleInput } from "./single-input.ts";
import { compileStateInput } from "./state-input.ts";
import { describeInputs, type TracedInput } from "./trace.ts";

/** A compiled query, without state: made once, instantiated once or per partition key. */
export interface QueryPlan {
  readonly name: string;
  readonly query: Query;
  readonly output: readonly Attribute[];
  readonly streams: readonly string[];
  readonly callbacks: QueryCallback[];
  /** The events behind an output, for a trace. */
  describe(e: Ev): TracedInput[];
  instantiate(services: InstanceServices, target: OutputTarget | undefined): QueryInstance;
}

/** @throws CepError on everything that is wrong with the query. */
export function compileQuery(query: Query, env: Environment, text: string, index: number): QueryPlan {
  const name = elementOf(annotationOf(query.annotations, "info"), "name") ?? `query_${index}`;
  const { rate, output: outputNode } = query;
  if (rate?.kind === "snapshot" && outputNode.eventType !== "all") {
    throw new CepError("NOT_SUPPORTED", "A snapshot can only insert 'all events'", {
      offset: outputNode.start,
      length: outputNode.end - outputNode.start,
      expected: ["all events"],
    });
  }
  const expectsExpired = outputNode.eventType !== "current";
  const input = compileInput(query, env, expectsExpired, text);
  const selector = compileSelector(query.selector, input.scope, outputNode.eventType);
  const inputSignature = hashOf(input.signature + outputNode.eventType);
  const selectorSignature = hashOf(input.signature + text.slice(query.selector.start, query.selector.end));
  const callbacks: QueryCallback[] = [];
  const context = {
    isGrouped: selector.keyOf !== undefined,
    isWindowed: input.isWindowed,
    aggregatePositions: selector.aggregatePositions,
    width: selector.output.length,
  };
  const plan: InputPlan = { ...input, signature: inputSignature };
  return {
    name,
    query,
    output: selector.output,
    streams: input.streams,
    callbacks,
    describe: (e) => describeInputs(input.scope, e),
    instantiate(services, target) {
      const instance = new QueryInstance(services, index * 1000);
      const output = new QueryOutput(callbacks, target);
      const select = new Selector(selector, output, rate?.kind !== "snapshot");
      plan.instantiate(instance, select, output);
      instance.operator("selector", selectorSignature, () => select);
      if (rate !== undefined) {
        select.next = instance.operator("limiter", hashOf(JSON.stringify(rate) + selectorSignature), () => {
          const limiter = rateLimiter(rate, instance, output, context);
          if (limiter === undefined) throw new CepError("NOT_SUPPORTED", "Unknown output rate");
          return limiter;
        });
      }
      return instance;
    },
  };
}

function compileInput(query: Query, env: Environment, expectsExpired: boolean, text: string): InputPlan {
  const { input } = query;
  switch (input.kind) {
    case "single":
      return compileSingleInput(input, env, expectsExpired, text);
    case "join":
      return compileJoinInput(input, env, expectsExpired, text);
    case "pattern":
    case "sequence":
      return compileStateInput(input, env, text);
    case "anonymous":
      throw new CepError("NOT_SUPPORTED", "An anonymous stream must have been given a name first", {
        offset: input.start,
        length: input.end - input.start,
      });
  }
}
