import type { AttributeType } from "../event.ts";
import { doubleToInt, doubleToLong, toLong } from "../expression/java-number.ts";
import type { FunctionExtension } from "../extension.ts";
import { defineFunction, type Form, type FunctionSketch, fail, refuseCall } from "./define-function.ts";
import { exponentOf, floatHex, unsignedText } from "./java-bits.ts";

type Num = number | bigint;

const num = (x: Num): number => Number(x);

const meanings = {
  p1: "The value.",
  p2: "The other value.",
  digits: "How many decimals.",
  a: "A whole number in a text.",
  "from.base": "Its base.",
  "to.base": "The base of the result.",
  magnitude: "Whose size counts.",
  sign: "Whose sign counts.",
  seed: "Where the sequence begins.",
};

function math(
  name: string,
  returns: AttributeType,
  description: string,
  example: string,
  forms: FunctionSketch["forms"],
  nulls: "null" | "fail" = "null",
): FunctionExtension {
  return defineFunction({
    name: `math:${name}`,
    returns,
    description,
    nulls,
    meanings,
    example: `math:${name}(${example}`,
    forms,
  });
}

/** Functions of one number that give a double. */
const PLAIN: readonly (readonly [
  name: string,
  description: string,
  example: string,
  (x: number) => number,
])[] = [
  ["abs", "The value without its sign.", "-3) -> 3.0", Math.abs],
  [
    "acos",
    "The angle in radians of a cosine; not a number outside -1 to 1.",
    "0.5) -> 1.0471975511965979",
    Math.acos,
  ],
  [
    "asin",
    "The angle in radians of a sine; not a number outside -1 to 1.",
    "0.5) -> 0.5235987755982989",
    Math.asin,
  ],
  ["cbrt", "The cube root.", "27.0) -> 3.0", Math.cbrt],
  ["ceil", "The least whole number that is not below.", "423.187) -> 424.0", Math.ceil],
  ["cos", "The cosine of an angle in radians.", "6.0) -> 0.9601702866503661", Math.cos],
  ["cosh", "The hyperbolic cosine.", "6.0) -> 201.7156361224559", Math.cosh],
  ["exp", "e to that power.", "0.0) -> 1.0", Math.exp],
  ["floor", "The greatest whole number that is not above.", "10.23) -> 10.0", Math.floor],
  ["ln", "The natural logarithm.", "11.453) -> 2.438251704415579", Math.log],
  ["log10", "The logarithm to base 10.", "1000) -> 3.0", Math.log10],
  ["log2", "The logarithm to base 2.", "8) -> 3.0", Math.log2],
  ["sin", "The sine of an angle in radians.", "6.0) -> -0.27941549819892586", Math.sin],
  ["sinh", "The hyperbolic sine.", "6.0) -> 201.71315737027922", Math.sinh],
  ["sqrt", "The square root.", "4.0) -> 2.0", Math.sqrt],
  ["tan", "The tangent of an angle in radians.", "6.0) -> -0.29100619138474915", Math.tan],
  ["tanh", "The hyperbolic tangent.", "6.0) -> 0.9999877116507956", Math.tanh],
  ["toDegrees", "Radians in degrees.", "6.0) -> 343.77467707849394", (x) => x * (180 / Math.PI)],
  ["toRadians", "Degrees in radians.", "6.0) -> 0.10471975511965977", (x) => x * (Math.PI / 180)],
];

const one = ([name, description, example, f]: (typeof PLAIN)[number]): FunctionExtension =>
  math(name, "double", description, example, { "p1:n": (x: Num) => f(num(x)) });

/** In a base of two, as the type of the argument has it. */
const inBase = (base: 2 | 8 | 16): Form => ({
  bind: ({ args }) => {
    const type = args[0]?.type ?? "long";
    return (x: Num) => unsignedText(x, type, base);
  },
});

/** A whole number in a text as Java reads it: no blanks, in range. */
function parseWhole(name: string, text: string, bits: 32 | 64, base = 10): bigint {
  const digits = /^([+-]?)([0-9a-z]+)$/i.exec(text);
  let value = 0n;
  for (const c of digits?.[2] ?? "") {
    const digit = Number.parseInt(c, 36);
    if (digit >= base) fail(name, "the text is no whole number in that base");
    value = value * BigInt(base) + BigInt(digit);
    if (value > 1n << BigInt(bits)) break;
  }
  if (digits?.[1] === "-") value = -value;
  if (digits === null || BigInt.asIntN(bits, value) !== value)
    fail(name, "the text is no whole number in that base, or out of range");
  return value;
}

/** A decimal number in a text as Java reads it. */
function parseDecimal(name: string, text: string): number {
  const bare = text.trim();
  const named = /^([+-]?)(NaN|Infinity)$/.exec(bare);
  if (named !== null) return Number(named[2]) * (named[1] === "-" ? -1 : 1);
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?$/.test(bare)) fail(name, "the text is no number");
  return Number(bare.replace(/[fFdD]$/, ""));
}

/** `Math.round`: half up. */
const roundHalf = (x: number): number => Math.floor(x) + (x - Math.floor(x) >= 0.5 ? 1 : 0);

const ROUND: Readonly<Record<string, Form>> = {
  "p1:f": { returns: "int", bind: () => (x: number) => doubleToInt(roundHalf(x)) },
  "p1:d": { returns: "long", bind: () => (x: number) => doubleToLong(roundHalf(x)) },
  "p1:i": { returns: "int", bind: () => (x: number) => x },
  "p1:l": { returns: "long", bind: () => (x: Num) => x },
  "p1:n digits:w": {
    returns: "double",
    bind: () => (x: Num, digits: Num) => Math.round(num(x) * 10 ** num(digits)) / 10 ** num(digits),
  },
};

const atBase = (from: number, to: number) => from >= 2 && from <= 36 && to >= 2 && to <= 36;

const RANDOM: Readonly<Record<string, Form>> = {
  "": {
    bind:
      ({ context }) =>
      () =>
        context.random(undefined),
  },
  "seed:w!": {
    bind: (call) => {
      const seed = call.args[0]?.constant?.value;
      if (typeof seed !== "number" && typeof seed !== "bigint")
        return refuseCall(call, "the seed is not a constant");
      return () => call.context.random(seed);
    },
  },
};

/** The functions of the `math` namespace, as siddhi-execution-math 5 has them. */
export const mathFunctions: readonly FunctionExtension[] = [
  ...PLAIN.map(one),
  math(
    "atan",
    "double",
    "The angle in radians of a tangent, or of a point: math:atan(y, x).",
    "12.0, 5.0) -> 1.1760052070951352",
    { "p1:n": (x: Num) => Math.atan(num(x)), "p1:n p2:n": (y: Num, x: Num) => Math.atan2(num(y), num(x)) },
    "fail",
  ),
  math("bin", "string", "The number in base 2, without a sign.", "9) -> '1001'", { "p1:w": inBase(2) }),
  math("oct", "string", "The number in base 8, without a sign.", "99L) -> '143'", { "p1:w": inBase(8) }),
  math(
    "hex",
    "string",
    "The number in base 16; of a decimal number, as Java writes its bits.",
    "200) -> 'c8'",
    {
      "p1:w": inBase(16),
      "p1:f": (x: number) => floatHex(x, true),
      "p1:d": (x: number) => floatHex(x, false),
    },
  ),
  math(
    "conv",
    "string",
    "A whole number in a text, from one base to another (2 to 36).",
    "'7f', 16, 10) -> '127'",
    {
      "a:s from.base:i to.base:i": (text: string, from: number, to: number) =>
        atBase(from, to)
          ? parseWhole("math:conv", text, 32, from).toString(to)
          : fail("math:conv", "the base is not 2 to 36"),
    },
    "fail",
  ),
  math(
    "copySign",
    "double",
    "The first with the sign of the second.",
    "5.6, -3.0) -> -5.6",
    {
      "magnitude:n sign:n": (a: Num, b: Num) => {
        const isBelow = num(b) < 0 || Object.is(num(b), -0);
        return isBelow ? -Math.abs(num(a)) : Math.abs(num(a));
      },
    },
    "fail",
  ),
  math("e", "double", "Euler's number.", ") -> 2.718281828459045", { "": () => Math.E }),
  math("pi", "double", "The circle's number.", ") -> 3.141592653589793", { "": () => Math.PI }),
  math(
    "getExponent",
    "int",
    "The exponent of two in how the number is kept.",
    "60984.1) -> 15",
    { "p1:f": (x: number) => exponentOf(x, true), "p1:n": (x: Num) => exponentOf(num(x), false) },
    "fail",
  ),
  math(
    "isInfinite",
    "bool",
    "True when the number is infinite.",
    "x) -> true for 1 / 0",
    {
      "p1:n": (x: Num) => Math.abs(num(x)) === Number.POSITIVE_INFINITY,
    },
    "fail",
  ),
  math(
    "isNan",
    "bool",
    "True when it is not a number.",
    "math:ln(-12.0)) -> true",
    {
      "p1:n": (x: Num) => Number.isNaN(num(x)),
    },
    "fail",
  ),
  math(
    "log",
    "double",
    "The logarithm of a number to a base, which is not 1.",
    "34, 2) -> 5.08746284125034",
    {
      "number:n base:n": (x: Num, base: Num) =>
        num(base) === 1 ? fail("math:log", "the base is 1") : Math.log(num(x)) / Math.log(num(base)),
    },
    "fail",
  ),
  math("max", "double", "The greater of two.", "123.67, 91) -> 123.67", {
    "p1:n p2:n": (a: Num, b: Num) => Math.max(num(a), num(b)),
  }),
  math("min", "double", "The smaller of two.", "123.67, 91) -> 91.0", {
    "p1:n p2:n": (a: Num, b: Num) => Math.min(num(a), num(b)),
  }),
  math("power", "double", "A number to a power.", "5.6, 3.0) -> 175.61599999999996", {
    "value:n to.power:n": (x: Num, y: Num) => num(x) ** num(y),
  }),
  math("parseInt", "int", "The int in a text.", "'123') -> 123", {
    "p1:s": (s: string) => Number(parseWhole("math:parseInt", s, 32)),
  }),
  math("parseLong", "long", "The long in a text.", "'123') -> 123", {
    "p1:s": (s: string) => toLong(parseWhole("math:parseLong", s, 64)),
  }),
  math("parseFloat", "float", "The float in a text.", "'123') -> 123.0", {
    "p1:s": (s: string) => Math.fround(parseDecimal("math:parseFloat", s)),
  }),
  math("parseDouble", "double", "The double in a text.", "'123') -> 123.0", {
    "p1:s": (s: string) => parseDecimal("math:parseDouble", s),
  }),
  math(
    "rand",
    "double",
    "A number from 0 to below 1, of java.util.Random; calls with one seed share a sequence, which a replay repeats.",
    "42) -> 0.7275636800328681",
    RANDOM,
  ),
  math(
    "round",
    "long",
    "The nearest whole number, halves up; with digits, of so many decimals.",
    "3252.5) -> 3253",
    ROUND,
  ),
  math("signum", "int", "-1, 0 or 1 by sign.", "-6.32) -> -1", {
    "p1:n": (x: Num) => Math.sign(num(x)) || 0,
  }),
];
