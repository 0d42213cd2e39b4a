import { CepError } from "../cep-error.ts";
import { Ev } from "../event.ts";
import type { SingleInput } from "../parser/ast.ts";
import type { Receiver } from "../runtime/junction.ts";
import type { Processor, Sink } from "../runtime/processor.ts";
import { type Environment, sourceOf } from "./environment.ts";
import { compileHandlers, Expansion, Filter, type HandlerPlan, StreamFunction } from "./handlers.ts";
import type { InputPlan } from "./input-plan.ts";
import type { QueryInstance } from "./instance.ts";
import { SingleScope } from "./scope.ts";

/** Compiles `from S[filter]#function()#window.x()`. */
export function compileSingleInput(
  input: SingleInput,
  env: Environment,
  expectsExpired: boolean,
  text: string,
): InputPlan {
  const source = sourceOf(env, input.id, input);
  if (source.kind === "table" || source.kind === "aggregation") {
    throw new CepError(
      "NOT_SUPPORTED",
      `A query cannot read the ${source.kind} '${input.id}' by itself: join it, or ask on demand`,
      {
        offset: input.start,
        length: input.end - input.start,
      },
    );
  }
  if (source.kind === "window" && input.handlers.some((h) => h.kind === "window")) {
    throw new CepError("NOT_SUPPORTED", `'${input.id}' is a window already`, {
      offset: input.start,
      length: input.end - input.start,
    });
  }
  const chain = compileHandlers(input, source.attributes, env, expectsExpired, false);
  const slot = { id: input.id, ref: input.alias, attributes: chain.attributes, isMulti: false };
  return {
    scope: new SingleScope(env, slot),
    isWindowed: input.handlers.some((h) => h.kind === "window"),
    streams: [input.id],
    signature: text.slice(input.start, input.end) + JSON.stringify(source.attributes),
    instantiate(instance, end) {
      const { tests, rest } = splitFilters(chain.plans);
      const first = linkChain(rest, instance, end, this.signature, "");
      instance.entries.push({ stream: input.id, receiver: entryTo(first, tests) });
    },
  };
}

/** Builds the operators of a chain, from front to back. @returns the first. */
export function linkChain(
  plans: readonly HandlerPlan[],
  instance: QueryInstance,
  end: Sink,
  signature: string,
  prefix: string,
): Sink {
  const processors = plans.map((plan, i): Processor => {
    const path = `${prefix}${i}:${plan.kind}`;
    return instance.operator(path, signature, () =>
      plan.kind === "filter"
        ? new Filter(plan.test)
        : plan.kind === "function"
          ? new StreamFunction(plan.make(instance))
          : plan.kind === "expansion"
            ? new Expansion(plan.expand)
            : plan.make(instance),
    );
  });
  for (let i = 0; i < processors.length; i++) (processors[i] as Processor).next = processors[i + 1] ?? end; // in range
  return processors[0] ?? end;
}

/** Parts the filters at the head, which keep no state and are tested before an event is copied, from the rest. */
export function splitFilters(plans: readonly HandlerPlan[]): { tests: Test[]; rest: readonly HandlerPlan[] } {
  const tests: Test[] = [];
  for (const plan of plans) {
    if (plan.kind !== "filter") break;
    tests.push(plan.test);
  }
  return { tests, rest: plans.slice(tests.length) };
}

type Test = (e: Ev) => unknown;

/** A receiver that copies the events that fit into the query, as operators change their type and time. */
export function entryTo(first: Sink, tests: readonly Test[]): Receiver {
  const [only] = tests;
  if (only === undefined) {
    return {
      receiveOne: (e) => first.processOne(new Ev(e.ts, e.type, e.row)),
      receive: (chunk) => first.process(chunk.map((e) => new Ev(e.ts, e.type, e.row))),
    };
  }
  const test: Test = tests.length === 1 ? only : (e) => tests.every((t) => t(e) === true);
  return {
    receiveOne(e) {
      if (test(e) === true) first.processOne(new Ev(e.ts, e.type, e.row));
    },
    receive(chunk) {
      const copies: Ev[] = [];
      for (const e of chunk) if (test(e) === true) copies.push(new Ev(e.ts, e.type, e.row));
      if (copies.length > 0) first.process(copies);
    },
  };
}
