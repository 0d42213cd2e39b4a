import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REDIRECT_URI, StrictApp } from "./support/app.ts";
import { choose, consent, introspect, told } from "./support/flows.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";
import { errorOf, postForm } from "./support/requests.ts";

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform(19_320);
});
afterAll(() => platform.stop());

describe("codes", () => {
  test("a code replayed ends the tokens that came of it", async () => {
    const app = await StrictApp.register(platform);
    const begun = await app.begin();
    const callback = await consent(platform, new Person("alice"), begun.url.href);
    const tokens = await app.exchange(callback, begun);
    expect((await introspect(platform, tokens.access_token)).active).toBe(true);
    await expect(app.exchange(callback, begun)).rejects.toMatchObject({ error: "invalid_grant" });
    expect(await introspect(platform, tokens.access_token)).toEqual({ active: false });
    await expect(app.refresh(tokens.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
  });

  test("a code injected into another app's client is refused and still works for its own", async () => {
    const [app, thief] = [await StrictApp.register(platform), await StrictApp.register(platform)];
    const begun = await app.begin();
    const callback = await consent(platform, new Person("alice"), begun.url.href);
    await expect(thief.exchange(callback, begun)).rejects.toMatchObject({ error: "invalid_grant" });
    expect((await app.exchange(callback, begun)).access_token).toBeTypeOf("string");
  });

  test("a code injected into another browser's session of the same app fails its PKCE and is spent", async () => {
    const app = await StrictApp.register(platform);
    const victim = await app.begin();
    const other = await app.begin();
    const callback = await consent(platform, new Person("alice"), victim.url.href);
    await expect(app.exchange(callback, { ...other, state: victim.state })).rejects.toMatchObject({
      error: "invalid_grant",
    });
    await expect(app.exchange(callback, victim)).rejects.toMatchObject({ error: "invalid_grant" });
  });

  test("a code with another redirect URI at the token endpoint is refused", async () => {
    const app = await StrictApp.register(platform);
    const begun = await app.begin();
    const callback = await consent(platform, new Person("alice"), begun.url.href);
    expect(
      await errorOf(
        postForm(platform, "/token", {
          grant_type: "authorization_code",
          client_id: app.client.client_id,
          code: callback.searchParams.get("code") ?? "",
          code_verifier: begun.verifier,
          redirect_uri: `${REDIRECT_URI}/`,
        }),
      ),
    ).toEqual([400, "invalid_grant"]);
  });

  test("a made-up code is refused", async () => {
    const app = await StrictApp.register(platform);
    for (const code of ["x", "A".repeat(43), "%00", "é"]) {
      const body = {
        grant_type: "authorization_code",
        client_id: app.client.client_id,
        code,
        redirect_uri: REDIRECT_URI,
      };
      expect(await errorOf(postForm(platform, "/token", body))).toEqual([400, "invalid_grant"]);
    }
  });
});

describe("the authorization endpoint", () => {
  test.each([
    ["a changed redirect URI", { redirect_uri: "http://127.0.0.1:9/other" }],
    ["a redirect URI with something appended", { redirect_uri: `${REDIRECT_URI}?next=https://evil.example` }],
    ["a foreign redirect URI", { redirect_uri: "https://evil.example/" }],
    ["a script as redirect URI", { redirect_uri: "javascript:alert(1)" }],
    ["no redirect URI", { redirect_uri: "" }],
    ["an unknown client", { client_id: "a-AAAAAAAAAAAAAAAAAAAAAA" }],
    ["no client", { client_id: "" }],
    ["a device's client id", { client_id: "d-AAAAAAAAAAAAAAAAAAAAAA" }],
  ])("%s gets an error page and no redirect", async (_, changes) => {
    const app = await StrictApp.register(platform);
    const { url } = await app.begin(changes);
    const answer = await fetch(url, { redirect: "manual", headers: { accept: "text/html" } });
    expect(answer.status).toBe(400);
    expect(answer.headers.get("location")).toBeNull();
    expect(await answer.text()).not.toContain("evil.example");
  });

  test.each([
    ["PKCE missing", { code_challenge: "", code_challenge_method: "" }, "invalid_request"],
    ["PKCE plain", { code_challenge_method: "plain" }, "invalid_request"],
    ["PKCE without a method", { code_challenge_method: "" }, "invalid_request"],
    ["the implicit flow", { response_type: "token" }, "unsupported_response_type"],
    ["another gateway", { resource: "https://evil.example" }, "invalid_target"],
    ["unknown details", { authorization_details: '[{"type":"x"}]' }, "invalid_authorization_details"],
    ["an unknown scope", { scope: "me:all" }, "invalid_scope"],
    ["prompt=none without a login", { prompt: "none" }, "login_required"],
  ])("%s: error to the app, with iss and state", async (_, changes, error) => {
    const app = await StrictApp.register(platform);
    const { url, state } = await app.begin(changes);
    const answer = await fetch(url, { redirect: "manual" });
    const location = new URL(answer.headers.get("location") ?? "");
    expect(Object.fromEntries(location.searchParams)).toEqual({ error, state, iss: platform.didp });
  });

  test("a parameter that comes twice is refused, here and at the token endpoint", async () => {
    const app = await StrictApp.register(platform);
    const { url } = await app.begin();
    const twice = await fetch(`${url.href}&client_id=${app.client.client_id}`, { redirect: "manual" });
    expect([twice.status, twice.headers.get("location")]).toEqual([400, null]);
    expect(
      await errorOf(postForm(platform, "/token", "grant_type=refresh_token&grant_type=authorization_code")),
    ).toEqual([400, "invalid_request"]);
  });

  test("a pushed request is used once, and only by its own client", async () => {
    const [app, other] = [await StrictApp.register(platform), await StrictApp.register(platform)];
    const { url } = await app.push();
    const stolen = new URL(url);
    stolen.searchParams.set("client_id", other.client.client_id);
    expect((await fetch(stolen, { redirect: "manual" })).status).toBe(400);
    expect((await fetch(url, { redirect: "manual" })).status).toBe(303);
    expect((await fetch(url, { redirect: "manual" })).status).toBe(400);
  });

  test("an app with a secret may not put its request into a URL", async () => {
    const app = await StrictApp.register(platform, { token_endpoint_auth_method: "client_secret_basic" });
    const { url } = await app.begin();
    const location = (await fetch(url, { redirect: "manual" })).headers.get("location") ?? "";
    expect(new URL(location).searchParams.get("error")).toBe("invalid_request");
  });
});

describe("consent tickets", () => {
  test("a ticket is concluded once, at its own gateway, and the way back works once and for its owner only", async () => {
    const app = await StrictApp.register(platform);
    const alice = new Person("alice");
    const begun = await app.begin();
    const page = await alice.logIn(await alice.open(begun.url.href));
    const ticket = (await alice.submit(page, { decision: "approve" }, { stopAt: /\/consent\// })).url;
    const id = new URL(ticket).pathname.split("/").at(-1) ?? "";
    const redeem = async (uri: string) =>
      (await fetch(`${platform.gateway}/redeem?${new URLSearchParams({ uri, ticket: id })}`)).json();
    expect(await redeem("https://other.example")).toBeNull();
    expect(await redeem(platform.gateway)).toMatchObject({
      appName: "Room chart",
      appOrigin: "http://127.0.0.1:9",
    });
    expect(await redeem(platform.gateway)).toEqual(await redeem(platform.gateway));

    const early = await alice.open(`${platform.didp}/authorize/continue?i=${page.url.split("/").at(-1)}`);
    expect(early.status).toBe(404);
    const back = await choose(platform, ticket, "approved");
    expect(await choose(platform, ticket, "approved")).toBeUndefined();
    expect(await redeem(platform.gateway)).toBeNull();

    const mallory = new Person("mallory");
    await mallory.logIn(await mallory.open(`${platform.didp}/me/apps`));
    expect((await mallory.open(back ?? "")).status).toBe(404);
    const done = await alice.open(back ?? "", { stopAt: /127\.0\.0\.1:9\// });
    expect(new URL(done.url).searchParams.has("code")).toBe(true);
    expect((await alice.open(back ?? "")).status).toBe(404);
  });
});

describe("copied tokens of apps", () => {
  test("a browser app's old refresh token, once used, stops the grant and its connections", async () => {
    const app = await StrictApp.register(platform);
    const begun = await app.begin();
    const owner = new Person("kim");
    const tokens = await app.exchange(await consent(platform, owner, begun.url.href), begun);
    const handle = (await introspect(platform, tokens.access_token)).authority?.handle;
    const next = await app.refresh(tokens.refresh_token ?? "");
    await expect(app.refresh(tokens.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
    expect(await introspect(platform, next.access_token)).toEqual({ active: false });
    await expect(app.refresh(next.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
    expect((await told(platform)).revoked).toContainEqual(
      expect.objectContaining({ handle, reason: "suspect" }),
    );
    expect((await owner.open(`${platform.didp}/me/apps`)).html).toContain("Its key turned up twice");
  });

  test("an app with a secret heals a lost answer, and its copied token is caught when both have been used", async () => {
    const app = await StrictApp.register(platform, { token_endpoint_auth_method: "client_secret_basic" });
    const begun = await app.push();
    const tokens = await app.exchange(await consent(platform, new Person("kim"), begun.url.href), begun);
    const lost = await app.refresh(tokens.refresh_token ?? "");
    const again = await app.refresh(tokens.refresh_token ?? "");
    expect(again.refresh_token).toBe(lost.refresh_token);
    expect(await introspect(platform, lost.access_token)).toEqual({ active: false });
    expect((await introspect(platform, again.access_token)).active).toBe(true);
    await expect(app.refresh(tokens.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
    expect(await introspect(platform, again.access_token)).toEqual({ active: false });
  });
});
