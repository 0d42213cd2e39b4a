import { OAuthError } from "./oauth-error.ts";
import type { Parameters } from "./parameters.ts";

/** How a request says which client it comes from; nothing here is proved yet. */
export type ClientCredential =
  | { readonly method: "client_secret_basic"; readonly oauthClientId: string; readonly secret: string }
  | { readonly method: "private_key_jwt"; readonly oauthClientId: string; readonly assertion: string }
  | { readonly method: "none"; readonly oauthClientId: string };

const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/**
 * Reads exactly one way of client authentication from a request (RFC 6749 §2.3: "MUST NOT use more than one").
 * @param authorization the header, if there is one.
 * @throws OAuthError `invalid_client` or `invalid_request`
 */
export function readClientCredential(
  authorization: string | undefined,
  parameters: Parameters,
): ClientCredential {
  const named = parameters.get("client_id");
  if (parameters.has("client_secret")) {
    throw new OAuthError("invalid_client", "Send the client secret by HTTP Basic, not in the body.");
  }
  const assertion = parameters.get("client_assertion");
  if (authorization !== undefined) {
    if (assertion !== undefined) throw new OAuthError("invalid_request", "Two ways of authentication.");
    const basic = readBasic(authorization);
    if (named !== undefined && named !== basic.oauthClientId) {
      throw new OAuthError("invalid_request", "Two different client ids.");
    }
    return basic;
  }
  if (assertion !== undefined) {
    if (parameters.get("client_assertion_type") !== JWT_BEARER) {
      throw new OAuthError("invalid_client", "Unknown client_assertion_type.");
    }
    const subject = subjectOf(assertion);
    if (subject === undefined || (named !== undefined && named !== subject)) {
      throw new OAuthError("invalid_client", "The assertion names no client, or another one.");
    }
    return { method: "private_key_jwt", oauthClientId: subject, assertion };
  }
  if (named === undefined) throw new OAuthError("invalid_client", "No client authentication.");
  return { method: "none", oauthClientId: named };
}

/** RFC 6749 §2.3.1: id and secret are form-encoded before they are joined and put in base64. */
function readBasic(authorization: string): ClientCredential & { method: "client_secret_basic" } {
  const match = /^Basic ([A-Za-z0-9+/]{1,2048}={0,2})$/i.exec(authorization);
  try {
    const pair = atob(match?.[1] ?? "");
    const colon = pair.indexOf(":");
    if (colon > 0) {
      const [oauthClientId, secret] = [pair.slice(0, colon), pair.slice(colon + 1)].map((part) =>
        decodeURIComponent(part.replaceAll("+", " ")),
      );
      if (oauthClientId && secret) return { method: "client_secret_basic", oauthClientId, secret };
    }
  } catch {
    // Not base64 or not form-encoded: refused below like any other wrong header.
  }
  throw new OAuthError("invalid_client", "The Authorization header is no client_id and client_secret.");
}

/** The `sub` that a JWT claims, unverified: it only says whose key to look for. */
function subjectOf(jwt: string): string | undefined {
  const payload = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(jwt)?.[1];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    const subject = typeof claims === "object" && claims !== null && "sub" in claims ? claims.sub : undefined;
    return typeof subject === "string" ? subject : undefined;
  } catch {
    return undefined;
  }
}
