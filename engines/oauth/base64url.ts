const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const NONE = 0xff;
const values = new Uint8Array(128).fill(NONE);
for (let value = 0; value < 64; value++) values[ALPHABET.charCodeAt(value)] = value;

/*
 * Written out, for every token and id passes here several times: `atob` beside the checks that it does not make took
 * fourteen times as long as these loops and twenty times the garbage, which is what an introspection waited for
 * (bench/identity). `Uint8Array.fromBase64` will do once every runtime has it.
 */

/** base64url without padding (RFC 4648 §5). */
export function base64url(bytes: Uint8Array): string {
  const whole = bytes.length - (bytes.length % 3);
  let text = "";
  for (let at = 0; at < whole; at += 3) text += four(bytes, at);
  if (whole === bytes.length) return text;
  // Zeros stand for the missing bytes; their characters are not said.
  const last = new Uint8Array(3);
  last.set(bytes.subarray(whole));
  return text + four(last, 0).slice(0, bytes.length - whole + 1);
}

function four(bytes: Uint8Array, at: number): string {
  const three = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  return (
    ALPHABET.charAt(three >> 18) +
    ALPHABET.charAt((three >> 12) & 63) +
    ALPHABET.charAt((three >> 6) & 63) +
    ALPHABET.charAt(three & 63)
  );
}

/** @returns `undefined` unless `text` is exactly what `base64url` writes for some bytes. */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 === 1) return undefined;
  const bytes = new Uint8Array((text.length * 6) >> 3);
  let pending = 0;
  let bits = 0;
  let at = 0;
  for (let index = 0; index < text.length; index++) {
    const value = values[text.charCodeAt(index)] ?? NONE;
    if (value === NONE) return undefined;
    pending = (pending << 6) | value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = pending >> bits;
    pending &= (1 << bits) - 1;
  }
  return pending === 0 ? bytes : undefined; // the bits that no byte takes are zero
}
