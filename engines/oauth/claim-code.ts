const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The printed code: 26 characters of base32 (RFC 4648 §6, no padding) for 128 bits. */
export function writeClaimCode(bytes: Uint8Array): string {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  bits <<= 2n; // 26 × 5 = 130 bits
  let text = "";
  for (let index = 25; index >= 0; index--) text += ALPHABET[Number((bits >> BigInt(index * 5)) & 31n)];
  return text;
}

/**
 * Reads what a person typed or a link carried: any case, spaces and dashes anywhere, and the digits that the
 * alphabet lacks taken for the letters they look like.
 * @returns the code as printed, or `undefined` if it cannot be one.
 */
export function readClaimCode(typed: string): string | undefined {
  if (typed.length > 100) return undefined;
  const code = typed
    .toUpperCase()
    .replaceAll(/[\s-]/g, "")
    .replaceAll("0", "O")
    .replaceAll("1", "I")
    .replaceAll("8", "B");
  return /^[A-Z2-7]{25}[AEIMQUY4]$/.test(code) ? code : undefined;
}
