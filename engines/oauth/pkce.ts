import { base64url } from "./base64url.ts";
import { equalSecrets } from "./key-ring.ts";

/** Whether `text` has the form of an S256 challenge: base64url of 32 bytes (RFC 7636 §4.2). */
export function isChallenge(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}

/** base64url(SHA-256(verifier)). */
export async function challengeOf(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

/** RFC 7636 §4.6, S256 only. A verifier of a wrong form fails like a wrong one. */
export async function verifierFits(verifier: string | undefined, challenge: string): Promise<boolean> {
  if (verifier === undefined || !/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return false;
  return equalSecrets(await challengeOf(verifier), challenge);
}
