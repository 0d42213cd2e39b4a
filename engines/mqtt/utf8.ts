import { malformed } from "./mqtt-error.ts";

// `ignoreBOM` keeps U+FEFF in the string, `fatal` refuses what is not UTF-8.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Whether `bytes[start..end)` is a UTF-8 string that MQTT accepts: well formed, no surrogate, nothing overlong,
 * nothing above U+10FFFF, no NUL, and none of the control characters and non-characters that a sender should
 * leave out and a receiver may refuse. We refuse them: they have no place in a topic and would end up in logs.
 *
 * @see MQTT 5.0 §1.5.4, MQTT 3.1.1 §1.5.3
 */
export function isUtf8String(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
  let at = start;
  while (at < end) {
    const lead = byteAt(bytes, at++);
    if (lead >= 0x20 && lead < 0x7f) continue;
    // [MQTT-1.5.4-2] [MQTT-3.1.1:1.5.3-2] no U+0000; nor U+0001..U+001F, U+007F
    if (lead < 0x80) return false;
    // 0x80..0xC1: a continuation byte in front, or an overlong form of ASCII
    if (lead < 0xc2 || lead > 0xf4) return false;
    const following = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (at + following > end) return false;
    let codePoint = lead & (0x3f >> following);
    for (let i = 0; i < following; i++) {
      const byte = byteAt(bytes, at++);
      if ((byte & 0xc0) !== 0x80) return false;
      codePoint = (codePoint << 6) | (byte & 0x3f);
    }
    if (!isAcceptable(codePoint, following)) return false;
  }
  return true;
}

/** What is left to say about a code point beyond ASCII once its bytes are taken apart. */
function isAcceptable(codePoint: number, following: number): boolean {
  if (following === 1) return codePoint > 0x9f; // U+0080..U+009F are control characters
  if (following === 2) {
    if (codePoint < 0x800) return false; // overlong
    // [MQTT-1.5.4-1] [MQTT-3.1.1:1.5.3-1] no U+D800..U+DFFF
    if (codePoint >= 0xd800 && codePoint <= 0xdfff) return false;
    if (codePoint >= 0xfdd0 && codePoint <= 0xfdef) return false; // non-characters
  } else if (codePoint < 0x1_0000 || codePoint > 0x10_ffff) {
    return false; // overlong, or beyond Unicode
  }
  return (codePoint & 0xfffe) !== 0xfffe; // U+FFFE, U+FFFF and their like in every plane
}

/**
 * Decodes `bytes[start..end)`.
 *
 * @throws CodedError `MALFORMED_PACKET` unless `isUtf8String`.
 */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (!isUtf8String(bytes, start, end)) throw malformed("UTF-8 string: ill-formed or a forbidden character");
  // [MQTT-1.5.4-3] [MQTT-3.1.1:1.5.3-3] 0xEF 0xBB 0xBF stays U+FEFF, also in front
  return decoder.decode(bytes.subarray(start, end));
}

/**
 * The length of a string on the wire, without its length field. Checks it on the way.
 *
 * @returns 0..65,535 bytes.
 * @throws CodedError `MALFORMED_PACKET` on a lone surrogate, on NUL, or above 65,535 bytes.
 */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      // [MQTT-1.5.4-2] what we send keeps the rules as well
      if (unit === 0) throw malformed("UTF-8 string: NUL");
      continue;
    }
    if (unit < 0x800) {
      length += 1;
    } else if (unit < 0xd800 || unit > 0xdfff) {
      length += 2;
    } else {
      // [MQTT-1.5.4-1] a lone surrogate; the encoder would write U+FFFD
      if (unit > 0xdbff || (text.charCodeAt(i + 1) & 0xfc00) !== 0xdc00)
        throw malformed("UTF-8 string: lone surrogate");
      i++;
      length += 2; // four bytes for two units
    }
  }
  if (length > 0xffff) throw malformed("UTF-8 string: longer than 65,535 bytes");
  return length;
}

/**
 * Writes a string of `length = utf8Length(text)` bytes at `offset`.
 *
 * @returns the offset behind it.
 */
export function writeUtf8(text: string, length: number, target: Uint8Array, offset: number): number {
  if (length === text.length) {
    // ASCII, as topics mostly are: a loop is faster than a call into the platform
    for (let i = 0; i < length; i++) target[offset + i] = text.charCodeAt(i);
  } else {
    encoder.encodeInto(text, target.subarray(offset, offset + length));
  }
  return offset + length;
}

/** Encodes a string for the wire, without its length; throws as `utf8Length` does. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  const length = utf8Length(text);
  const bytes = new Uint8Array(length);
  writeUtf8(text, length, bytes, 0);
  return bytes;
}

/** A byte that the caller knows to be inside; 0 instead of `undefined` keeps the arithmetic free of checks. */
function byteAt(bytes: Uint8Array, offset: number): number {
  return bytes[offset] ?? 0;
}
