import type { GrantId } from "./authority.ts";
import { base64url, fromBase64url } from "./base64url.ts";
import { equalBytes, type KeyRing } from "./key-ring.ts";

const BYTES = 16 + 4 + 16;

export interface RefreshToken {
  readonly grantId: GrantId;
  /** 0 for the first of a grant. */
  readonly generation: number;
}

/**
 * base64url(grant id 16 ‖ generation 4 ‖ trunc16(HMAC(refresh key, grant id ‖ generation ‖ grant's salt))).
 * Only the generation and the salt are stored, so the server can say the same successor again, and neither a
 * copy of the database nor the key alone yields a token (IDENTITY.md §2.E).
 */
export async function writeRefreshToken(keys: KeyRing, token: RefreshToken, salt: string): Promise<string> {
  const bytes = new Uint8Array(BYTES);
  const grantId = fromBase64url(token.grantId);
  if (grantId?.length !== 16) throw new RangeError("grant id: not 16 bytes");
  bytes.set(grantId);
  new DataView(bytes.buffer).setUint32(16, token.generation);
  bytes.set(await macOf(keys, bytes, salt), 20);
  return base64url(bytes);
}

/** Reads the fields without believing them; `isRefreshTokenGenuine` comes before any use. */
export function parseRefreshToken(text: string): RefreshToken | undefined {
  const bytes = text.length === 48 ? fromBase64url(text) : undefined;
  if (bytes?.length !== BYTES) return undefined;
  return {
    grantId: base64url(bytes.slice(0, 16)) as GrantId, // 16 bytes in base64url are the form of one
    generation: new DataView(bytes.buffer).getUint32(16),
  };
}

/** @param salt of the grant that the token names. */
export async function isRefreshTokenGenuine(keys: KeyRing, text: string, salt: string): Promise<boolean> {
  const bytes = fromBase64url(text);
  return bytes?.length === BYTES && equalBytes(bytes.slice(20), await macOf(keys, bytes, salt));
}

async function macOf(keys: KeyRing, bytes: Uint8Array, salt: string): Promise<Uint8Array> {
  return (await keys.mac("refresh", "refresh-token", bytes.slice(0, 20), salt)).slice(0, 16);
}
