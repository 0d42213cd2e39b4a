import { Hono } from "hono";
import type { CodeResult } from "../../../../durable-objects/registry/app-consents.ts";
import type { TokenResult } from "../../../../durable-objects/registry/grant-tokens.ts";
import { tokenAnswer } from "../../../../durable-objects/registry/token-answer.ts";
import { readGateway } from "../../../../engines/oauth/authorization-request.ts";
import { DEVICE_CODE_GRANT } from "../../../../engines/oauth/client-metadata.ts";
import { RULES_SCOPE } from "../../../../engines/oauth/iot-access.ts";
import { OAuthError, type OAuthErrorCode } from "../../../../engines/oauth/oauth-error.ts";
import { type Parameters, required } from "../../../../engines/oauth/parameters.ts";
import { authenticateApp, type Caller, readCaller, registryOfCaller } from "../client-authentication.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";
import { readTokenProof } from "../dpop.ts";
import { idTokenFor } from "../id-token.ts";
import { oauthAnswer } from "../oauth-answers.ts";
import { isDeviceId, registryFor } from "../registries.ts";
import { readForm } from "../requests.ts";

/** `POST /token` (RFC 6749 §3.2) and `POST /revoke` (RFC 7009). */
export const token = new Hono<DidpApp>();

token.post("/token", async (c) => {
  const parameters = await readForm(c);
  const grantType = required(parameters, "grant_type");
  const caller = await readCaller(c, parameters);
  if (grantType === "client_credentials") return ofTheApp(c, caller, parameters);
  const resource = parameters.get("resource");
  // Before anything is spent: a mistake here must not cost the app its code or its refresh token.
  const gateway = resource === undefined ? undefined : readGateway(resource, c.var.config.gateways);
  const result = await grant(c, grantType, caller, parameters, gateway);
  if ("error" in result) throw new OAuthError(result.error, wordsOf(result.error));
  if (gateway !== undefined && gateway !== result.tokens.gateway) {
    throw new OAuthError("invalid_target", wordsOf("invalid_target"));
  }
  const { gateways, routes } = c.var.config;
  const answer = await tokenAnswer({ uri: gateways[0], routes }, result.tokens);
  if (result.idToken === undefined) return oauthAnswer(c, answer);
  const idToken = await idTokenFor(c.var.config, caller.oauthClientId, result.tokens.anon, result.idToken);
  return oauthAnswer(c, { ...answer, scope: `openid ${result.tokens.scope}`, id_token: idToken });
});

token.post("/revoke", async (c) => {
  const parameters = await readForm(c);
  const presented = required(parameters, "token");
  const caller = await readCaller(c, parameters);
  const client = await registryOfCaller(c, caller).authenticate(caller.oauthClientId, caller.credential);
  if (client === undefined) throw new OAuthError("invalid_client", wordsOf("invalid_client"));
  // RFC 7009 §2.2: 200 for a token that is unknown or wrong, too.
  const result = await registryFor(c.env, presented)?.revokeByToken(presented, caller.oauthClientId);
  if (result?.error !== undefined) throw new OAuthError(result.error, wordsOf(result.error));
  return c.body(null, 200, { "cache-control": "no-store" });
});

/** A token of the app's own: no user, no refresh token, one scope (RFC 6749 §4.4). */
async function ofTheApp(c: DidpContext, caller: Caller, parameters: Parameters): Promise<Response> {
  const client = await authenticateApp(c, caller);
  if (client.metadata.authMethod === "none")
    throw new OAuthError("unauthorized_client", "Only an app with a credential has tokens of its own.");
  await readTokenProof(c, client);
  if ((parameters.get("scope") ?? RULES_SCOPE) !== RULES_SCOPE)
    throw new OAuthError("invalid_scope", `scope: ${RULES_SCOPE} is the only one without a user.`);
  const gateway = readGateway(parameters.get("resource"), c.var.config.gateways);
  const registry = registryOfCaller(c, caller);
  const { token, expiresInSeconds } = await registry.issueAppToken(client.oauthClientId, gateway);
  return oauthAnswer(c, {
    access_token: token,
    token_type: "Bearer",
    expires_in: expiresInSeconds,
    scope: RULES_SCOPE,
  });
}

function grant(
  c: DidpContext,
  grantType: string,
  caller: Caller,
  parameters: Parameters,
  gateway: string | undefined,
): Promise<CodeResult> {
  const isDevice = isDeviceId(caller.oauthClientId);
  switch (grantType) {
    case DEVICE_CODE_GRANT:
      return isDevice ? pollDeviceCode(c, caller, parameters) : notForThisClient(c, caller);
    case "refresh_token":
      return isDevice
        ? refreshDevice(c, caller, parameters, gateway)
        : refreshApp(c, caller, parameters, gateway);
    case "authorization_code":
      return isDevice ? notForThisClient(c, caller) : exchangeCode(c, caller, parameters, gateway);
    default:
      throw new OAuthError("unsupported_grant_type", "grant_type: not offered here.");
  }
}

/** RFC 6749 §5.2: a client that is who it says, and has no business here. */
async function notForThisClient(c: DidpContext, caller: Caller): Promise<TokenResult> {
  const client = await registryOfCaller(c, caller).authenticate(caller.oauthClientId, caller.credential);
  return { error: client === undefined ? "invalid_client" : "unauthorized_client" };
}

async function pollDeviceCode(c: DidpContext, caller: Caller, parameters: Parameters): Promise<TokenResult> {
  return registryOfCaller(c, caller).pollDeviceCode(
    caller.oauthClientId,
    caller.credential,
    required(parameters, "device_code"),
    c.var.config.devicePollSeconds * 1000,
  );
}

async function refreshDevice(
  c: DidpContext,
  caller: Caller,
  parameters: Parameters,
  gateway: string | undefined,
): Promise<TokenResult> {
  return registryOfCaller(c, caller).refreshDevice(
    caller.oauthClientId,
    caller.credential,
    required(parameters, "refresh_token"),
    { gateway, scope: parameters.get("scope") },
  );
}

async function refreshApp(
  c: DidpContext,
  caller: Caller,
  parameters: Parameters,
  gateway: string | undefined,
): Promise<TokenResult> {
  const presented = required(parameters, "refresh_token");
  const client = await authenticateApp(c, caller);
  const demand = { thumbprint: await readTokenProof(c, client), gateway, scope: parameters.get("scope") };
  const registry = registryFor(c.env, presented);
  return registry === undefined
    ? { error: "invalid_grant" }
    : registry.refreshApp(client.oauthClientId, presented, demand);
}

async function exchangeCode(
  c: DidpContext,
  caller: Caller,
  parameters: Parameters,
  gateway: string | undefined,
): Promise<CodeResult> {
  const code = required(parameters, "code");
  const client = await authenticateApp(c, caller);
  const thumbprint = await readTokenProof(c, client);
  const registry = registryFor(c.env, code);
  if (registry === undefined) return { error: "invalid_grant" };
  return registry.exchangeCode({
    code,
    oauthClientId: client.oauthClientId,
    redirectUri: parameters.get("redirect_uri"),
    verifier: parameters.get("code_verifier"),
    bindsGrant: client.metadata.authMethod === "none",
    ...(gateway === undefined ? {} : { gateway }),
    ...(thumbprint === undefined ? {} : { dpopThumbprint: thumbprint }),
  });
}

const words: Partial<Record<OAuthErrorCode, string>> = {
  invalid_client: "Unknown client or wrong credential.",
  invalid_grant: "The grant is not valid, has ended or belongs to another client.",
  authorization_pending: "Nobody has agreed yet.",
  slow_down: "Wait five seconds longer between two polls.",
  expired_token: "The device code has expired; ask for a new one.",
  access_denied: "The person said no.",
  unauthorized_client: "grant_type: not for this kind of client.",
  invalid_scope: "scope: more than was granted.",
  invalid_target: "resource: this grant is for another gateway.",
};

function wordsOf(error: OAuthErrorCode): string {
  return words[error] ?? "Refused.";
}
