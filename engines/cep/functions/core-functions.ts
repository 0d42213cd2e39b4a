import { CepError } from "../cep-error.ts";
import type { AttributeType, Ev } from "../event.ts";
import type { Compiled } from "../expression/compiled.ts";
import { doubleToInt, doubleToLong, toLong, valueToString } from "../expression/java-number.ts";
import type { FunctionExtension } from "../extension.ts";
import type { Span } from "../parser/ast.ts";

const ANY = ["int", "long", "double", "float", "string", "bool", "object"] as const;
const NUMBERS = ["int", "long", "double", "float"] as const;

function wrong(message: string, at: Span, expected: string[] = []): never {
  throw new CepError("WRONG_PARAMETERS", message, { offset: at.start, length: at.end - at.start, expected });
}

function first(args: Compiled[]): Compiled {
  return args[0] as Compiled; // at least one argument: checked by the overloads
}

function sameType(args: Compiled[], at: Span, name: string): AttributeType {
  const type = first(args).type;
  for (const arg of args)
    if (arg.type !== type)
      wrong(`${name}() takes values of one type, but got ${type} and ${arg.type}`, at, [type]);
  return type;
}

/** `coalesce`, also known as `str:coalesce`. */
export const coalesce: FunctionExtension = {
  kind: "function",
  namespace: "",
  name: "coalesce",
  description: "The first of the values that is not null.",
  parameters: [{ name: "arg", types: ANY, description: "Values of one type.", isDynamic: true }],
  overloads: [["arg", "..."]],
  returns: ANY,
  examples: [{ syntax: "coalesce(a, b, c)", description: "b when a is null and b is not." }],
  compile(args, _context, at) {
    const type = sameType(args, at, "coalesce");
    const fns = args.map((a) => a.fn);
    return {
      type,
      fn: (e) => {
        for (const fn of fns) {
          const value = fn(e);
          if (value !== null && value !== undefined) return value;
        }
        return null;
      },
    };
  },
};

const defaultFunction: FunctionExtension = {
  kind: "function",
  namespace: "",
  name: "default",
  description: "The attribute, or the default when it is null.",
  parameters: [
    { name: "attribute", types: ANY, description: "What may be null.", isDynamic: true },
    { name: "default", types: ANY, description: "What to use then; of the same type.", isDynamic: true },
  ],
  overloads: [["attribute", "default"]],
  returns: ANY,
  examples: [{ syntax: "default(temp, 0.0)", description: "0.0 when temp is null." }],
  compile(args, context, at) {
    return coalesce.compile(args, context, at);
  },
};

const ifThenElse: FunctionExtension = {
  kind: "function",
  namespace: "",
  name: "ifThenElse",
  description: "One of two values, by a condition.",
  parameters: [
    { name: "condition", types: ["bool"], description: "The condition.", isDynamic: true },
    { name: "if.expression", types: ANY, description: "The value when it is true.", isDynamic: true },
    { name: "else.expression", types: ANY, description: "The value when it is not.", isDynamic: true },
  ],
  overloads: [["condition", "if.expression", "else.expression"]],
  returns: ANY,
  examples: [{ syntax: "ifThenElse(price > 70, 'high', 'low')", description: "A word for the price." }],
  compile(args, _context, at) {
    const type = sameType(args.slice(1), at, "ifThenElse");
    const [condition, yes, no] = args.map((a) => a.fn) as [Compiled["fn"], Compiled["fn"], Compiled["fn"]]; // three: checked by the overload
    return {
      type,
      fn: (e) => (condition(e) === true ? yes(e) : no(e)),
      hasAggregator: args.some((a) => a.hasAggregator),
    };
  },
};

function extreme(name: "maximum" | "minimum"): FunctionExtension {
  const isMax = name === "maximum";
  return {
    kind: "function",
    namespace: "",
    name,
    description: `The ${isMax ? "largest" : "smallest"} of the values; nulls are passed over.`,
    parameters: [{ name: "arg", types: NUMBERS, description: "Numbers of one type.", isDynamic: true }],
    overloads: [["arg", "..."]],
    returns: NUMBERS,
    examples: [
      {
        syntax: `${name}(price1, price2, price3)`,
        description: `The ${isMax ? "largest" : "smallest"} of three prices.`,
      },
    ],
    compile(args, _context, at) {
      const type = sameType(args, at, name);
      const fns = args.map((a) => a.fn);
      return {
        type,
        fn: (e) => {
          let best: number | null = null;
          for (const fn of fns) {
            const value = fn(e) as number | null; // numeric: checked by the overload
            if (value !== null && (best === null || (isMax ? value > best : value < best))) best = value;
          }
          return best;
        },
      };
    },
  };
}

const JAVASCRIPT_TYPE: Record<Exclude<AttributeType, "object">, readonly string[]> = {
  int: ["number"],
  long: ["number", "bigint"],
  float: ["number"],
  double: ["number"],
  bool: ["boolean"],
  string: ["string"],
};

function instanceOf(name: string, type: AttributeType, test: (value: unknown) => boolean): FunctionExtension {
  return {
    kind: "function",
    namespace: "",
    name,
    description: `True when the value is a ${type}; null is none.`,
    parameters: [{ name: "arg", types: ANY, description: "The value to test.", isDynamic: true }],
    overloads: [["arg"]],
    returns: ["bool"],
    examples: [{ syntax: `${name}(value)`, description: `True for a ${type}.` }],
    compile(args) {
      const { type: given, fn } = first(args);
      if (given === "object") return { type: "bool", fn: (e) => test(fn(e)) };
      // The declared type decides, but a sender may have put something else into the row.
      const fits = JAVASCRIPT_TYPE[given];
      const isWhole = given === "int" || given === "long";
      const holds = (value: unknown) =>
        fits.includes(typeof value) && (!isWhole || typeof value === "bigint" || Number.isInteger(value));
      return { type: "bool", fn: given === type ? (e) => holds(fn(e)) : () => false };
    },
  };
}

const TYPES: readonly string[] = ["int", "long", "float", "double", "bool", "string", "object"];

function targetType(args: Compiled[], at: Span, name: string, allowObject: boolean): AttributeType {
  const target = args[1]?.constant?.value;
  const type = typeof target === "string" ? target.toLowerCase() : "";
  if (!TYPES.includes(type) || (type === "object" && !allowObject))
    wrong(`${name}() takes a type name as its second parameter`, at, [...TYPES]);
  return type as AttributeType; // checked against TYPES
}

/** Converts a value as Java's parse and value methods do; null when it cannot be. */
export function convertValue(value: unknown, from: AttributeType, to: AttributeType): unknown {
  if (value === null || value === undefined) return null;
  switch (to) {
    case "string":
      return valueToString(value, from);
    case "bool":
      return typeof value === "boolean"
        ? value
        : typeof value === "string"
          ? value.toLowerCase() === "true"
          : Number(value) === 1;
    case "object":
      return value;
    default:
      return convertNumber(value, to);
  }
}

function convertNumber(value: unknown, to: AttributeType): unknown {
  let number: number | bigint;
  if (typeof value === "number" || typeof value === "bigint") number = value;
  else if (typeof value === "boolean") number = value ? 1 : 0;
  else {
    // Java's parsers of whole numbers take no space; those of decimals drop it.
    const isExact = to === "int" || to === "long";
    const text = isExact ? String(value) : String(value).trim();
    const isWhole = /^[-+]?\d+$/.test(text);
    if (!isWhole && (isExact || text === "" || Number.isNaN(Number(text)))) return null;
    number = isWhole && to === "long" ? BigInt(text) : Number(text);
    if (to === "int" && (number > 2147483647 || number < -2147483648)) return null;
  }
  switch (to) {
    case "int":
      return typeof number === "bigint"
        ? Number(BigInt.asIntN(32, number))
        : Number.isInteger(number) && typeof value === "number" && Math.abs(number) > 2147483647
          ? Number(BigInt.asIntN(32, BigInt(number)))
          : doubleToInt(number);
    case "long":
      return typeof number === "bigint" ? toLong(number) : doubleToLong(number);
    case "float":
      return Math.fround(Number(number));
    default:
      return Number(number);
  }
}

const convert: FunctionExtension = {
  kind: "function",
  namespace: "",
  name: "convert",
  description: "Converts a value to another type; null when it cannot be.",
  parameters: [
    { name: "to.be.converted", types: ANY, description: "The value.", isDynamic: true },
    {
      name: "converted.to",
      types: ["string"],
      description: "int, long, double, float, string or bool.",
      isDynamic: true,
    },
  ],
  overloads: [["to.be.converted", "converted.to"]],
  returns: ["int", "long", "double", "float", "string", "bool"],
  examples: [{ syntax: "convert(temp, 'double')", description: "temp as a double." }],
  compile(args, _context, at) {
    const to = targetType(args, at, "convert", false);
    const { fn, type: from } = first(args);
    return {
      type: to,
      fn: (e) => convertValue(fn(e), from, to),
      hasAggregator: first(args).hasAggregator === true,
    };
  },
};

const cast: FunctionExtension = {
  kind: "function",
  namespace: "",
  name: "cast",
  description: "Takes a value as one of another type.",
  parameters: [
    { name: "to.be.caster", types: ANY, description: "The value.", isDynamic: true },
    { name: "cast.to", types: ["string"], description: "The type.", isDynamic: true },
  ],
  overloads: [["to.be.caster", "cast.to"]],
  returns: ANY,
  examples: [{ syntax: "cast(symbol, 'string')", description: "symbol, known to be a string." }],
  compile(args, _context, at) {
    const to = targetType(args, at, "cast", true);
    const { fn } = first(args);
    // As in Siddhi, a cast changes the declared type and leaves the value as it is.
    return { type: to, fn, hasAggregator: first(args).hasAggregator === true };
  },
};

const eventTimestamp: FunctionExtension = {
  kind: "function",
  namespace: "",
  name: "eventTimestamp",
  description: "The timestamp (ms) of the event, or of the named one in a pattern or window expression.",
  parameters: [
    {
      name: "event",
      types: ["object"],
      description: "A reference such as e1 or first.",
      isOptional: true,
      isDynamic: true,
    },
  ],
  overloads: [[], ["event"]],
  returns: ["long"],
  examples: [{ syntax: "eventTimestamp()", description: "When the current event happened." }],
  compile(args) {
    const event = args[0]?.event;
    return event === undefined
      ? { type: "long", fn: (e) => e.ts }
      : { type: "long", fn: (e) => event(e)?.ts ?? null };
  },
};

const createSet: FunctionExtension = {
  kind: "function",
  namespace: "",
  name: "createSet",
  description: "A set that holds the one value.",
  parameters: [
    {
      name: "input",
      types: ["int", "long", "double", "float", "string", "bool"],
      description: "The value.",
      isDynamic: true,
    },
  ],
  overloads: [["input"]],
  returns: ["object"],
  examples: [{ syntax: "createSet(symbol)", description: "A set of one symbol, for unionSet()." }],
  compile: (args) => ({ type: "object", fn: (e: Ev) => new Set([first(args).fn(e)]) }),
};

const sizeOfSet: FunctionExtension = {
  kind: "function",
  namespace: "",
  name: "sizeOfSet",
  description: "The number of values in a set.",
  parameters: [{ name: "set", types: ["object"], description: "The set.", isDynamic: true }],
  overloads: [["set"]],
  returns: ["int"],
  examples: [{ syntax: "sizeOfSet(symbols)", description: "How many symbols there are." }],
  compile: (args) => ({
    type: "int",
    fn: (e) => {
      const set = first(args).fn(e);
      return set instanceof Set ? set.size : null;
    },
  }),
};

const currentTimeMillis: FunctionExtension = {
  kind: "function",
  namespace: "",
  name: "currentTimeMillis",
  description: "The app's time in milliseconds; event time in playback.",
  parameters: [],
  overloads: [[]],
  returns: ["long"],
  examples: [{ syntax: "currentTimeMillis()", description: "Now." }],
  compile: (_args, context) => ({ type: "long", fn: () => context.now() }),
};

const uuid: FunctionExtension = {
  kind: "function",
  namespace: "",
  name: "UUID",
  description: "A unique name in the form of a UUID, the same again when the input is replayed.",
  parameters: [],
  overloads: [[]],
  returns: ["string"],
  examples: [{ syntax: "UUID()", description: "A new name for each event." }],
  compile: (_args, context) => ({ type: "string", fn: () => context.uuid() }),
};

/** The functions without a namespace. */
export const coreFunctions: readonly FunctionExtension[] = [
  coalesce,
  defaultFunction,
  ifThenElse,
  extreme("maximum"),
  extreme("minimum"),
  convert,
  cast,
  eventTimestamp,
  createSet,
  sizeOfSet,
  currentTimeMillis,
  uuid,
  instanceOf("instanceOfBoolean", "bool", (v) => typeof v === "boolean"),
  instanceOf("instanceOfString", "string", (v) => typeof v === "string"),
  instanceOf("instanceOfInteger", "int", (v) => Number.isInteger(v) && Math.abs(v as number) <= 2147483647), // isInteger implies number
  instanceOf("instanceOfLong", "long", (v) => typeof v === "bigint" || Number.isInteger(v)),
  instanceOf(
    "instanceOfFloat",
    "float",
    (v) => typeof v === "number" && !Number.isInteger(v) && Math.fround(v) === v,
  ),
  instanceOf("instanceOfDouble", "double", (v) => typeof v === "number" && !Number.isInteger(v)),
];
