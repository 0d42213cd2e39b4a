import { expect, test } from "vitest";
import { below, seeded } from "../../testing/random.ts";
import { Bench } from "../testing.ts";
import {
  addLong,
  divideLong,
  doubleToString,
  floatToString,
  modLong,
  multiplyLong,
  subtractLong,
  toLong,
} from "./java-number.ts";

/** The value of an expression over one event `(i int, l long, f float, d double, b bool, s string)`. */
function evaluate(expression: string, row: unknown[] = [7, 8, Math.fround(1.1), 2.5, true, "x"]): unknown {
  const bench = new Bench(
    `define stream S (i int, l long, f float, d double, b bool, s string); from S select ${expression} as r insert into Out;`,
  );
  bench.watch("Out").start().send("S", row);
  return bench.rows.Out?.[0]?.[0];
}

test("ints wrap and divide by truncation", () => {
  expect(evaluate("i + 2147483647")).toBe(-2147483642);
  expect(evaluate("i * 2000000000")).toBe(1115098112);
  expect(evaluate("i / 2")).toBe(3);
  expect(evaluate("-7 / 2")).toBe(-3);
  expect(evaluate("i % 4")).toBe(3);
});

test("division by zero is null, of every type", () => {
  for (const e of ["i / 0", "l / 0", "f / 0", "d / 0.0", "i % 0", "d % 0.0"]) expect(evaluate(e)).toBeNull();
});

test("floats are rounded after each operation, the wider type wins", () => {
  expect(evaluate("f + f")).toBe(Math.fround(Math.fround(1.1) * 2));
  expect(evaluate("i / d")).toBe(2.8);
  expect(evaluate("l + i")).toBe(15);
});

test("a null operand makes null, and a comparison with null is false, for != too", () => {
  const row = [null, 8, null, 2.5, null, null];
  expect(evaluate("i + 1", row)).toBeNull();
  expect(evaluate("i > 1", row)).toBe(false);
  expect(evaluate("s != 'y'", row)).toBe(false);
  expect(evaluate("not (s == 'y')", row)).toBe(true);
  expect(evaluate("i is null", row)).toBe(true);
  expect(evaluate("b or true", row)).toBe(true);
});

test("longs are exact to 64 bits and wrap there", () => {
  expect(evaluate("l + 9007199254740991L")).toBe(9007199254740999n);
  expect(evaluate("9223372036854775807L + l")).toBe(-9223372036854775801n);
  expect(evaluate("9007199254740993L - l")).toBe(9007199254740985);
});

test("long arithmetic agrees with 64-bit BigInt arithmetic on random values (seed 11)", () => {
  const random = seeded(11);
  const value = () =>
    toLong(
      BigInt.asIntN(64, (BigInt(below(random, 2 ** 32)) << 32n) | BigInt(below(random, 2 ** 32))) >>
        BigInt(below(random, 60)),
    );
  for (let i = 0; i < 2000; i++) {
    const a = value();
    const b = value();
    const [x, y] = [BigInt(a), BigInt(b)];
    expect(addLong(a, b)).toBe(toLong(x + y));
    expect(subtractLong(a, b)).toBe(toLong(x - y));
    expect(multiplyLong(a, b)).toBe(toLong(x * y));
    expect(divideLong(a, b)).toBe(y === 0n ? null : toLong(x / y));
    expect(modLong(a, b)).toBe(y === 0n ? null : toLong(x % y));
  }
});

test("numbers are written as Java writes them", () => {
  expect([1, 0.1, 100, 1e7, 1.5e-4, 12345678.9, -0, 1e21].map(doubleToString)).toEqual([
    "1.0",
    "0.1",
    "100.0",
    "1.0E7",
    "1.5E-4",
    "1.23456789E7",
    "-0.0",
    "1.0E21",
  ]);
  expect(floatToString(Math.fround(1.1))).toBe("1.1");
  expect(floatToString(Math.fround(16777216))).toBe("1.6777216E7");
});

test("types that cannot be compared or added are refused", () => {
  for (const e of ["s > 1", "i == s", "b + 1", "s + s", "b > b", "not i"])
    expect(() => evaluate(e)).toThrow(expect.objectContaining({ code: "TYPE_MISMATCH" }));
});

test("functions follow their declarations", () => {
  expect(evaluate("ifThenElse(i > 5, 'a', 'b')")).toBe("a");
  expect(evaluate("coalesce(s, 'z')", [1, 2, 3, 4, true, null])).toBe("z");
  expect(evaluate("default(i, 5)", [null, 2, 3, 4, true, null])).toBe(5);
  expect(evaluate("maximum(d, 9.5, 3.0)")).toBe(9.5);
  expect(evaluate("minimum(i, 3, 4)")).toBe(3);
  expect(evaluate("convert(d, 'string')")).toBe("2.5");
  expect(evaluate("convert('12', 'int')")).toBe(12);
  expect(evaluate("convert('1x', 'int')")).toBeNull();
  expect(evaluate("convert(b, 'int')")).toBe(1);
  expect(evaluate("sizeOfSet(createSet(s))")).toBe(1);
  expect(evaluate("instanceOfFloat(f)")).toBe(true);
  expect(evaluate("instanceOfDouble(f)")).toBe(false);
  expect(evaluate("str:upper(s)")).toBe("X");
  expect(evaluate("math:sqrt(16)")).toBe(4);
  expect(Math.round(Number(evaluate("geo:distance(0.0, 0.0, 0.0, 1.0)")))).toBe(111195);
});

test("wrong parameters name the calls that are accepted", () => {
  expect(() => evaluate("coalesce(i, s)")).toThrow(expect.objectContaining({ code: "WRONG_PARAMETERS" }));
  expect(() => evaluate("ifThenElse(i, 1, 2)")).toThrow(
    expect.objectContaining({ expected: ["ifThenElse(condition, if.expression, else.expression)"] }),
  );
  expect(() => evaluate("cnvert(i, 'int')")).toThrow(
    expect.objectContaining({ code: "UNKNOWN_FUNCTION", suggestion: "convert" }),
  );
});

test("UUID() is the same again in a second run and never twice in one", () => {
  const run = () => {
    const bench = new Bench("define stream S (a int); from S select UUID() as id insert into Out;")
      .watch("Out")
      .start();
    return bench.send("S", [1], [2], [3]).rows.Out?.map((r) => r[0]) ?? [];
  };
  const ids = run();
  expect(new Set(ids).size).toBe(3);
  expect(run()).toEqual(ids);
  expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
});
