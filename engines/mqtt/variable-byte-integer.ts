import { malformed } from "./mqtt-error.ts";

/** The largest value a variable byte integer can hold (MQTT 5.0 §1.5.5). */
export const variableByteIntegerMaximum = 268_435_455;

/**
 * Decodes the variable byte integer at `offset`, reading no further than `end`.
 *
 * The result is packed into one number, because this runs for each packet and property and a tuple would be an
 * allocation: `value * 8 + length`, where length is 1..4 bytes. Take it apart with the two functions below.
 *
 * @returns the packed pair, or `undefined` if `end` comes before the last byte.
 * @throws CodedError `MALFORMED_PACKET` on a fourth byte that asks for a fifth.
 * @see MQTT 5.0 §1.5.5, MQTT 3.1.1 §2.2.3
 */
export function decodeVariableByteInteger(
  bytes: Uint8Array,
  offset: number,
  end: number,
): number | undefined {
  let value = 0;
  for (let length = 1; length <= 4; length++) {
    const byte = offset < end ? bytes[offset++] : undefined;
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 128 ** (length - 1);
    if (byte < 0x80) return value * 8 + length;
  }
  throw malformed("variable byte integer: more than four bytes");
}

/** @returns 0..268,435,455, out of what `decodeVariableByteInteger` packed. */
export function packedValue(packed: number): number {
  return Math.floor(packed / 8);
}

/** @returns 1..4, the bytes read, out of what `decodeVariableByteInteger` packed. */
export function packedLength(packed: number): number {
  return packed & 7;
}

/** @returns 1..4, the bytes that `value` needs (MQTT 5.0 §1.5.5). */
export function variableByteIntegerLength(value: number): number {
  // [MQTT-1.5.5-1] the minimum number of bytes
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4;
}

/**
 * Writes `value` (0..268,435,455) at `offset`.
 *
 * @returns the offset behind it.
 */
export function writeVariableByteInteger(value: number, target: Uint8Array, offset: number): number {
  let rest = value;
  while (rest > 0x7f) {
    target[offset++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[offset++] = rest;
  return offset;
}
