import { CepError } from "../cep-error.ts";
import type { AttributeType, Ev } from "../event.ts";
import type { Compiled } from "../expression/compiled.ts";
import type { FunctionContext, FunctionExtension, ParameterSpec } from "../extension.ts";
import type { Span } from "../parser/ast.ts";

const TYPE_LETTERS: Record<string, readonly AttributeType[]> = {
  s: ["string"],
  i: ["int"],
  l: ["long"],
  w: ["int", "long"],
  f: ["float"],
  d: ["double"],
  n: ["int", "long", "float", "double"],
  b: ["bool"],
  o: ["object"],
  v: ["string", "int", "long", "double", "float", "bool"],
  a: ["int", "long", "float", "double", "string", "bool", "object"],
};

/** One call of a function, as it stands in the app's text. */
export interface Call {
  readonly name: string;
  readonly args: readonly Compiled[];
  readonly context: FunctionContext;
  readonly at: Span;
}

/** One form of a function: its result, and what works it out. Values are as the form's parameters declare them. */
export interface Form {
  readonly returns?: AttributeType;
  /** Looks at constants once; throws CepError `WRONG_PARAMETERS` when they are wrong. */
  readonly bind: (call: Call) => (...values: never[]) => unknown;
}

export interface FunctionSketch {
  /** `namespace:name`. */
  readonly name: string;
  readonly description: string;
  readonly returns: AttributeType;
  /**
   * The forms by their parameters, like `input.string:s begin.index:i`: name, then string, int, long, whole (int or
   * long), float, double, number, bool, object, value (all but object) or any. `!` behind the letter: a constant only;
   * `...` at the end: the last one again, any number of times.
   */
  readonly forms: Readonly<Record<string, Form | ((...values: never[]) => unknown)>>;
  /** What a null argument does: makes the result null, fails the event, or is handed on. */
  readonly nulls: "null" | "fail" | "given";
  readonly meanings?: Readonly<Record<string, string>>;
  readonly example: string;
}

interface Signature {
  readonly parameters: readonly ParameterSpec[];
  readonly names: readonly string[];
  readonly form: Form;
}

/** What a function throws for an event it cannot work on; the event then goes to the stream's fault handling. */
export function fail(name: string, why: string): never {
  throw new CepError("RUNTIME", `${name}(): ${why}`);
}

/** What a function throws for a call that can never work. */
export function refuseCall({ name, at }: Call, why: string, expected: string[] = []): never {
  throw new CepError("WRONG_PARAMETERS", `${name}(): ${why}`, {
    offset: at.start,
    length: at.end - at.start,
    expected,
  });
}

function parse(text: string, form: Form | ((...values: never[]) => unknown), s: FunctionSketch): Signature {
  const words = text.split(" ").filter(Boolean);
  const parameters = words
    .filter((word) => word !== "...")
    .map((word): ParameterSpec => {
      const [name = "", type = "a"] = word.split(":");
      return {
        name,
        types: TYPE_LETTERS[type.replace("!", "")] ?? [],
        description: s.meanings?.[name] ?? `The ${name.replaceAll(".", " ")}.`,
        isDynamic: !type.endsWith("!"),
      };
    });
  const names = [...parameters.map((p) => p.name), ...(words.at(-1) === "..." ? ["..."] : [])];
  return { parameters, names, form: typeof form === "function" ? { bind: () => form } : form };
}

function fits({ parameters, names }: Signature, args: readonly Compiled[]): boolean {
  const repeats = names.at(-1) === "...";
  if (repeats ? args.length < parameters.length : args.length !== parameters.length) return false;
  return args.every((arg, i) => (parameters[i] ?? parameters.at(-1))?.types.includes(arg.type) === true);
}

/** The parameters of all forms; one that stands in several takes the types of all of them. */
function parametersOf(signatures: readonly Signature[]): ParameterSpec[] {
  const byName = new Map<string, ParameterSpec>();
  for (const p of signatures.flatMap((s) => s.parameters)) {
    const types = new Set([...(byName.get(p.name)?.types ?? []), ...p.types]);
    const isOptional = !signatures.every((s) => s.names.includes(p.name));
    byName.set(p.name, { ...p, types: [...types], ...(isOptional ? { isOptional } : {}) });
  }
  return [...byName.values()];
}

/** Declares a function over plain values from its forms. */
export function defineFunction(sketch: FunctionSketch): FunctionExtension {
  const [namespace = "", bare = ""] = sketch.name.split(":");
  const signatures = Object.entries(sketch.forms).map(([text, form]) => parse(text, form, sketch));
  const parameters = parametersOf(signatures);
  const overloads = signatures.map((s) => s.names);
  return {
    kind: "function",
    namespace,
    name: bare,
    description: sketch.description,
    parameters,
    // Forms that differ only by type are one call.
    overloads: overloads.filter((a, i) => overloads.findIndex((b) => a.join() === b.join()) === i),
    returns: [...new Set(signatures.map((s) => s.form.returns ?? sketch.returns))],
    examples: [{ syntax: sketch.example.split(" -> ")[0] ?? "", description: exampleText(sketch) }],
    compile(args, context, at) {
      const call: Call = { name: sketch.name, args, context, at };
      const found = signatures.find((s) => fits(s, args));
      if (found === undefined) return refuseCall(call, "these types are not taken together");
      return {
        type: found.form.returns ?? sketch.returns,
        hasAggregator: args.some((a) => a.hasAggregator === true),
        fn: evaluate(call, sketch.nulls, found.form.bind(call)),
      };
    },
  };
}

function exampleText({ example, description }: FunctionSketch): string {
  const [, result] = example.split(" -> ");
  return result === undefined ? description : `It is ${result}.`;
}

function evaluate(
  { name, args }: Call,
  nulls: FunctionSketch["nulls"],
  apply: (...values: never[]) => unknown,
): (e: Ev) => unknown {
  const fns = args.map((a) => a.fn);
  return (e) => {
    const values: unknown[] = [];
    for (let i = 0; i < fns.length; i++) {
      const value = fns[i]?.(e) ?? null;
      if (value === null && nulls === "null") return null;
      if (value === null && nulls === "fail") fail(name, `argument ${i + 1} is null`);
      values.push(value);
    }
    return apply(...(values as never[])) ?? null; // types are checked by the overloads
  };
}
