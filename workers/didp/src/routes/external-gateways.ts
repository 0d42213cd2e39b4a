import { Hono } from "hono";
import type { ExternalGateway } from "../../../../durable-objects/registry/external-gateways.ts";
import { signerOf } from "../../../../durable-objects/registry/signer.ts";
import { parseAccessToken } from "../../../../engines/oauth/access-token.ts";
import type { AppIntrospection, Introspection } from "../../../../engines/oauth/authority.ts";
import { readClientCredential } from "../../../../engines/oauth/client-authentication.ts";
import { checkClientAssertion } from "../../../../engines/oauth/jwt-verification.ts";
import { OAuthError } from "../../../../engines/oauth/oauth-error.ts";
import { type Parameters, required } from "../../../../engines/oauth/parameters.ts";
import { authenticateApp, readCaller, wrongClient } from "../client-authentication.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";
import { oauthAnswer } from "../oauth-answers.ts";
import { registryFor } from "../registries.ts";
import { isFirstUse } from "../replay.ts";
import { readForm } from "../requests.ts";

/** What a gateway of another operator may ask, by `private_key_jwt`: the same as `ForGateways` (IDENTITY.md §2.G). */
export const externalGateways = new Hono<DidpApp>();

/** RFC 7662; as a signed answer (RFC 9701) to whoever accepts one. */
externalGateways.post("/introspect", async (c) => {
  const parameters = await readForm(c);
  const token = required(parameters, "token");
  const gateway = await gatewayOf(c, parameters);
  const home = registryFor(c.env, token);
  // A token of an app's own is a random one, known by its hash; any other says what it is.
  const found =
    parseAccessToken(token) === undefined
      ? await home?.introspectApp(gateway.uri, token)
      : await home?.introspect(gateway.uri, token);
  const answer = introspectionAnswer(found ?? { active: false });
  if (!(c.req.header("accept") ?? "").includes("application/token-introspection+jwt")) {
    return oauthAnswer(c, answer);
  }
  const signer = await signerOf(c.var.config.keys);
  const signed = await signer.sign(
    {
      iss: c.var.config.issuer,
      aud: gateway.uri,
      iat: Math.floor(Date.now() / 1000),
      token_introspection: answer,
    },
    "token-introspection+jwt",
  );
  return c.body(signed, 200, {
    "content-type": "application/token-introspection+jwt",
    "cache-control": "no-store",
  });
});

/** The selection page asks what a ticket is about. */
externalGateways.post("/consent/redeem", async (c) => {
  const parameters = await readForm(c);
  const gateway = await gatewayOf(c, parameters);
  const ticket = required(parameters, "ticket");
  const request = await registryFor(c.env, ticket)?.redeemTicket(gateway.uri, ticket);
  if (request === undefined)
    throw new OAuthError("invalid_request", "ticket: not good here, or not any more.");
  return oauthAnswer(c, {
    user: request.user,
    grant_id: request.grantId,
    app: request.app,
    app_name: request.appName,
    app_origin: request.appOrigin,
    actions: request.actions,
    purpose: request.purpose,
    exp: Math.floor(request.expiresAtMs / 1000),
  });
});

/** And says, once, what the owner chose. */
externalGateways.post("/consent/conclude", async (c) => {
  const parameters = await readForm(c);
  const gateway = await gatewayOf(c, parameters);
  const ticket = required(parameters, "ticket");
  const outcome = required(parameters, "outcome");
  if (outcome !== "approved" && outcome !== "denied") {
    throw new OAuthError("invalid_request", "outcome: approved or denied.");
  }
  const back = await registryFor(c.env, ticket)?.concludeConsent(gateway.uri, ticket, outcome);
  if (back === undefined) throw new OAuthError("invalid_request", "ticket: not good here, or not any more.");
  return oauthAnswer(c, { return_uri: back.returnUri });
});

/**
 * No client, no user name, no token id: a gateway learns what it has to enforce and no more. A token of an app's own
 * is of kind `client`, and its subject is the app as this gateway knows it.
 */
function introspectionAnswer(found: Introspection | AppIntrospection): Readonly<Record<string, unknown>> {
  if (!found.active) return { active: false };
  if ("app" in found) {
    return { active: true, sub: found.app, kind: "client", exp: Math.floor(found.expiresAtMs / 1000) };
  }
  const { user, kind, handle, permissions, expiresAtMs, epoch } = found.authority;
  return {
    active: true,
    sub: user,
    kind,
    hdl: handle,
    aif: permissions,
    exp: Math.floor(expiresAtMs / 1000),
    epoch,
  };
}

/** @throws OAuthError `invalid_client`; `access_denied` for a client that is right but no gateway */
async function gatewayOf(c: DidpContext, parameters: Parameters): Promise<ExternalGateway> {
  const { externalGateways: known, issuer, keys } = c.var.config;
  const credential = readClientCredential(c.req.header("authorization"), parameters);
  const gateway = known.find((one) => one.uri === credential.oauthClientId);
  if (gateway === undefined) {
    await authenticateApp(c, await readCaller(c, parameters));
    throw new OAuthError("access_denied", "Only gateways may ask this.");
  }
  if (credential.method !== "private_key_jwt") throw wrongClient();
  const audiences = [issuer, `${issuer}${c.req.path}`];
  const id = await checkClientAssertion(
    credential.assertion,
    gateway.uri,
    gateway.jwks,
    audiences,
    Date.now(),
  );
  const owner = await keys.hash("gateway", gateway.uri);
  if (id === undefined || !(await isFirstUse(c, owner, "assertion", id))) throw wrongClient();
  return gateway;
}
