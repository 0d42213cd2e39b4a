import { CepError, placed } from "../cep-error.ts";
import { type Attribute, Ev } from "../event.ts";
import { compileCondition, compileExpression } from "../expression/compile-expression.ts";
import type { Compiled } from "../expression/compiled.ts";
import { type StreamFunctionPlan, type StreamFunctionRun, validateArguments } from "../extension.ts";
import type { FunctionCall, SingleInput, StreamHandler } from "../parser/ast.ts";
import { type Host, Processor } from "../runtime/processor.ts";
import type { WindowFactory } from "../windows/window.ts";
import type { Environment } from "./environment.ts";
import { SingleScope } from "./scope.ts";

/** A compiled handler: filter, stream function or window. */
export type HandlerPlan =
  | { kind: "filter"; test: (e: Ev) => unknown }
  | { kind: "function"; make: (host: Host) => StreamFunctionRun }
  | { kind: "expansion"; expand: (e: Ev) => unknown[][] }
  | { kind: "window"; name: string; make: WindowFactory };

/** The handlers of an input, and the attributes behind them. */
export interface HandlerChain {
  readonly plans: HandlerPlan[];
  readonly attributes: readonly Attribute[];
}

/** @throws CepError from the expressions and extensions of the handlers. */
export function compileHandlers(
  input: SingleInput,
  attributes: readonly Attribute[],
  env: Environment,
  expectsExpired: boolean,
  isFindable: boolean,
): HandlerChain {
  let current = attributes;
  const scope = () =>
    new SingleScope(env, { id: input.id, ref: input.alias, attributes: current, isMulti: false });
  const plans = input.handlers.map((handler): HandlerPlan => {
    if (handler.kind === "filter")
      return { kind: "filter", test: compileCondition(handler.condition, scope()).fn };
    if (handler.kind === "window")
      return {
        kind: "window",
        name: handler.call.name,
        make: compileWindow(handler.call, scope(), env, expectsExpired, isFindable),
      };
    const made = compileStreamFunction(handler, scope(), env);
    current = [...current, ...made.attributes];
    if ("expand" in made) return { kind: "expansion", expand: made.expand };
    return { kind: "function", make: (host) => ("make" in made ? made.make(host) : made) };
  });
  return { plans, attributes: current };
}

function compileArgs(call: FunctionCall, scope: SingleScope): Compiled[] {
  const nodes = call.isStar ? scope.allAttributes() : call.args;
  return nodes.map((a) => compileExpression(a, scope));
}

/** Compiles a window call over a stream's or a definition's attributes. */
export function compileWindow(
  call: FunctionCall,
  scope: SingleScope,
  env: Environment,
  expectsExpired: boolean,
  isFindable: boolean,
): WindowFactory {
  const extension = env.registry.window(call.namespace, call.name, call);
  const args = compileArgs(call, scope);
  validateArguments(extension, args, call);
  const { attributes } = scope.slot;
  return placed(call, () =>
    extension.create({
      args,
      attributes,
      expectsExpired,
      isFindable,
      at: call,
      compileText: (text) => env.compileWindowExpression(text, attributes),
    }),
  );
}

/** Compiles a `#name(…)` handler. @throws CepError `DUPLICATE_ATTRIBUTE` when it adds a name there is already. */
export function compileStreamFunction(
  handler: StreamHandler & { kind: "function" },
  scope: SingleScope,
  env: Environment,
): StreamFunctionPlan {
  const extension = env.registry.streamFunction(handler.call.namespace, handler.call.name, handler.call);
  const args = compileArgs(handler.call, scope);
  validateArguments(extension, args, handler.call);
  const made = placed(handler.call, () => extension.create(args, handler.call, env));
  const clash = made.attributes.find((a) => scope.slot.attributes.some((b) => b.name === a.name));
  if (clash !== undefined) {
    throw new CepError(
      "DUPLICATE_ATTRIBUTE",
      `${handler.call.name}() adds '${clash.name}', which is there already`,
      { offset: handler.start, length: handler.end - handler.start },
    );
  }
  return made;
}

/** Passes the events that fit. */
export class Filter extends Processor {
  readonly #test: (e: Ev) => unknown;
  constructor(test: (e: Ev) => unknown) {
    super();
    this.#test = test;
  }
  override processOne(e: Ev): void {
    if (this.#test(e) === true) this.next.processOne(e);
  }
  process(chunk: Ev[]): void {
    const out = chunk.filter((e) => this.#test(e) === true);
    if (out.length > 0) this.next.process(out);
  }
}

/** Appends what a stream function makes. */
export class StreamFunction extends Processor {
  readonly #run: StreamFunctionRun;
  constructor(run: StreamFunctionRun) {
    super();
    this.#run = run;
  }
  process(chunk: Ev[]): void {
    const out: Ev[] = [];
    for (const e of chunk) {
      const added = this.#run.apply(e);
      if (added !== null) out.push(added.length === 0 ? e : new Ev(e.ts, e.type, [...e.row, ...added]));
    }
    if (out.length > 0) this.next.process(out);
  }
  override heldRows(): number {
    return this.#run.size?.() ?? 0;
  }
  override save(): unknown {
    return this.#run.save?.();
  }
  override load(saved: unknown): void {
    if (saved !== undefined) this.#run.load?.(saved);
  }
}

/** Makes several events of one, or none; each goes on by itself. */
export class Expansion extends Processor {
  readonly #expand: (e: Ev) => unknown[][];
  constructor(expand: (e: Ev) => unknown[][]) {
    super();
    this.#expand = expand;
  }
  process(chunk: Ev[]): void {
    for (const e of chunk)
      for (const added of this.#expand(e)) this.next.process([new Ev(e.ts, e.type, [...e.row, ...added])]);
  }
}
