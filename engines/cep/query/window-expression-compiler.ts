import { CepError } from "../cep-error.ts";
import { type Attribute, CURRENT, Ev, type EventType, EXPIRED } from "../event.ts";
import { compileExpression } from "../expression/compile-expression.ts";
import type { Compiled } from "../expression/compiled.ts";
import type { AggregatorState } from "../extension.ts";
import type { VariableExpression } from "../parser/ast.ts";
import { parseExpressionText } from "../parser/parse-app.ts";
import type { RunningExpression, WindowExpression } from "../windows/window-expression.ts";
import { AggregatorSet } from "./aggregator-set.ts";
import type { CompileContext } from "./context.ts";
import { StateScope } from "./scope.ts";

/** The window's event, the first and the last: unqualified names mean the event. */
class WindowScope extends StateScope {
  override variable(node: VariableExpression): Compiled {
    if (node.stream === undefined && node.attribute !== "first" && node.attribute !== "last") {
      return super.variable({ ...node, stream: "event" });
    }
    return super.variable(node);
  }
}

/** Compiles the text of an expression window. @throws CepError `TYPE_MISMATCH` unless it is a bool. */
export function compileWindowExpression(
  text: string,
  attributes: readonly Attribute[],
  context: CompileContext,
): WindowExpression {
  const aggregators = new AggregatorSet();
  const slots = ["event", "first", "last"].map((ref) => ({ id: ref, ref, attributes, isMulti: false }));
  const compiled = compileExpression(
    parseExpressionText(text),
    new WindowScope(context, slots, undefined, aggregators),
  );
  if (compiled.type !== "bool")
    throw new CepError("TYPE_MISMATCH", `The window's expression is ${compiled.type}, not bool`, {
      expected: ["bool"],
    });
  return { text, make: () => new Running(aggregators, compiled.fn) };
}

class Running implements RunningExpression {
  readonly #set: AggregatorSet;
  readonly #fn: (e: Ev) => unknown;
  #states: AggregatorState[];

  constructor(set: AggregatorSet, fn: (e: Ev) => unknown) {
    this.#set = set;
    this.#fn = fn;
    this.#states = set.makers.map((make) => make());
  }

  evaluate(type: EventType, event: Ev, first: Ev, last: Ev): boolean {
    const state = new Ev(event.ts, type, [event, first, last]);
    this.#states.forEach((s, i) => {
      const value = this.#set.args[i]?.(state);
      this.#set.slots[i] = type === CURRENT ? s.add(value) : type === EXPIRED ? s.remove(value) : s.reset();
    });
    return this.#fn(state) === true;
  }

  save(): unknown {
    return this.#states.map((s) => s.save());
  }
  load(saved: unknown[]): void {
    for (const [i, s] of this.#states.entries()) s.load(saved[i]);
  }
}
