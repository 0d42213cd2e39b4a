import { CepError } from "../cep-error.ts";
import { type Attribute, Ev } from "../event.ts";
import { compileCondition } from "../expression/compile-expression.ts";
import type { Expression, SingleInput, StateElement, StateInput, StreamHandler } from "../parser/ast.ts";
import type { ElementPlan, Prepare } from "../pattern/pattern-plan.ts";
import { PatternRuntime } from "../pattern/pattern-runtime.ts";
import type { StateFilter } from "../pattern/pre-state.ts";
import { type Environment, sourceOf } from "./environment.ts";
import { compileStreamFunction } from "./handlers.ts";
import type { InputPlan } from "./input-plan.ts";
import { type InputSlot, SingleScope, StateScope } from "./scope.ts";

interface MutableSlot extends InputSlot {
  readonly input: SingleInput;
}

/** Compiles a pattern or a sequence. */
export function compileStateInput(input: StateInput, env: Environment, text: string): InputPlan {
  const slots: MutableSlot[] = [];
  const numbered = number(orderHalves(input.element), slots, env, false);
  const element = withFilters(numbered, slots, env);
  const streams = [...new Set(slots.map((s) => s.id))];
  const scope = new StateScope(env, slots);
  return {
    scope,
    isWindowed: false,
    streams,
    signature: text.slice(input.start, input.end) + JSON.stringify(slots.map((s) => s.attributes)),
    instantiate(instance, selector, output) {
      const plan = { type: input.kind, element, width: slots.length, withinMs: input.withinMs };
      const runtime = instance.operator("pattern", this.signature, () => new PatternRuntime(plan, instance));
      runtime.next = selector;
      runtime.held = output;
      for (const stream of streams) instance.entries.push({ stream, receiver: runtime.receiverFor(stream) });
    },
  };
}

/** Of two halves the absent one comes first, as Siddhi builds them. */
function orderHalves(element: StateElement): StateElement {
  switch (element.kind) {
    case "logical":
      return element.right.kind === "absent" && element.left.kind !== "absent"
        ? { ...element, left: element.right, right: element.left }
        : element;
    case "next":
      return { ...element, left: orderHalves(element.left), right: orderHalves(element.right) };
    case "every":
      return { ...element, inner: orderHalves(element.inner) };
    default:
      return element;
  }
}

type Numbered = ElementPlan;

/** Gives each state its slot: of two halves the second first. Filters follow once all slots are known. */
function number(element: StateElement, slots: MutableSlot[], env: Environment, isMulti: boolean): Numbered {
  switch (element.kind) {
    case "state":
    case "absent": {
      const slot = slots.length;
      const source = sourceOf(env, element.input.id, element.input);
      if (source.kind !== "stream" && source.kind !== "window") {
        throw new CepError(
          "NOT_SUPPORTED",
          `A pattern cannot wait for the ${source.kind} '${element.input.id}'`,
          { offset: element.start, length: element.end - element.start },
        );
      }
      const { attributes, prepare } = prepareOf(element.input, source.attributes, env);
      slots.push({
        id: element.input.id,
        ref: element.input.alias,
        attributes,
        isMulti,
        input: element.input,
      });
      const base = { slot, stream: element.input.id, filter: undefined, prepare };
      return element.kind === "state"
        ? { kind: "state", ...base }
        : { kind: "absent", ...base, forMs: element.forMs };
    }
    case "count": {
      const state = number(element.state, slots, env, true);
      return {
        kind: "count",
        state: state as ElementPlan & { kind: "state" },
        min: element.min,
        max: element.max,
      }; // a count holds a state
    }
    case "logical": {
      const second = number(element.right, slots, env, false) as ElementPlan & { kind: "state" | "absent" }; // checked by the parser
      const first = number(element.left, slots, env, false) as ElementPlan & { kind: "state" | "absent" }; // checked by the parser
      return { kind: "logical", op: element.op, first, second };
    }
    case "next": {
      const left = number(element.left, slots, env, false);
      return { kind: "next", left, right: number(element.right, slots, env, false) };
    }
    case "every":
      return { kind: "every", inner: number(element.inner, slots, env, false) };
  }
}

function prepareOf(
  input: SingleInput,
  attributes: readonly Attribute[],
  env: Environment,
): { attributes: readonly Attribute[]; prepare: Prepare | undefined } {
  const functions = input.handlers.filter(
    (h): h is StreamHandler & { kind: "function" } => h.kind === "function",
  );
  let current = attributes;
  let prepare: Prepare | undefined;
  for (const handler of functions) {
    const made = compileStreamFunction(
      handler,
      new SingleScope(env, { id: input.id, ref: input.alias, attributes: current, isMulti: false }),
      env,
    );
    if ("make" in made || "expand" in made)
      throw new CepError(
        "NOT_SUPPORTED",
        `${handler.call.name}() ${"make" in made ? "keeps state" : "makes several events of one"}, which a pattern's input cannot`,
        {
          offset: handler.start,
          length: handler.end - handler.start,
          suggestion: "apply it in a query of its own before",
        },
      );
    current = [...current, ...made.attributes];
    const before = prepare;
    prepare = (e) => {
      const given = before === undefined ? e : before(e);
      const added = given === null ? null : made.apply(given);
      return given === null || added === null ? null : new Ev(given.ts, given.type, [...given.row, ...added]);
    };
  }
  return { attributes: current, prepare };
}

function withFilters(element: Numbered, slots: readonly MutableSlot[], env: Environment): ElementPlan {
  switch (element.kind) {
    case "state":
    case "absent":
      return { ...element, filter: filterOf(element.slot, slots, env) };
    case "count":
      return { ...element, state: { ...element.state, filter: filterOf(element.state.slot, slots, env) } };
    case "logical":
      return {
        ...element,
        first: { ...element.first, filter: filterOf(element.first.slot, slots, env) },
        second: { ...element.second, filter: filterOf(element.second.slot, slots, env) },
      };
    case "next":
      return {
        ...element,
        left: withFilters(element.left, slots, env),
        right: withFilters(element.right, slots, env),
      };
    case "every":
      return { ...element, inner: withFilters(element.inner, slots, env) };
  }
}

/**
 * Parts the conditions of a state: what reads nothing but the event itself is tested once per event, the rest once
 * per partial match.
 */
function filterOf(slot: number, slots: readonly MutableSlot[], env: Environment): StateFilter | undefined {
  const input = slots[slot]?.input;
  const conditions = (input?.handlers ?? []).flatMap((h) =>
    h.kind === "filter" ? conjuncts(h.condition) : [],
  );
  const own = slots[slot];
  if (conditions.length === 0 || own === undefined) return undefined;
  const guards: Test[] = [];
  const tests: Test[] = [];
  for (const c of conditions) {
    const test = compileCondition(c, new StateScope(env, slots, slot)).fn;
    if (readsOnlyEvent(c, own))
      guards.push(compileCondition(withoutStream(c), new SingleScope(env, { ...own, isMulti: false })).fn);
    else tests.push(test);
  }
  return { guard: all(guards), test: all(tests) };
}

type Test = (e: Ev) => unknown;

function all(tests: readonly Test[]): Test | undefined {
  const [a, b] = tests;
  if (a === undefined) return undefined;
  if (b === undefined) return a;
  if (tests.length === 2) return (e) => a(e) === true && b(e) === true;
  return (e) => tests.every((t) => t(e) === true);
}

function conjuncts(node: Expression): Expression[] {
  return node.kind === "and" ? [...conjuncts(node.left), ...conjuncts(node.right)] : [node];
}

function readsOnlyEvent(node: Expression, own: InputSlot): boolean {
  switch (node.kind) {
    case "constant":
      return true;
    case "variable":
      return (
        node.index === undefined &&
        (node.stream === undefined
          ? own.attributes.some((a) => a.name === node.attribute)
          : node.marker + node.stream === (own.ref ?? own.id))
      );
    case "math":
    case "compare":
    case "and":
    case "or":
      return readsOnlyEvent(node.left, own) && readsOnlyEvent(node.right, own);
    case "not":
      return readsOnlyEvent(node.operand, own);
    default:
      return false;
  }
}

/** The same condition over the event alone, its stream's name taken off. */
function withoutStream(node: Expression): Expression {
  switch (node.kind) {
    case "variable":
      return { ...node, stream: undefined, marker: "" };
    case "math":
    case "compare":
    case "and":
    case "or":
      return { ...node, left: withoutStream(node.left), right: withoutStream(node.right) };
    case "not":
      return { ...node, operand: withoutStream(node.operand) };
    default:
      return node;
  }
}
