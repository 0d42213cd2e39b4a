import type { GrantId } from "./authority.ts";
import { base64url, fromBase64url } from "./base64url.ts";
import type { IssuerTag } from "./issuer-tag.ts";
import { equalBytes, type KeyRing } from "./key-ring.ts";

const BYTES = 16 + 4 + 6 + 16;
/** Of those bytes in base64url; behind them comes the issuer's tag. */
const CHARACTERS = 56;

/** What an access token says to the DIdP; to everybody else it is opaque. */
export interface AccessToken {
  readonly grantId: GrantId;
  /** Counts up with every access token of the grant: 0 … 2³²-1. */
  readonly sequence: number;
  /** Whole seconds. */
  readonly expiresAtMs: number;
}

/**
 * base64url(grant id 16 ‖ sequence 4 ‖ expiry in seconds 6 ‖ trunc16(HMAC(access key, … ‖ grant's salt ‖ tag)) ‖
 * issuer's tag 3), 60 characters: valid by itself plus the grant's row, so issuing one writes no row of its own, a
 * copy of the database yields none, and a grant's new salt ends them all.
 */
export async function writeAccessToken(
  keys: KeyRing,
  token: AccessToken,
  salt: string,
  tag: IssuerTag,
): Promise<string> {
  const bytes = new Uint8Array(BYTES);
  bytes.set(grantIdBytes(token.grantId));
  const view = new DataView(bytes.buffer);
  view.setUint32(16, token.sequence);
  writeSeconds(view, 20, token.expiresAtMs / 1000);
  bytes.set(await macOf(keys, bytes, salt, tag), 26);
  return base64url(bytes) + tag;
}

/** Reads the fields without believing them; `isAccessTokenGenuine` comes before any use. */
export function parseAccessToken(text: string): AccessToken | undefined {
  const bytes = bytesOf(text);
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer);
  return {
    grantId: base64url(bytes.subarray(0, 16)) as GrantId, // 16 bytes in base64url are the form of one
    sequence: view.getUint32(16),
    expiresAtMs: (view.getUint16(20) * 2 ** 32 + view.getUint32(22)) * 1000,
  };
}

/** @param salt of the grant that the token names. */
export async function isAccessTokenGenuine(keys: KeyRing, text: string, salt: string): Promise<boolean> {
  const bytes = bytesOf(text);
  const tag = text.slice(CHARACTERS);
  return bytes !== undefined && equalBytes(bytes.subarray(26), await macOf(keys, bytes, salt, tag));
}

/** @returns `undefined` unless it has the length of a token; the tag at its end is for the MAC to judge. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  return text.length === CHARACTERS + 4 ? fromBase64url(text.slice(0, CHARACTERS)) : undefined;
}

async function macOf(keys: KeyRing, bytes: Uint8Array, salt: string, tag: string): Promise<Uint8Array> {
  return (await keys.mac("access", "access-token", bytes.subarray(0, 26), salt, tag)).subarray(0, 16);
}

function writeSeconds(view: DataView, at: number, seconds: number): void {
  const whole = Math.floor(seconds);
  view.setUint16(at, Math.floor(whole / 2 ** 32));
  view.setUint32(at + 2, whole % 2 ** 32);
}

function grantIdBytes(grantId: GrantId): Uint8Array {
  const bytes = fromBase64url(grantId);
  if (bytes?.length !== 16) throw new RangeError("grant id: not 16 bytes");
  return bytes;
}
