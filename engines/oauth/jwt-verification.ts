import { calculateJwkThumbprint, importJWK, type JWK, jwtVerify } from "jose";
import type { JsonWebKeySet } from "./client-metadata.ts";

/** Signatures that are accepted from clients; no shared keys and no `none`. */
export const acceptedAlgorithms = ["ES256", "EdDSA", "Ed25519", "RS256"] as const;

/** What a proof of possession says, after it has been checked (RFC 9449 §4.3). */
export interface DpopProof {
  /** RFC 7638, base64url of SHA-256. */
  readonly thumbprint: string;
  /** To be used once. */
  readonly id: string;
}

const PROOF_AGE_SECONDS = 60;
const ASSERTION_LIFE_SECONDS = 300;

/**
 * @param proof the `DPoP` header, one compact JWT
 * @param url of the endpoint; query and fragment do not count
 * @returns `undefined` if anything about it is wrong
 */
export async function checkDpopProof(
  proof: string,
  method: string,
  url: string,
  nowMs: number,
): Promise<DpopProof | undefined> {
  if (proof.length > 4096) return undefined;
  try {
    let jwk: JWK | undefined;
    const { payload } = await jwtVerify(
      proof,
      async (header) => {
        if (header.jwk === undefined || "d" in header.jwk || "k" in header.jwk)
          throw new TypeError("no public key");
        jwk = header.jwk;
        return importPublic(header.jwk, header.alg);
      },
      {
        typ: "dpop+jwt",
        algorithms: [...acceptedAlgorithms],
        currentDate: new Date(nowMs),
        maxTokenAge: PROOF_AGE_SECONDS,
        clockTolerance: 5,
        requiredClaims: ["jti", "htm", "htu", "iat"],
      },
    );
    const { jti, htm, htu } = payload;
    if (jwk === undefined || typeof jti !== "string" || jti.length > 256 || htm !== method) return undefined;
    if (typeof htu !== "string" || bare(htu) !== bare(url)) return undefined;
    return { thumbprint: await calculateJwkThumbprint(jwk, "sha256"), id: jti };
  } catch {
    return undefined;
  }
}

/**
 * `private_key_jwt` (RFC 7523 §3, OpenID Connect Core §9).
 * @param audiences what counts as this server: its issuer and the endpoint's URL
 * @returns the assertion's id, to be used once, or `undefined` if anything about it is wrong
 */
export async function checkClientAssertion(
  assertion: string,
  oauthClientId: string,
  keys: JsonWebKeySet,
  audiences: readonly string[],
  nowMs: number,
): Promise<string | undefined> {
  for (const key of keys.keys) {
    try {
      const { payload } = await jwtVerify(
        assertion,
        async (header) => importPublic(key as JWK, header.alg), // public members only, checked at the registration
        {
          algorithms: [...acceptedAlgorithms],
          issuer: oauthClientId,
          subject: oauthClientId,
          audience: [...audiences],
          currentDate: new Date(nowMs),
          clockTolerance: 5,
          requiredClaims: ["jti", "exp"],
        },
      );
      // One audience: an assertion that is meant for another server as well could be replayed here by that one.
      if (Array.isArray(payload.aud) && payload.aud.length !== 1) return undefined;
      // A far expiry would mean keeping its id for as long.
      if ((payload.exp ?? Infinity) * 1000 > nowMs + ASSERTION_LIFE_SECONDS * 1000) return undefined;
      return typeof payload.jti === "string" && payload.jti.length <= 256 ? payload.jti : undefined;
    } catch {
      // Another of the client's keys may fit.
    }
  }
  return undefined;
}

/**
 * A software statement (RFC 7591 §2.3): what a manufacturer has signed about its own devices.
 * @param issuer the manufacturer's id
 * @returns its claims, or `undefined` if it is not signed by these keys, has ended or is another's
 */
export async function checkSoftwareStatement(
  statement: string,
  issuer: string,
  keys: JsonWebKeySet,
  nowMs: number,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  for (const key of keys.keys) {
    try {
      const { payload } = await jwtVerify(statement, async (header) => importPublic(key as JWK, header.alg), {
        algorithms: [...acceptedAlgorithms],
        issuer,
        currentDate: new Date(nowMs),
        clockTolerance: 5,
      });
      return payload;
    } catch {
      // Another of the manufacturer's keys may fit.
    }
  }
  return undefined;
}

/** How long a used id has to be remembered. */
export const REPLAY_WINDOW_MS = (ASSERTION_LIFE_SECONDS + 60) * 1000;

async function importPublic(jwk: JWK, algorithm: string | undefined) {
  const key = await importJWK(jwk, algorithm);
  if (key instanceof Uint8Array || key.type !== "public") throw new TypeError("no public key");
  return key;
}

function bare(url: string): string {
  const parsed = new URL(url);
  return `${parsed.origin}${parsed.pathname}`;
}
