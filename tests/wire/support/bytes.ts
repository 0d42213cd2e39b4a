const encoder = new TextEncoder();

/** What a packet is put together from: a byte, or bytes. */
export type Part = number | readonly number[] | Uint8Array;

/** UTF-8 without a length, as a payload. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** A string field: two bytes of length, then UTF-8 (MQTT 5.0 §1.5.4). */
export function str(text: string): number[] {
  const bytes = utf8(text);
  return [...u16(bytes.length), ...bytes];
}

/** Two bytes, the high one first (MQTT 5.0 §1.5.2). */
export function u16(value: number): number[] {
  return [value >> 8, value & 0xff];
}

/** Four bytes, the high one first (MQTT 5.0 §1.5.3). */
export function u32(value: number): number[] {
  return [...u16(value >>> 16), ...u16(value & 0xffff)];
}

/** A variable byte integer (MQTT 5.0 §1.5.5). */
export function variable(value: number): number[] {
  return value < 128 ? [value] : [(value & 0x7f) | 0x80, ...variable(value >> 7)];
}

/** A property list of 5.0 with its length in front. */
export function list(...parts: readonly Part[]): number[] {
  const bytes = flatten(parts);
  return [...variable(bytes.length), ...bytes];
}

/** A packet: its first byte, the remaining length, and the parts of its body. */
export function packet(firstByte: number, ...parts: readonly Part[]): Uint8Array {
  const body = flatten(parts);
  return Uint8Array.from([firstByte, ...variable(body.length), ...body]);
}

/** For a message of a failed test. */
export function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function flatten(parts: readonly Part[]): number[] {
  return parts.flatMap((part) => (typeof part === "number" ? [part] : [...part]));
}
