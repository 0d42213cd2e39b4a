import type { AttributeType, Ev } from "../event.ts";
import type { FunctionExtension, ParameterSpec } from "../extension.ts";

const TYPE_WORDS: Record<string, readonly AttributeType[]> = {
  s: ["string"],
  n: ["int", "long", "float", "double"],
  i: ["int", "long"],
  b: ["bool"],
  a: ["int", "long", "float", "double", "string", "bool", "object"],
};

/**
 * Declares a function over plain values. `signature` is like `text:s from:i to:i?`: names with s(tring), n(umber),
 * i(nteger), b(ool) or a(ny). A null argument makes the result null.
 */
function define(
  name: string,
  signature: string,
  returns: AttributeType,
  description: string,
  apply: (...values: never[]) => unknown,
): FunctionExtension {
  const [namespace = "", bare = ""] = name.split(":");
  const parameters: ParameterSpec[] = signature
    .split(" ")
    .filter(Boolean)
    .map((word) => {
      const [parameter = "", type = "a"] = word.split(":");
      return {
        name: parameter,
        types: TYPE_WORDS[type.replace("?", "")] ?? ["object"],
        description: parameter,
        isDynamic: true,
        isOptional: type.endsWith("?"),
      };
    });
  const names = parameters.map((p) => p.name);
  const required = parameters.filter((p) => p.isOptional !== true).length;
  const overloads = Array.from({ length: names.length - required + 1 }, (_, i) =>
    names.slice(0, required + i),
  );
  return {
    kind: "function",
    namespace,
    name: bare,
    description,
    parameters,
    overloads,
    returns: [returns],
    examples: [{ syntax: `${name}(${names.join(", ")})`, description }],
    compile(args) {
      const fns = args.map((a) => a.fn);
      return {
        type: returns,
        hasAggregator: args.some((a) => a.hasAggregator === true),
        fn: (e: Ev) => {
          const values: unknown[] = [];
          for (const fn of fns) {
            const value = fn(e);
            if (value === null || value === undefined) return null;
            values.push(value);
          }
          return apply(...(values as never[])) ?? null; // types are checked by the overloads
        },
      };
    },
  };
}

const num = (x: number | bigint): number => Number(x);
const EARTH_METRES = 6_371_000;

function haversine(lat1: number, lon1: number, lat2: number, lon2: number): number {
  const rad = Math.PI / 180;
  const a =
    Math.sin(((lat2 - lat1) * rad) / 2) ** 2 +
    Math.cos(lat1 * rad) * Math.cos(lat2 * rad) * Math.sin(((lon2 - lon1) * rad) / 2) ** 2;
  return 2 * EARTH_METRES * Math.asin(Math.sqrt(a));
}

const PARTS: Record<string, (date: Date) => number> = {
  year: (d) => d.getUTCFullYear(),
  month: (d) => d.getUTCMonth() + 1,
  day: (d) => d.getUTCDate(),
  hour: (d) => d.getUTCHours(),
  minute: (d) => d.getUTCMinutes(),
  second: (d) => d.getUTCSeconds(),
  weekday: (d) => ((d.getUTCDay() + 6) % 7) + 1,
};

const text: FunctionExtension[] = [
  define("str:length", "text:s", "int", "The number of characters.", (s: string) => s.length),
  define("str:upper", "text:s", "string", "The text in capitals.", (s: string) => s.toUpperCase()),
  define("str:lower", "text:s", "string", "The text in small letters.", (s: string) => s.toLowerCase()),
  define("str:trim", "text:s", "string", "The text without blanks at its ends.", (s: string) => s.trim()),
  define("str:reverse", "text:s", "string", "The text backwards.", (s: string) => [...s].reverse().join("")),
  define(
    "str:substr",
    "text:s from:i length:i?",
    "string",
    "A part of the text, from 0.",
    (s: string, from: number, length?: number) =>
      s.slice(from, length === undefined ? undefined : from + length),
  ),
  define(
    "str:contains",
    "text:s part:s",
    "bool",
    "True when the part is in the text.",
    (s: string, part: string) => s.includes(part),
  ),
  define(
    "str:startsWith",
    "text:s part:s",
    "bool",
    "True when the text starts so.",
    (s: string, part: string) => s.startsWith(part),
  ),
  define("str:endsWith", "text:s part:s", "bool", "True when the text ends so.", (s: string, part: string) =>
    s.endsWith(part),
  ),
  define(
    "str:equalsIgnoreCase",
    "a:s b:s",
    "bool",
    "True when they differ at most in case.",
    (a: string, b: string) => a.toLowerCase() === b.toLowerCase(),
  ),
  define("str:strcmp", "a:s b:s", "int", "-1, 0 or 1 by order.", (a: string, b: string) =>
    a < b ? -1 : a > b ? 1 : 0,
  ),
  define(
    "str:replaceAll",
    "text:s part:s by:s",
    "string",
    "The text with every part replaced.",
    (s: string, part: string, by: string) => s.replaceAll(part, by),
  ),
  define("str:indexOf", "text:s part:s", "int", "Where the part starts, or -1.", (s: string, part: string) =>
    s.indexOf(part),
  ),
  define("str:charAt", "text:s at:i", "string", "The character there.", (s: string, at: number) =>
    s.charAt(at),
  ),
  define("str:repeat", "text:s times:i", "string", "The text repeated.", (s: string, times: number) =>
    s.repeat(Math.min(times, 1000)),
  ),
  define(
    "str:split",
    "text:s by:s at:i",
    "string",
    "One part of the text, from 0.",
    (s: string, by: string, at: number) => s.split(by)[at],
  ),
  define(
    "str:concat",
    "a:a b:a c:a? d:a? e:a?",
    "string",
    "The values put together.",
    (...parts: unknown[]) => parts.map(String).join(""),
  ),
];

const maths: FunctionExtension[] = [
  ...(
    [
      "abs",
      "sqrt",
      "cbrt",
      "exp",
      "sin",
      "cos",
      "tan",
      "asin",
      "acos",
      "atan",
      "sinh",
      "cosh",
      "tanh",
      "floor",
      "ceil",
      "log10",
      "log2",
    ] as const
  ).map((f) => define(`math:${f}`, "x:n", "double", `The ${f} of x.`, (x: number) => Math[f](num(x)))),
  define("math:ln", "x:n", "double", "The natural logarithm of x.", (x: number) => Math.log(num(x))),
  define(
    "math:log",
    "x:n base:n",
    "double",
    "The logarithm of x to a base.",
    (x: number, base: number) => Math.log(num(x)) / Math.log(num(base)),
  ),
  define(
    "math:power",
    "x:n y:n",
    "double",
    "x to the power of y.",
    (x: number, y: number) => num(x) ** num(y),
  ),
  define(
    "math:round",
    "x:n digits:i?",
    "double",
    "x rounded, half up.",
    (x: number, digits = 0) => Math.round(num(x) * 10 ** num(digits)) / 10 ** num(digits),
  ),
  define("math:signum", "x:n", "int", "-1, 0 or 1 by sign.", (x: number) => Math.sign(num(x))),
  define("math:e", "", "double", "Euler's number.", () => Math.E),
  define("math:pi", "", "double", "Pi.", () => Math.PI),
  define("math:toDegrees", "x:n", "double", "Radians in degrees.", (x: number) => (num(x) * 180) / Math.PI),
  define("math:toRadians", "x:n", "double", "Degrees in radians.", (x: number) => (num(x) * Math.PI) / 180),
  define("math:isNan", "x:n", "bool", "True when x is not a number.", (x: number) => Number.isNaN(num(x))),
  define(
    "math:isInfinite",
    "x:n",
    "bool",
    "True when x is infinite.",
    (x: number) => Math.abs(num(x)) === Number.POSITIVE_INFINITY,
  ),
  define("math:parseInt", "text:s", "int", "The whole number in the text.", (s: string) =>
    /^[-+]?\d+$/.test(s.trim()) ? Number(s) : null,
  ),
  define("math:parseDouble", "text:s", "double", "The number in the text.", (s: string) =>
    s.trim() === "" || Number.isNaN(Number(s)) ? null : Number(s),
  ),
  define(
    "math:percentile",
    "value:n low:n high:n",
    "double",
    "Where the value stands between low (0) and high (100).",
    (v: number, low: number, high: number) =>
      num(high) === num(low) ? null : (100 * (num(v) - num(low))) / (num(high) - num(low)),
  ),
];

const time: FunctionExtension[] = [
  define(
    "time:extract",
    "unit:s timestamp:i",
    "int",
    "A part of a UTC time: year, month, day, hour, minute, second or weekday (1 is Monday).",
    (unit: string, ms: number) => PARTS[unit.toLowerCase()]?.(new Date(num(ms))) ?? null,
  ),
  define("time:date", "timestamp:i", "string", "The UTC day as yyyy-MM-dd.", (ms: number) =>
    new Date(num(ms)).toISOString().slice(0, 10),
  ),
  define("time:dateFormat", "timestamp:i", "string", "The UTC time as ISO 8601.", (ms: number) =>
    new Date(num(ms)).toISOString(),
  ),
  define(
    "time:timestampInMilliseconds",
    "text:s",
    "long",
    "The time (ms) of an ISO 8601 text.",
    (s: string) => (Number.isNaN(Date.parse(s)) ? null : Date.parse(s)),
  ),
  define(
    "time:startOfDay",
    "timestamp:i",
    "long",
    "Midnight (UTC) before the time.",
    (ms: number) => num(ms) - (num(ms) % 86_400_000),
  ),
];

const geo: FunctionExtension[] = [
  define(
    "geo:distance",
    "lat1:n lon1:n lat2:n lon2:n",
    "double",
    "Metres between two points on the earth.",
    (a: number, b: number, c: number, d: number) => haversine(num(a), num(b), num(c), num(d)),
  ),
  define(
    "geo:within",
    "lat:n lon:n centreLat:n centreLon:n metres:n",
    "bool",
    "True when the point is within so many metres of the centre.",
    (a: number, b: number, c: number, d: number, m: number) =>
      haversine(num(a), num(b), num(c), num(d)) <= num(m),
  ),
];

/** The functions of the str, math, time and geo namespaces. */
export const namespacedFunctions: readonly FunctionExtension[] = [...text, ...maths, ...time, ...geo];
