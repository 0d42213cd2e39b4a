import { importJWK, type JWK, type JWTPayload, SignJWT } from "jose";
import { base64url, fromBase64url } from "../../engines/oauth/base64url.ts";
import type { KeyRing } from "../../engines/oauth/key-ring.ts";

/** Signs what the DIdP says to be shown to others: receipts, ID tokens. */
export interface Signer {
  readonly publicJwk: JWK;
  /** @param type the `typ` of the header, "JWT" if left out */
  sign(claims: JWTPayload, type?: string): Promise<string>;
}

const signers = new WeakMap<KeyRing, Promise<Signer>>();

/** PKCS #8 of an Ed25519 key is this and its 32 bytes (RFC 8410 §7). */
const PKCS8_ED25519 = "MC4CAQAwBQYDK2VwBCIEIA";

/** The one signing key, Ed25519, derived from the key ring: nothing more to keep or to lose. */
export function signerOf(keys: KeyRing): Promise<Signer> {
  const kept = signers.get(keys);
  if (kept !== undefined) return kept;
  const made = makeSigner(keys);
  signers.set(keys, made);
  return made;
}

async function makeSigner(keys: KeyRing): Promise<Signer> {
  const seed = await keys.mac("registration", "signing-key");
  const prefix = fromBase64url(PKCS8_ED25519) ?? new Uint8Array();
  const pkcs8 = new Uint8Array([...prefix, ...seed]);
  const extractable = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, true, ["sign"]);
  const exported = (await crypto.subtle.exportKey("jwk", extractable)) as JWK; // "jwk" exports one
  const kid = base64url((await keys.mac("registration", "signing-key-id")).slice(0, 8));
  const publicJwk: JWK = { kty: "OKP", crv: "Ed25519", x: exported.x ?? "", kid, use: "sig", alg: "EdDSA" };
  const key = await importJWK({ ...publicJwk, d: base64url(seed) }, "EdDSA");
  return {
    publicJwk,
    sign: (claims, typ = "JWT") =>
      new SignJWT(claims).setProtectedHeader({ alg: "EdDSA", kid, typ }).sign(key),
  };
}
