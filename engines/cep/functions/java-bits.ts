import type { AttributeType } from "../event.ts";

/** An int or long as an unsigned number in a base that is a power of two: `Integer.toHexString` and its like. */
export function unsignedText(value: number | bigint, type: AttributeType, base: 2 | 8 | 16): string {
  return BigInt.asUintN(type === "int" ? 32 : 64, BigInt(value)).toString(base);
}

const bits = new DataView(new ArrayBuffer(8));

/** `Math.getExponent` of a float or a double. */
export function exponentOf(value: number, isFloat: boolean): number {
  if (isFloat) {
    bits.setFloat32(0, value);
    return ((bits.getUint32(0) >>> 23) & 0xff) - 127;
  }
  bits.setFloat64(0, value);
  return ((bits.getUint32(0) >>> 20) & 0x7ff) - 1023;
}

/** `Double.toHexString` or `Float.toHexString`. */
export function floatHex(value: number, isFloat: boolean): string {
  if (Number.isNaN(value)) return "NaN";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return `${sign}Infinity`;
  if (size === 0) return `${sign}0x0.0p0`;
  const lowest = isFloat ? -126 : -1022;
  const exponent = Math.max(exponentOf(size, isFloat), lowest);
  // A float's 23 bits in six digits, a double's 52 in thirteen; what is left is exact in a double.
  const digits = isFloat ? 6 : 13;
  const scaled = exponent < 0 ? size * 2 ** 100 * 2 ** (-exponent - 100) : size / 2 ** exponent;
  const whole = Math.floor(scaled);
  const part = BigInt(Math.round((scaled - whole) * 2 ** (4 * digits)));
  const text = part.toString(16).padStart(digits, "0").replace(/0+$/, "");
  return `${sign}0x${whole}.${text === "" ? "0" : text}p${exponent}`;
}
