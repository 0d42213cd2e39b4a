import { exportJWK, generateKeyPair, SignJWT } from "jose";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { insecure, REDIRECT_URI, StrictApp } from "./support/app.ts";
import { makeExternalGateway } from "./support/external-gateway.ts";
import { asDevice, DEVICE_CODE_GRANT, openFactory } from "./support/factory.ts";
import { consent, introspect, openClaim, ownDevice } from "./support/flows.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";
import { errorOf } from "./support/requests.ts";

const PORT = 19_440;
const ELSEWHERE = "https://gateway.elsewhere.example";
const HOSTILE = "https://evil.example/landing?campaign=1";

let platform: Platform;
let factory: Awaited<ReturnType<typeof openFactory>>;

beforeAll(async () => {
  const elsewhere = await makeExternalGateway(ELSEWHERE, `http://127.0.0.1:${PORT + 4}/events`);
  platform = await startPlatform(PORT, { EXTERNAL_GATEWAYS: JSON.stringify([elsewhere.setting]) });
  factory = await openFactory(platform);
});
afterAll(() => platform.stop());

const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(`${platform.didp}${path}`, { method: "POST", headers, body: new URLSearchParams(fields) });

describe("this server leads nobody to an address that somebody has registered", () => {
  const registered = () =>
    StrictApp.register(platform, { redirect_uris: [HOSTILE], client_name: "Free gifts" });

  test.each([
    ["a mistake made on purpose", { response_type: "token" }],
    ["a question that cannot be met without the person", { prompt: "none" }],
    ["a scope that does not exist", { scope: "gifts" }],
  ])("by %s: a page says where it would go, and goes there only by a click", async (_, changes) => {
    const { url } = await (await registered()).begin({ redirect_uri: HOSTILE, ...changes });
    const answer = await fetch(url, { redirect: "manual", headers: { accept: "text/html" } });
    expect([answer.status, answer.headers.get("location")]).toEqual([400, null]);
    const html = await answer.text();
    expect(html).toContain("not verified");
    const href = /<a class="button" href="([^"]*)"/.exec(html)?.[1]?.replaceAll("&amp;", "&") ?? "";
    const target = new URL(href);
    expect(target.origin).toBe("https://evil.example");
    expect(target.searchParams.get("campaign")).toBe("1");
    expect(target.searchParams.get("iss")).toBe(platform.didp);
    expect(target.searchParams.has("error")).toBe(true);
    expect(html).not.toMatch(/http-equiv="refresh"|<script/);
  });

  test("an app on one's own machine hears of its mistake as the standard has it", async () => {
    const { url } = await (await StrictApp.register(platform)).begin({ response_type: "token" });
    const answer = await fetch(url, { redirect: "manual" });
    expect(answer.headers.get("location")).toContain(`${REDIRECT_URI}?error=unsupported_response_type`);
  });
});

describe("a wrong resource costs nothing", () => {
  const refused = { error: "invalid_target" };
  const wrong = { additionalParameters: { resource: ELSEWHERE } };

  test("neither the code nor the grant: the app asks again and gets its tokens", async () => {
    const app = await StrictApp.register(platform);
    const begun = await app.begin();
    const callback = await consent(platform, new Person("alice"), begun.url.href);
    const fields = {
      grant_type: "authorization_code",
      client_id: app.client.client_id,
      code: callback.searchParams.get("code") ?? "",
      redirect_uri: REDIRECT_URI,
      code_verifier: begun.verifier,
    };
    for (const resource of [ELSEWHERE, "https://nowhere.example"]) {
      expect(await errorOf(await post("/token", { ...fields, resource }))).toEqual([400, "invalid_target"]);
    }
    expect((await app.exchange(callback, begun)).access_token).toBeTypeOf("string");
    // Once it was used, a replay is one, whatever it names.
    expect(await errorOf(await post("/token", { ...fields, resource: ELSEWHERE }))).toEqual([
      400,
      "invalid_grant",
    ]);
  });

  test("nor a browser app its refresh token, which is good once", async () => {
    const app = await StrictApp.register(platform);
    const begun = await app.begin();
    const tokens = await app.exchange(await consent(platform, new Person("alice"), begun.url.href), begun);
    const response = await oauth.refreshTokenGrantRequest(
      app.server,
      app.client,
      oauth.None(),
      tokens.refresh_token ?? "",
      { ...insecure, ...wrong },
    );
    await expect(oauth.processRefreshTokenResponse(app.server, app.client, response)).rejects.toMatchObject(
      refused,
    );
    const next = await app.refresh(tokens.refresh_token ?? "");
    expect((await introspect(platform, next.access_token)).active).toBe(true);
  });
});

describe("an assertion", () => {
  test.each<[string, (didp: string) => string | string[], number]>([
    ["for this server alone is taken", (didp) => didp, 201],
    ["for this server alone, as a list, is taken", (didp) => [didp], 201],
    [
      "for this server and another, which could replay it, is refused",
      (didp) => [didp, "https://as.evil.example"],
      401,
    ],
    ["for another server is refused", () => "https://as.evil.example", 401],
  ])("%s", async (_, audience, status) => {
    const pair = await generateKeyPair("ES256", { extractable: true });
    const { kty = "", crv = "", x = "", y = "" } = await exportJWK(pair.publicKey);
    const jwks = { keys: [{ kty, crv, x, y }] };
    const app = await StrictApp.register(platform, { token_endpoint_auth_method: "private_key_jwt", jwks });
    const id = app.client.client_id;
    const client_assertion = await new SignJWT({ aud: audience(platform.didp), jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: "ES256" })
      .setIssuer(id)
      .setSubject(id)
      .setExpirationTime("1m")
      .sign(pair.privateKey);
    const { url } = await app.begin();
    const answer = await post("/par", {
      ...Object.fromEntries(url.searchParams),
      client_assertion,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    });
    expect(answer.status).toBe(status);
  });
});

describe("errors as the standards number them", () => {
  test("a person's no to a device is a 400 at the token endpoint (RFC 8628 §3.5)", async () => {
    const device = await factory.make();
    const send = asDevice(platform, device);
    const { device_code } = (await (await send("/device_authorization", {})).json()) as {
      device_code: string;
    };
    const person = new Person("bob");
    await person.submit(await openClaim(platform, person, device.user_code), { decision: "deny" });
    expect(await errorOf(await send("/token", { grant_type: DEVICE_CODE_GRANT, device_code }))).toEqual([
      400,
      "access_denied",
    ]);
  });

  test("a client that is right and in the wrong place is unauthorized_client, a wrong one invalid_client", async () => {
    const device = asDevice(platform, await factory.make());
    const { client_id } = (await StrictApp.register(platform)).client;
    const code = { grant_type: "authorization_code", code: "x", redirect_uri: REDIRECT_URI };
    const grant = { grant_type: DEVICE_CODE_GRANT, device_code: "x" };
    expect(await errorOf(await device("/token", code))).toEqual([400, "unauthorized_client"]);
    expect(await errorOf(await post("/token", { ...grant, client_id }))).toEqual([
      400,
      "unauthorized_client",
    ]);
    expect(await errorOf(await post("/device_authorization", { client_id }))).toEqual([
      400,
      "unauthorized_client",
    ]);
    const nobody = `a-${"A".repeat(22)}`;
    expect(await errorOf(await post("/token", { ...grant, client_id: nobody }))).toEqual([
      401,
      "invalid_client",
    ]);
    expect(await errorOf(await post("/device_authorization", { client_id: nobody }))).toEqual([
      401,
      "invalid_client",
    ]);
  });

  test.each(["login consent", "consent", "select_account", "consent  login"])(
    "prompt=%j is understood",
    async (prompt) => {
      const { url } = await (await StrictApp.register(platform)).begin({ prompt });
      const answer = await fetch(url, { redirect: "manual" });
      expect(answer.headers.get("location")).toMatch(/^\/authorize\/[\w-]{22}$/);
    },
  );

  test.each(["none login", "create", "login none"])("prompt=%j is not", async (prompt) => {
    const { url } = await (await StrictApp.register(platform)).begin({ prompt });
    const answer = await fetch(url, { redirect: "manual" });
    expect(answer.headers.get("location")).toContain("error=invalid_request");
  });
});

describe("methods and browsers", () => {
  test.each([
    ["GET", "/token", "POST"],
    ["PUT", "/par", "POST"],
    ["GET", "/revoke", "POST"],
    ["GET", "/introspect", "POST"],
    ["DELETE", "/register", "POST"],
    ["POST", "/jwks", "GET"],
    ["PUT", "/authorize", "GET, POST"],
    ["PATCH", `/register/a-${"A".repeat(22)}`, "GET, PUT, DELETE"],
  ])("%s %s is 405 and says what is allowed", async (method, path, allowed) => {
    const answer = await fetch(`${platform.didp}${path}`, { method });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, allowed]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  test("looking at a pushed request's link (HEAD) does not use it up", async () => {
    const { url } = await (await StrictApp.register(platform)).push();
    expect((await fetch(url, { method: "HEAD", redirect: "manual" })).status).toBe(405);
    expect((await fetch(url, { redirect: "manual" })).status).toBe(303);
  });

  test("a browser app may call what it needs, sees when to come back, and nothing that has a cookie", async () => {
    const headers = { origin: "https://app.example", "access-control-request-method": "POST" };
    for (const path of ["/token", "/par", "/revoke", "/register"]) {
      const answer = await fetch(`${platform.didp}${path}`, { method: "OPTIONS", headers });
      expect(answer.status).toBe(204);
      expect(answer.headers.get("access-control-allow-methods")).toBe("POST");
      expect(answer.headers.get("access-control-allow-headers")).toContain("dpop");
      expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    }
    for (const path of ["/jwks", "/.well-known/openid-configuration"]) {
      const answer = await fetch(`${platform.didp}${path}`, { headers });
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
      expect(answer.headers.get("access-control-expose-headers")).toContain("retry-after");
    }
    for (const path of [
      "/introspect",
      "/device_authorization",
      "/me/apps",
      "/authorize",
      "/consent/redeem",
    ]) {
      const answer = await fetch(`${platform.didp}${path}`, { headers });
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  test("every answer with a secret in it, and every error, is kept by nobody", async () => {
    const device = await factory.make();
    const tokens = await ownDevice(platform, device, new Person("carol"));
    const send = asDevice(platform, device);
    const app = await StrictApp.register(platform);
    const managed = { authorization: `Bearer ${app.client.registration_access_token}` };
    for (const answer of [
      await factory.register(),
      await send("/device_authorization", {}),
      await send("/token", { grant_type: "refresh_token", refresh_token: tokens.refresh_token }),
      await send("/token", { grant_type: "refresh_token", refresh_token: "x" }),
      await post("/par", Object.fromEntries((await app.begin()).url.searchParams)),
      await fetch(String(app.client.registration_client_uri), { headers: managed }),
      await fetch(String(app.client.registration_client_uri)),
      await send("/revoke", { token: "x" }),
    ]) {
      expect(answer.headers.get("cache-control"), answer.url).toBe("no-store");
    }
  });
});

describe("what is claimed and what is there", () => {
  test("metadata say no to what their silence would say yes to (OpenID Connect Discovery §3)", async () => {
    const answer = await fetch(`${platform.didp}/.well-known/openid-configuration`);
    expect(await answer.json()).toMatchObject({
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
      claims_parameter_supported: false,
    });
  });

  test("a registered app hears which grants it has, and how ID tokens are signed", async () => {
    const granted = async (token_endpoint_auth_method: string) => {
      const { client } = await StrictApp.register(platform, { token_endpoint_auth_method });
      expect(client).toMatchObject({ id_token_signed_response_alg: "EdDSA", subject_type: "pairwise" });
      return [client.grant_types, client.scope];
    };
    const open = ["authorization_code", "refresh_token"];
    const scope = "openid view:read view:control view:history";
    expect(await granted("none")).toEqual([open, scope]);
    expect(await granted("client_secret_basic")).toEqual([[...open, "client_credentials"], `${scope} rules`]);
  });
});

test("an app's own token ends where it is revoked, and by nobody else (RFC 7009 §2)", async () => {
  const [app, other] = await Promise.all(
    [1, 2].map(() => StrictApp.register(platform, { token_endpoint_auth_method: "client_secret_basic" })),
  );
  if (app === undefined || other === undefined) throw new Error("two were registered");
  const token = await app.ownToken(platform.gateway);
  const isActive = async () => {
    const query = new URLSearchParams({ uri: platform.gateway, token });
    const answer = await fetch(`${platform.gateway}/introspect-app?${query}`);
    return ((await answer.json()) as { active: boolean }).active;
  };
  await expect(other.revoke(token)).rejects.toMatchObject({ error: "invalid_grant" });
  expect(await isActive()).toBe(true);
  await app.revoke(token);
  expect(await isActive()).toBe(false);
});

test("another client's token is not revoked, and whoever tries is told (RFC 7009 §2.1)", async () => {
  const device = await factory.make();
  const tokens = await ownDevice(platform, device, new Person("alice"));
  const { client } = await StrictApp.register(platform);
  for (const token of [tokens.access_token, tokens.refresh_token]) {
    const fields = { token, client_id: client.client_id };
    expect(await errorOf(await post("/revoke", fields))).toEqual([400, "invalid_grant"]);
    // Changed by one letter it is no token, and none is revoked already.
    const guess = token.slice(0, 30) + (token[30] === "A" ? "B" : "A") + token.slice(31);
    expect((await post("/revoke", { ...fields, token: guess })).status).toBe(200);
  }
  expect((await introspect(platform, tokens.access_token)).active).toBe(true);
});

test("a body that is too large is an error in the endpoint's own words, for pages of other origins too", async () => {
  const headers = { "content-type": "application/x-www-form-urlencoded", origin: "https://app.example" };
  for (const path of ["/token", "/par", "/register"]) {
    const body = `grant_type=${"x".repeat(70_000)}`;
    const answer = await fetch(`${platform.didp}${path}`, { method: "POST", headers, body });
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(await errorOf(answer)).toEqual([413, "invalid_request"]);
  }
});

test("a device hears what has to be done at it (IDENTITY.md §2.C)", async () => {
  const started = async (claim_policy: string) => {
    const answer = await asDevice(platform, await factory.make({ claim_policy }))(
      "/device_authorization",
      {},
    );
    return (await answer.json()) as Record<string, unknown>;
  };
  expect(await started("button")).toMatchObject({ presence: "button", interval: 1 });
  expect(await started("online")).not.toHaveProperty("presence");
});

describe("refreshing for a scope (RFC 6749 §6)", () => {
  test("an app gets no more than it was granted, and asking costs it nothing", async () => {
    const app = await StrictApp.register(platform);
    // What OpenID clients ask for without a thought means nothing here (OpenID Connect Core §3.1.2.1).
    const scope = "openid profile email offline_access view:read";
    const begun = await app.begin({ authorization_details: "", scope });
    const callback = await consent(platform, new Person("alice"), begun.url.href);
    const code = { code: callback.searchParams.get("code") ?? "", code_verifier: begun.verifier };
    const exchanged = await post("/token", {
      grant_type: "authorization_code",
      client_id: app.client.client_id,
      redirect_uri: REDIRECT_URI,
      ...code,
    });
    const tokens = (await exchanged.json()) as { refresh_token: string; scope: string };
    const refresh = (scope: string) =>
      post("/token", {
        grant_type: "refresh_token",
        client_id: app.client.client_id,
        refresh_token: tokens.refresh_token,
        scope,
      });
    expect(await errorOf(await refresh("view:read view:control"))).toEqual([400, "invalid_scope"]);
    expect(tokens.scope).toBe("openid view:read");
    expect((await refresh(tokens.scope)).status).toBe(200);
  });

  test("a device may name its own", async () => {
    const device = await factory.make();
    const { refresh_token } = await ownDevice(platform, device, new Person("alice"));
    const refresh = (scope: string) =>
      asDevice(platform, device)("/token", { grant_type: "refresh_token", refresh_token, scope });
    expect(await errorOf(await refresh("view:read"))).toEqual([400, "invalid_scope"]);
    expect((await refresh("device:publish")).status).toBe(200);
  });
});

test("an app that proves its key with every token request need not with a pushed one (RFC 9449 §5.2, §10.1)", async () => {
  const app = await StrictApp.register(platform, { dpop_bound_access_tokens: true });
  const begun = await app.begin();
  expect((await post("/par", Object.fromEntries(begun.url.searchParams))).status).toBe(201);
  const callback = await consent(platform, new Person("alice"), begun.url.href);
  await expect(app.exchange(callback, begun)).rejects.toMatchObject({ error: "invalid_dpop_proof" });
});

test("a registration that is refused for its reference costs no quota", async () => {
  const small = await openFactory(platform, { maxCount: 2 });
  expect((await small.register({ device_ref: "one" })).status).toBe(201);
  for (let tries = 0; tries < 3; tries++) {
    expect((await small.register({ device_ref: "one" })).status).toBe(409);
  }
  expect((await small.register({ device_ref: "two" })).status).toBe(201);
  expect((await small.register({ device_ref: "three" })).status).toBe(403);
});

test("an app with a credential is told that it has to push its requests", async () => {
  const { client } = await StrictApp.register(platform, {
    token_endpoint_auth_method: "client_secret_basic",
  });
  expect(client.require_pushed_authorization_requests).toBe(true);
});
