import { exportJWK, SignJWT } from "jose";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StrictApp } from "./support/app.ts";
import { consent, introspect } from "./support/flows.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform(19330);
});
afterAll(() => platform.stop());

async function boundApp() {
  const app = await StrictApp.register(platform);
  app.dpop = await oauth.generateKeyPair("ES256");
  const begun = await app.begin();
  const tokens = await app.exchange(await consent(platform, new Person("olga"), begun.url.href), begun);
  return { app, tokens };
}
const refused = { error: "invalid_grant" };

test("a browser app that proves a key gets a lost answer again within a minute", async () => {
  const { app, tokens } = await boundApp();
  const lost = await app.refresh(tokens.refresh_token ?? "");
  const again = await app.refresh(tokens.refresh_token ?? "");
  expect(again.refresh_token).toBe(lost.refresh_token);
  expect((await introspect(platform, again.access_token)).active).toBe(true);
});

test("a stolen refresh token is worth nothing without the key, and trying it harms nobody", async () => {
  const { app, tokens } = await boundApp();
  const key = app.dpop;
  app.dpop = undefined;
  await expect(app.refresh(tokens.refresh_token ?? "")).rejects.toMatchObject(refused);
  app.dpop = await oauth.generateKeyPair("ES256");
  await expect(app.refresh(tokens.refresh_token ?? "")).rejects.toMatchObject(refused);
  app.dpop = key;
  expect((await app.refresh(tokens.refresh_token ?? "")).access_token).toBeTypeOf("string");
});

describe("a proof (RFC 9449 §4.3)", () => {
  const seconds = (offset: number) => Math.floor(Date.now() / 1000) + offset;
  const otherCase = (url: string) => url.replace("http://", "HTTP://");
  const cases: readonly [string, (url: string) => { claims?: object; header?: object }, boolean][] = [
    ["for this very request", () => ({}), true],
    ["with a query and a fragment in its URL", (url) => ({ claims: { htu: `${url}?a=b#c` } }), true],
    ["with its URL in another case", (url) => ({ claims: { htu: otherCase(url) } }), true],
    ["for another method", () => ({ claims: { htm: "GET" } }), false],
    ["for another endpoint", (url) => ({ claims: { htu: url.replace("/token", "/par") } }), false],
    ["for another host", () => ({ claims: { htu: "https://as.example/token" } }), false],
    ["of an hour ago", () => ({ claims: { iat: seconds(-3600) } }), false],
    ["of in ten minutes", () => ({ claims: { iat: seconds(600) } }), false],
    ["without an id", () => ({ claims: { jti: undefined } }), false],
    ["that is some other JWT", () => ({ header: { typ: "JWT" } }), false],
    ["without its key", () => ({ header: { jwk: undefined } }), false],
  ];
  test.each(cases)("%s", async (_, change, isGood) => {
    const { app, tokens } = await boundApp();
    const key = app.dpop ?? never();
    const url = `${platform.didp}/token`;
    const { claims, header } = change(url);
    const said = { htm: "POST", htu: url, jti: crypto.randomUUID(), iat: seconds(0), ...claims };
    const jwk = await exportJWK(key.publicKey);
    const dpop = await new SignJWT(said)
      .setProtectedHeader({ typ: "dpop+jwt", alg: "ES256", jwk, ...header })
      .sign(key.privateKey);
    const refresh = (refresh_token: string, proof: string) =>
      fetch(url, {
        method: "POST",
        headers: { dpop: proof },
        body: new URLSearchParams({
          grant_type: "refresh_token",
          client_id: app.client.client_id,
          refresh_token,
        }),
      });
    const error = async (answer: Response) => ((await answer.json()) as { error?: string }).error;
    if (isGood) {
      expect((await refresh(tokens.refresh_token ?? "", dpop)).status).toBe(200);
      return;
    }
    // Whether the token is worth anything is not looked at first.
    expect(await error(await refresh("made up", dpop))).toBe("invalid_dpop_proof");
    expect(await error(await refresh(tokens.refresh_token ?? "", dpop))).toBe("invalid_dpop_proof");
    expect(await error(await refresh(tokens.refresh_token ?? "", `${dpop}, ${dpop}`))).toBe(
      "invalid_dpop_proof",
    );
    expect((await app.refresh(tokens.refresh_token ?? "")).access_token).toBeTypeOf("string");
  });
});

test("a code asked for under one key is not given to another", async () => {
  const app = await StrictApp.register(platform);
  app.dpop = await oauth.generateKeyPair("ES256");
  const begun = await app.push();
  const callback = await consent(platform, new Person("olga"), begun.url.href);
  app.dpop = await oauth.generateKeyPair("ES256");
  await expect(app.exchange(callback, begun)).rejects.toMatchObject(refused);
});

test("a proof that was captured is not taken a second time", async () => {
  const { app, tokens } = await boundApp();
  let captured = "";
  const keep: typeof fetch = (url, init) => {
    captured = new Headers(init?.headers).get("dpop") ?? "";
    return fetch(url, init);
  };
  const response = await oauth.refreshTokenGrantRequest(
    app.server,
    app.client,
    oauth.None(),
    tokens.refresh_token ?? "",
    {
      [oauth.allowInsecureRequests]: true,
      [oauth.customFetch]: keep as never,
      DPoP: oauth.DPoP(app.client, app.dpop ?? never()),
    },
  );
  expect(response.status).toBe(200);
  const replay = await fetch(`${platform.didp}/token`, {
    method: "POST",
    headers: { dpop: captured },
    body: new URLSearchParams({
      grant_type: "refresh_token",
      client_id: app.client.client_id,
      refresh_token: tokens.refresh_token ?? "",
    }),
  });
  expect(await replay.json()).toMatchObject({ error: "invalid_dpop_proof" });
});

test("an app with a key of its own authenticates by assertion, each once", async () => {
  const pair = await oauth.generateKeyPair("ES256", { extractable: true });
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const jwks = { keys: [{ kty: kty ?? "", crv: crv ?? "", x: x ?? "", y: y ?? "" }] };
  const metadata = { token_endpoint_auth_method: "private_key_jwt", jwks };
  const app = await StrictApp.register(platform, metadata, pair.privateKey);
  const begun = await app.push();
  const tokens = await app.exchange(await consent(platform, new Person("olga"), begun.url.href), begun);
  expect((await app.refresh(tokens.refresh_token ?? "")).access_token).toBeTypeOf("string");
  const thief = new StrictApp(
    app.server,
    app.client,
    oauth.PrivateKeyJwt((await oauth.generateKeyPair("ES256")).privateKey),
  );
  await expect(thief.push()).rejects.toMatchObject({ error: "invalid_client" });
});

function never(): never {
  throw new Error("the app has a key");
}
