import { calculateJwkThumbprint, importJWK, type JWK, type JWTPayload, SignJWT } from "jose";
import { base64url, fromBase64url } from "./base64url.ts";

/** One private key and what the world may know of it. */
export interface SigningKey {
  readonly publicJwk: JWK;
  /** @param type the `typ` of the header, "JWT" if left out */
  sign(claims: JWTPayload, type?: string): Promise<string>;
}

/** PKCS #8 of an Ed25519 key is this and its 32 bytes (RFC 8410 §7). */
const PKCS8_ED25519 = "MC4CAQAwBQYDK2VwBCIEIA";

/**
 * The Ed25519 key of a seed.
 * @param seed 32 random bytes; they are the private key.
 * @param kid its name, its thumbprint (RFC 7638) if left out.
 */
export async function signingKeyFrom(seed: Uint8Array, kid?: string): Promise<SigningKey> {
  const prefix = fromBase64url(PKCS8_ED25519) ?? new Uint8Array();
  const pkcs8 = new Uint8Array([...prefix, ...seed]);
  const extractable = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, true, ["sign"]);
  const exported = (await crypto.subtle.exportKey("jwk", extractable)) as JWK; // "jwk" exports one
  const bare: JWK = { kty: "OKP", crv: "Ed25519", x: exported.x ?? "" };
  const name = kid ?? (await calculateJwkThumbprint(bare));
  const publicJwk: JWK = { ...bare, kid: name, use: "sig", alg: "EdDSA" };
  const key = await importJWK({ ...publicJwk, d: base64url(seed) }, "EdDSA");
  return {
    publicJwk,
    sign: (claims, typ = "JWT") =>
      new SignJWT(claims).setProtectedHeader({ alg: "EdDSA", kid: name, typ }).sign(key),
  };
}
