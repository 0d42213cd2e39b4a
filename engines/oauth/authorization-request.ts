import { type IotAccess, OWNER_SCOPE, readIotAccess } from "./iot-access.ts";
import { OAuthError } from "./oauth-error.ts";
import type { Parameters } from "./parameters.ts";
import { isChallenge } from "./pkce.ts";

/** An app's wish after every check that needs no person (RFC 6749 §4.1.1, 7636, 8707, 9396). */
export interface AuthorizationRequest {
  readonly oauthClientId: string;
  readonly redirectUri: string;
  readonly state?: string;
  readonly codeChallenge: string;
  /** The gateway that the tokens will be for. */
  readonly gateway: string;
  /** Whose hands the tokens are for: a third party's app, or a tool of the owner's own (scope `me:*`). */
  readonly holder: "app" | "owner";
  readonly access: IotAccess;
  /** `openid` was in the scope. */
  readonly wantsIdToken: boolean;
  readonly nonce?: string;
  readonly prompt?: "none" | "login" | "consent";
  /** How long ago the person's login may be at most; the ID token then says when it was. */
  readonly maxAgeSeconds?: number;
  /** Thumbprint of the key the code is to be bound to (RFC 9449 §10). */
  readonly dpopThumbprint?: string;
}

/**
 * Checks everything but the client and its redirect URI, which come first because an error may only be sent to
 * a redirect URI that has been checked.
 * @param gateways the resources this server issues tokens for; the first is the default.
 * @throws OAuthError to be sent to the redirect URI
 */
export function readAuthorizationRequest(
  parameters: Parameters,
  redirectUri: string,
  gateways: readonly string[],
): AuthorizationRequest {
  if (parameters.has("request")) throw new OAuthError("request_not_supported", "No request objects here.");
  const responseType = parameters.get("response_type");
  if (responseType === undefined)
    throw new OAuthError("invalid_request", "Missing parameter: response_type.");
  if (responseType !== "code") throw new OAuthError("unsupported_response_type", "Only the code flow.");
  if ((parameters.get("response_mode") ?? "query") !== "query") {
    throw new OAuthError("invalid_request", "Only response_mode=query.");
  }
  const codeChallenge = parameters.get("code_challenge");
  if (parameters.get("code_challenge_method") !== "S256" || codeChallenge === undefined) {
    throw new OAuthError("invalid_request", "PKCE with code_challenge_method=S256 is required.");
  }
  if (!isChallenge(codeChallenge)) throw new OAuthError("invalid_request", "code_challenge: not S256.");
  const state = parameters.get("state");
  const nonce = parameters.get("nonce");
  if ((state?.length ?? 0) > 1024 || (nonce?.length ?? 0) > 256) {
    throw new OAuthError("invalid_request", "state or nonce is too long.");
  }
  const thumbprint = parameters.get("dpop_jkt");
  if (thumbprint !== undefined && !isChallenge(thumbprint)) {
    throw new OAuthError("invalid_request", "dpop_jkt: not a SHA-256 thumbprint.");
  }
  const scope = parameters.get("scope");
  const prompt = readPrompt(parameters.get("prompt"));
  const maxAge = parameters.get("max_age");
  if (maxAge !== undefined && !/^\d{1,10}$/.test(maxAge)) {
    throw new OAuthError("invalid_request", "max_age: seconds.");
  }
  return {
    oauthClientId: parameters.get("client_id") ?? "",
    redirectUri,
    ...(state === undefined ? {} : { state }),
    codeChallenge,
    gateway: readGateway(parameters.get("resource"), gateways),
    ...(scope === OWNER_SCOPE
      ? { holder: "owner", access: { type: "iot_access", actions: [] } }
      : { holder: "app", access: readIotAccess(parameters.get("authorization_details"), scope) }),
    wantsIdToken: (scope ?? "").split(" ").includes("openid"),
    ...(nonce === undefined ? {} : { nonce }),
    ...(prompt === undefined ? {} : { prompt }),
    ...(maxAge === undefined ? {} : { maxAgeSeconds: Number(maxAge) }),
    ...(thumbprint === undefined ? {} : { dpopThumbprint: thumbprint }),
  };
}

/**
 * RFC 8707: a token is for one gateway.
 * @throws OAuthError `invalid_target`
 */
export function readGateway(resource: string | undefined, gateways: readonly string[]): string {
  const known = resource === undefined ? gateways[0] : findGateway(resource, gateways);
  if (known === undefined) throw new OAuthError("invalid_target", "resource: not a gateway of this server.");
  return known;
}

/** The gateway that a `resource` names, if it is one of these. */
export function findGateway(resource: string, gateways: readonly string[]): string | undefined {
  return gateways.find((gateway) => sameResource(gateway, resource));
}

function sameResource(gateway: string, resource: string): boolean {
  return gateway.replace(/\/$/, "") === resource.replace(/\/$/, "");
}

/** OpenID Connect Core §3.1.2.1: a list, in which `none` stands alone. Choosing an account is a login here. */
function readPrompt(prompt: string | undefined): "none" | "login" | "consent" | undefined {
  const words = new Set((prompt ?? "").split(" ").filter((word) => word !== ""));
  const isKnown = [...words].every((word) => PROMPTS.has(word));
  if (!isKnown || (words.has("none") && words.size > 1)) {
    throw new OAuthError("invalid_request", "prompt: none, or some of login, consent, select_account.");
  }
  if (words.has("login") || words.has("select_account")) return "login";
  if (words.has("none")) return "none";
  return words.has("consent") ? "consent" : undefined;
}

const PROMPTS: ReadonlySet<string> = new Set(["none", "login", "consent", "select_account"]);
