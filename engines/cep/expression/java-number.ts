/** A SiddhiQL long: a number while it is a safe integer, a bigint beyond; one value has one form only. */
export type Long = number | bigint;

/** Brings a whole number into the one form of a long, wrapped to 64 bits as in Java. */
export function toLong(value: bigint): Long {
  const wrapped = BigInt.asIntN(64, value);
  return wrapped >= -9007199254740991n && wrapped <= 9007199254740991n ? Number(wrapped) : wrapped;
}

/** Truncates a double to a long as Java's `(long)` does: NaN is 0, the rest saturates. */
export function doubleToLong(value: number): Long {
  if (Number.isNaN(value)) return 0;
  if (value >= 2 ** 63) return 9223372036854775807n;
  if (value <= -(2 ** 63)) return -9223372036854775808n;
  const whole = Math.trunc(value) + 0;
  return Number.isSafeInteger(whole) ? whole : BigInt(whole);
}

/** Truncates to an int as Java's `(int)` of a double does. */
export function doubleToInt(value: number): number {
  if (Number.isNaN(value)) return 0;
  return Math.max(-2147483648, Math.min(2147483647, Math.trunc(value))) + 0;
}

export function addLong(a: Long, b: Long): Long {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (sum <= 9007199254740991 && sum >= -9007199254740991) return sum;
  }
  return toLong(BigInt(a) + BigInt(b));
}

export function subtractLong(a: Long, b: Long): Long {
  if (typeof a === "number" && typeof b === "number") {
    const difference = a - b;
    if (difference <= 9007199254740991 && difference >= -9007199254740991) return difference;
  }
  return toLong(BigInt(a) - BigInt(b));
}

export function multiplyLong(a: Long, b: Long): Long {
  if (typeof a === "number" && typeof b === "number") {
    const product = a * b;
    if (product <= 9007199254740991 && product >= -9007199254740991) return product + 0;
  }
  return toLong(BigInt(a) * BigInt(b));
}

/** Truncating division; null by zero, as Siddhi has it. */
export function divideLong(a: Long, b: Long): Long | null {
  if (b === 0) return null;
  if (typeof a === "number" && typeof b === "number") return Math.trunc(a / b) + 0;
  return toLong(BigInt(a) / BigInt(b));
}

/** Remainder with the sign of the dividend; null by zero. */
export function modLong(a: Long, b: Long): Long | null {
  if (b === 0) return null;
  if (typeof a === "number" && typeof b === "number") return (a % b) + 0;
  return toLong(BigInt(a) % BigInt(b));
}

/** Java's `Double.toString`. */
export function doubleToString(value: number): string {
  return javaDecimal(value, value.toExponential());
}

/** Java's `Float.toString`: the shortest decimal that reads back as the same float. */
export function floatToString(value: number): string {
  for (let digits = 1; digits <= 9; digits++) {
    const text = value.toExponential(digits - 1);
    if (Math.fround(Number(text)) === value) return javaDecimal(value, text);
  }
  return javaDecimal(value, value.toExponential());
}

function javaDecimal(value: number, exponential: string): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [mantissa = "0", exponentText = "0"] = exponential.split("e");
  const sign = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replace("-", "").replace(".", "");
  const exponent = Number(exponentText);
  if (exponent >= 7 || exponent < -3) return `${sign}${digits[0]}.${digits.slice(1) || "0"}E${exponent}`;
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}

/** `String.valueOf` of a value of the given type. */
export function valueToString(value: unknown, type: string): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "number" && type === "double") return doubleToString(value);
  if (typeof value === "number" && type === "float") return floatToString(value);
  if (value instanceof Error) return value.message;
  return String(value);
}
