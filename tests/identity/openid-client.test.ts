import * as client from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REDIRECT_URI } from "./support/app.ts";
import { makeExternalGateway } from "./support/external-gateway.ts";
import { DEVICE_CODE_GRANT, openFactory, SOFTWARE_ID } from "./support/factory.ts";
import { consent, introspect, openClaim } from "./support/flows.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";

/*
 * `openid-client`, unmodified, through every grant: it reads the metadata, picks the endpoints and checks each answer
 * itself. That the issuer is plain http on one's own machine is the only thing it is told to let pass.
 */

const PORT = 19_400;
const GATEWAY = "https://gateway.elsewhere.example";
const DETAILS = [{ type: "iot_access", actions: ["read", "command"], purpose: "A chart", duration: "P30D" }];
const options: client.DiscoveryRequestOptions = {
  algorithm: "oauth2",
  execute: [client.allowInsecureRequests],
};

let platform: Platform;
let issuer: URL;
let gatewayKey: CryptoKey;

beforeAll(async () => {
  const gateway = await makeExternalGateway(GATEWAY, `http://127.0.0.1:${PORT + 4}/events`);
  gatewayKey = gateway.privateKey;
  platform = await startPlatform(PORT, { EXTERNAL_GATEWAYS: JSON.stringify([gateway.setting]) });
  issuer = new URL(platform.didp);
});
afterAll(() => platform.stop());

type Proof = { DPoP: client.DPoPHandle } | undefined;

function registerApp(
  metadata: Partial<client.ClientMetadata>,
  auth?: client.ClientAuth,
): Promise<client.Configuration> {
  const fields = { client_name: "Room chart", redirect_uris: [REDIRECT_URI], ...metadata };
  return client.dynamicClientRegistration(issuer, fields, auth, options);
}

/** Authorization code with PKCE and details, by a URL or pushed, up to the tokens. */
async function obtain(
  app: client.Configuration,
  account: string,
  way: "plain" | "pushed",
  changes: Readonly<Record<string, string>> = {},
  proof?: Proof,
) {
  const [pkceCodeVerifier, expectedState] = [client.randomPKCECodeVerifier(), client.randomState()];
  const parameters = {
    redirect_uri: REDIRECT_URI,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    state: expectedState,
    authorization_details: JSON.stringify(DETAILS),
    ...changes,
  };
  const url =
    way === "plain"
      ? client.buildAuthorizationUrl(app, parameters)
      : await client.buildAuthorizationUrlWithPAR(app, parameters, proof);
  const callback = await consent(platform, new Person(account), url.href);
  const expectedNonce = changes.nonce === undefined ? {} : { expectedNonce: changes.nonce };
  const checks = { pkceCodeVerifier, expectedState, ...expectedNonce };
  return { url, tokens: await client.authorizationCodeGrant(app, callback, checks, undefined, proof) };
}

const isActive = async (token: string) => (await introspect(platform, token)).active;

test("it discovers the server under both well-known paths, by the same issuer", async () => {
  for (const algorithm of ["oauth2", "oidc"] as const) {
    const found = await client.discovery(issuer, "nobody", undefined, client.None(), {
      ...options,
      algorithm,
    });
    expect(found.serverMetadata().issuer).toBe(platform.didp);
    expect(found.serverMetadata().supportsPKCE()).toBe(true);
  }
});

describe("an app, from its registration to the end of its grant", () => {
  test.each(["plain", "pushed"] as const)(
    "public, its request %s: code, PKCE, details, refresh, revocation",
    async (way) => {
      const app = await registerApp({ token_endpoint_auth_method: "none" }, client.None());
      const { tokens } = await obtain(app, "alice", way);
      expect(tokens.authorization_details).toEqual(DETAILS);
      expect(await isActive(tokens.access_token)).toBe(true);

      const next = await client.refreshTokenGrant(app, tokens.refresh_token ?? "");
      expect(next.refresh_token).not.toBe(tokens.refresh_token);
      expect(await isActive(next.access_token)).toBe(true);

      await client.tokenRevocation(app, "unknown");
      expect(await isActive(next.access_token)).toBe(true);
      await client.tokenRevocation(app, next.refresh_token ?? "");
      expect(await isActive(next.access_token)).toBe(false);
      await expect(client.refreshTokenGrant(app, next.refresh_token ?? "")).rejects.toMatchObject({
        error: "invalid_grant",
      });
    },
  );

  test("with a secret: pushed requests keep everything but their name out of the URL", async () => {
    const app = await registerApp(
      { token_endpoint_auth_method: "client_secret_basic" },
      client.ClientSecretBasic(),
    );
    const { url, tokens } = await obtain(app, "bob", "pushed");
    expect([...url.searchParams.keys()].sort()).toEqual(["client_id", "request_uri"]);
    const next = await client.refreshTokenGrant(app, tokens.refresh_token ?? "");
    await client.tokenRevocation(app, next.access_token);
    expect(await isActive(next.access_token)).toBe(false);
  });

  test("with a secret: a token of its own, of no user's, that cannot be refreshed", async () => {
    const app = await registerApp(
      { token_endpoint_auth_method: "client_secret_basic" },
      client.ClientSecretBasic(),
    );
    const tokens = await client.clientCredentialsGrant(app);
    expect(tokens.access_token).toBeTypeOf("string");
    expect(tokens.refresh_token).toBeUndefined();
    const publicApp = await registerApp({ token_endpoint_auth_method: "none" }, client.None());
    await expect(client.clientCredentialsGrant(publicApp)).rejects.toMatchObject({
      error: "unauthorized_client",
    });
  });

  test("with a key of its own: every request by private_key_jwt", async () => {
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
      "sign",
      "verify",
    ]);
    const { kty = "", crv = "", x = "", y = "" } = await crypto.subtle.exportKey("jwk", pair.publicKey);
    const app = await registerApp(
      { token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [{ kty, crv, x, y }] } },
      client.PrivateKeyJwt(pair.privateKey),
    );
    const { tokens } = await obtain(app, "carol", "pushed");
    const next = await client.refreshTokenGrant(app, tokens.refresh_token ?? "");
    await client.tokenRevocation(app, next.refresh_token ?? "");
    expect(await isActive(next.access_token)).toBe(false);
  });

  test("bound to a key (DPoP): its refresh token is worth nothing without the key", async () => {
    const app = await registerApp({ token_endpoint_auth_method: "none" }, client.None());
    const proof = { DPoP: client.getDPoPHandle(app, await client.randomDPoPKeyPair()) };
    const { tokens } = await obtain(app, "dora", "pushed", {}, proof);
    await expect(client.refreshTokenGrant(app, tokens.refresh_token ?? "")).rejects.toMatchObject({
      error: "invalid_grant",
    });
    const stranger = { DPoP: client.getDPoPHandle(app, await client.randomDPoPKeyPair()) };
    await expect(
      client.refreshTokenGrant(app, tokens.refresh_token ?? "", undefined, stranger),
    ).rejects.toMatchObject({ error: "invalid_grant" });
    const next = await client.refreshTokenGrant(app, tokens.refresh_token ?? "", undefined, proof);
    expect(await isActive(next.access_token)).toBe(true);
  });

  test("with an ID token: pairwise, for this nonce, signed by a key of the server's set", async () => {
    const app = await registerApp(
      { token_endpoint_auth_method: "none", id_token_signed_response_alg: "EdDSA" },
      client.None(),
    );
    client.enableNonRepudiationChecks(app);
    const { tokens } = await obtain(app, "emil", "plain", { scope: "openid", nonce: "n-1" });
    expect(tokens.claims()).toMatchObject({ iss: platform.didp, nonce: "n-1", sub: expect.any(String) });
  });

  test("an answer that names another issuer, another state or no code is not taken by it", async () => {
    const app = await registerApp({ token_endpoint_auth_method: "none" }, client.None());
    const callback = (fields: Record<string, string>) => {
      const url = new URL(REDIRECT_URI);
      url.search = new URLSearchParams({ iss: platform.didp, state: "s", code: "c", ...fields }).toString();
      return client.authorizationCodeGrant(app, url, {
        expectedState: "s",
        pkceCodeVerifier: "v".repeat(43),
      });
    };
    await expect(callback({ iss: "https://evil.example" })).rejects.toThrow();
    await expect(callback({ state: "t" })).rejects.toThrow();
    // Rightly named, the server is asked, and says no itself.
    await expect(callback({})).rejects.toMatchObject({ error: "invalid_grant" });
  });
});

/** Made by a factory, switched on, polled for while its owner agrees. */
async function ownDevice(account: string, parameters: Readonly<Record<string, string>> = {}) {
  const factory = await openFactory(platform);
  const device = await client.dynamicClientRegistration(
    issuer,
    {
      client_name: "Sensor",
      software_id: SOFTWARE_ID,
      grant_types: [DEVICE_CODE_GRANT, "refresh_token"],
      token_endpoint_auth_method: "client_secret_basic",
    },
    client.ClientSecretBasic(),
    { ...options, initialAccessToken: factory.token },
  );
  const started = await client.initiateDeviceAuthorization(device, parameters);
  expect(started.verification_uri).toBe(`${platform.didp}/d`);
  const waiting = client.pollDeviceAuthorizationGrant(device, started);
  const owner = new Person(account);
  const page = await openClaim(platform, owner, String(device.clientMetadata().user_code));
  await owner.submit(page, { name: "Hall", decision: "approve" });
  return { device, tokens: await waiting };
}

test("a device: registered with a factory's token, switched on, polled for, claimed, refreshed, revoked", async () => {
  const { device, tokens } = await ownDevice("frank");
  expect(await isActive(tokens.access_token)).toBe(true);
  const next = await client.refreshTokenGrant(device, tokens.refresh_token ?? "");
  expect(await isActive(next.access_token)).toBe(true);
  await client.tokenRevocation(device, next.refresh_token ?? "");
  expect(await isActive(next.access_token)).toBe(false);
});

test("a gateway asks what a token for it is worth; another's token is nothing to it, and an app may not ask", async () => {
  const gateway = await client.discovery(
    issuer,
    GATEWAY,
    undefined,
    client.PrivateKeyJwt(gatewayKey),
    options,
  );
  const ask = (token: string) => client.tokenIntrospection(gateway, token);
  const { device, tokens } = await ownDevice("gina", { resource: GATEWAY });
  const answer = await ask(tokens.access_token);
  expect(answer).toMatchObject({ active: true, kind: "device", epoch: 1, aif: expect.any(Array) });
  for (const forbidden of ["client_id", "username", "jti", "iss"])
    expect(answer).not.toHaveProperty(forbidden);
  await client.tokenRevocation(device, tokens.access_token);
  expect(await ask(tokens.access_token)).toEqual({ active: false });

  const app = await registerApp(
    { token_endpoint_auth_method: "client_secret_basic" },
    client.ClientSecretBasic(),
  );
  const elsewhere = await obtain(app, "gina", "pushed");
  expect(await ask(elsewhere.tokens.access_token)).toEqual({ active: false });
  await expect(client.tokenIntrospection(app, elsewhere.tokens.access_token)).rejects.toMatchObject({
    status: 403,
  });
});
