import { plainText } from "./iot-access.ts";
import { OAuthError } from "./oauth-error.ts";
import { isRegistrableRedirectUri } from "./redirect-uri.ts";

/** An app as registered (RFC 7591 §2, the part that means something here). */
export interface AppMetadata {
  readonly clientName: string;
  readonly redirectUris: readonly string[];
  readonly applicationType: "web" | "native";
  readonly authMethod: "none" | "client_secret_basic" | "private_key_jwt";
  readonly clientUri?: string;
  /** Public keys for `private_key_jwt` (RFC 7517). */
  readonly jwks?: JsonWebKeySet;
  readonly dpopBound: boolean;
}

/** A device as its manufacturer registers it (IDENTITY.md §2.A step 2). */
export interface DeviceMetadata {
  readonly clientName: string;
  readonly softwareId: string;
  readonly softwareVersion: string;
  readonly authMethod: "client_secret_basic" | "private_key_jwt";
  readonly jwks?: JsonWebKeySet;
  readonly claimPolicy: "online" | "button" | "possession";
  /** What a reset at the device means: a question to the owner, or the end of the ownership. */
  readonly resetPolicy: "owner_confirms" | "possession_is_ownership";
}

export interface JsonWebKeySet {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

export const DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

type Json = Readonly<Record<string, unknown>>;

/** @throws OAuthError `invalid_client_metadata`, `invalid_redirect_uri` */
export function readAppMetadata(body: Json): AppMetadata {
  const applicationType = oneOf(body.application_type ?? "web", ["web", "native"], "application_type");
  const redirectUris = strings(body.redirect_uris, "redirect_uris", 10);
  if (redirectUris.length === 0) throw new OAuthError("invalid_redirect_uri", "redirect_uris: at least one.");
  for (const uri of redirectUris) {
    if (!isRegistrableRedirectUri(uri, applicationType)) {
      throw new OAuthError("invalid_redirect_uri", "redirect_uris: https, or http on a loopback address.");
    }
  }
  subset(body.grant_types, ["authorization_code", "refresh_token", "client_credentials"], "grant_types");
  subset(body.response_types, ["code"], "response_types");
  const authMethod = oneOf(
    body.token_endpoint_auth_method ?? "client_secret_basic",
    ["none", "client_secret_basic", "private_key_jwt"],
    "token_endpoint_auth_method",
  );
  const name = body.client_name === undefined ? "" : text(body.client_name, "client_name", 80);
  const clientUri = body.client_uri === undefined ? undefined : httpUri(body.client_uri);
  return {
    clientName: name === "" ? new URL(redirectUris[0] ?? "").host || "An app" : name,
    redirectUris,
    applicationType,
    authMethod,
    ...(clientUri === undefined ? {} : { clientUri }),
    ...keysFor(authMethod, body),
    dpopBound: body.dpop_bound_access_tokens === true,
  };
}

/** @throws OAuthError `invalid_client_metadata` */
export function readDeviceMetadata(body: Json): DeviceMetadata {
  subset(body.grant_types, [DEVICE_CODE_GRANT, "refresh_token"], "grant_types");
  const authMethod = oneOf(
    body.token_endpoint_auth_method ?? "client_secret_basic",
    ["client_secret_basic", "private_key_jwt"],
    "token_endpoint_auth_method",
  );
  const softwareId = text(body.software_id, "software_id", 128);
  if (softwareId === "") throw refused("software_id: required");
  return {
    clientName: body.client_name === undefined ? "" : text(body.client_name, "client_name", 80),
    softwareId,
    softwareVersion:
      body.software_version === undefined ? "" : text(body.software_version, "software_version", 64),
    authMethod,
    ...keysFor(authMethod, body),
    claimPolicy: oneOf(body.claim_policy ?? "online", ["online", "button", "possession"], "claim_policy"),
    resetPolicy: oneOf(
      body.reset_policy ?? "owner_confirms",
      ["owner_confirms", "possession_is_ownership"],
      "reset_policy",
    ),
  };
}

/** Whether a registration body is a device's: only those name the device grant. */
export function isDeviceBody(body: Json): boolean {
  return Array.isArray(body.grant_types) && body.grant_types.includes(DEVICE_CODE_GRANT);
}

function keysFor(authMethod: string, body: Json): { jwks?: JsonWebKeySet } {
  if (body.jwks_uri !== undefined) throw refused("jwks_uri: send the keys as jwks");
  if (authMethod !== "private_key_jwt") {
    if (body.jwks !== undefined) throw refused("jwks: only with private_key_jwt");
    return {};
  }
  const keys: unknown = isObject(body.jwks) ? body.jwks.keys : undefined;
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > 4) throw refused("jwks: one to four keys");
  return { jwks: { keys: keys.map(publicKey) } };
}

/** Only members of a public key, of a curve or type that is verified here; a private key is refused, not stripped. */
function publicKey(key: unknown): Readonly<Record<string, unknown>> {
  if (!isObject(key)) throw refused("jwks: keys are objects");
  if (["d", "p", "q", "dp", "dq", "qi", "oth", "k"].some((name) => name in key)) {
    throw refused("jwks: a private or shared key does not belong here");
  }
  const known =
    (key.kty === "EC" && key.crv === "P-256") ||
    (key.kty === "OKP" && key.crv === "Ed25519") ||
    key.kty === "RSA";
  if (!known) throw refused("jwks: P-256, Ed25519 or RSA");
  const kept = ["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"].flatMap((name) => {
    const value = key[name];
    return typeof value === "string" && value.length <= 1024 ? [[name, value] as const] : [];
  });
  return Object.fromEntries(kept);
}

function oneOf<const T extends string>(value: unknown, choices: readonly T[], name: string): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw refused(`${name}: one of ${choices.join(", ")}`);
  return found;
}

function subset(value: unknown, allowed: readonly string[], name: string): void {
  if (value === undefined) return;
  if (!strings(value, name, 10).every((word) => allowed.includes(word))) {
    throw refused(`${name}: only ${allowed.join(", ")}`);
  }
}

function strings(value: unknown, name: string, most: number): readonly string[] {
  if (!Array.isArray(value) || value.length > most) throw refused(`${name}: a list of up to ${most}`);
  return value.map((item: unknown) => {
    if (typeof item !== "string") throw refused(`${name}: strings`);
    return item;
  });
}

function text(value: unknown, name: string, most: number): string {
  if (typeof value !== "string" || value.length > most) throw refused(`${name}: up to ${most} characters`);
  return plainText(value);
}

function httpUri(value: unknown): string {
  const uri = text(value, "client_uri", 256);
  if (!URL.canParse(uri) || !/^https?:$/.test(new URL(uri).protocol))
    throw refused("client_uri: http or https");
  return uri;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refused(rule: string): OAuthError {
  return new OAuthError("invalid_client_metadata", `${rule}.`);
}
