import type { Client, PresentedCredential } from "../../../durable-objects/registry/clients.ts";
import { type ClientCredential, readClientCredential } from "../../../engines/oauth/client-authentication.ts";
import { checkClientAssertion } from "../../../engines/oauth/jwt-verification.ts";
import { OAuthError } from "../../../engines/oauth/oauth-error.ts";
import type { Parameters } from "../../../engines/oauth/parameters.ts";
import type { DidpContext } from "./didp-app.ts";
import { registryForClient } from "./registries.ts";
import { isFirstUse } from "./replay.ts";

/** A client that says who it is, with its credential in the form that the registry compares. */
export interface Caller {
  readonly oauthClientId: string;
  readonly credential: PresentedCredential;
}

/** @throws OAuthError `invalid_client` or `invalid_request` if there is no way to tell */
export async function readCaller(c: DidpContext, parameters: Parameters): Promise<Caller> {
  const credential = readClientCredential(c.req.header("authorization"), parameters);
  return { oauthClientId: credential.oauthClientId, credential: await presented(c, credential) };
}

/** The registry object of a caller. @throws OAuthError `invalid_client` for an id that is none */
export function registryOfCaller(c: DidpContext, caller: Caller) {
  const registry = registryForClient(c.env, caller.oauthClientId);
  if (registry === undefined) throw wrongClient();
  return registry;
}

/** Proves the caller, one hop. @throws OAuthError `invalid_client` */
export async function authenticateApp(c: DidpContext, caller: Caller): Promise<Client & { kind: "app" }> {
  const client: Client | undefined = await registryOfCaller(c, caller).authenticate(
    caller.oauthClientId,
    caller.credential,
  );
  if (client?.kind !== "app") throw wrongClient();
  return client;
}

/** The one answer to every wrong client, whatever is wrong about it. */
export function wrongClient(): OAuthError {
  return new OAuthError("invalid_client", "Unknown client or wrong credential.");
}

async function presented(c: DidpContext, credential: ClientCredential): Promise<PresentedCredential> {
  switch (credential.method) {
    case "client_secret_basic":
      return {
        method: "client_secret_basic",
        secretHash: await c.var.config.keys.hash("client-secret", credential.secret),
      };
    case "none":
      return { method: "none" };
    case "private_key_jwt":
      await checkAssertion(c, credential.oauthClientId, credential.assertion);
      return { method: "private_key_jwt" };
  }
}

/** @throws OAuthError `invalid_client` unless the assertion is signed by a key of this client, and new */
async function checkAssertion(c: DidpContext, oauthClientId: string, assertion: string): Promise<void> {
  const client = await registryForClient(c.env, oauthClientId)?.client(oauthClientId);
  const { issuer } = c.var.config;
  const audiences = [issuer, `${issuer}${c.req.path}`, `${issuer}/token`];
  const keys = client?.metadata.jwks;
  const id =
    keys === undefined
      ? undefined
      : await checkClientAssertion(assertion, oauthClientId, keys, audiences, Date.now());
  if (id === undefined || !(await isFirstUse(c, oauthClientId.slice(2), "assertion", id)))
    throw wrongClient();
}
