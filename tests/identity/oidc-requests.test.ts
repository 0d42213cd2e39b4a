import { decodeJwt } from "jose";
import * as client from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REDIRECT_URI, StrictApp } from "./support/app.ts";
import { consent } from "./support/flows.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";

/** What OpenID Connect Core §3.1.2.1 asks of an authorization endpoint beyond OAuth 2. */

const PORT = 19_460;
const MINUTE_MS = 60_000;

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform(PORT);
});
afterAll(() => platform.stop());

/** As a page of the app's own site sends its form: our cookie stays at home. */
const postForm = (body: URLSearchParams | string, headers: Record<string, string> = {}) =>
  fetch(`${platform.didp}/authorize`, {
    method: "POST",
    redirect: "manual",
    headers: { origin: "https://app.example", "sec-fetch-site": "cross-site", ...headers },
    body,
  });

/** Somebody who has been here and has a session. */
async function someone(account: string): Promise<Person> {
  const person = new Person(account);
  await person.logIn(await person.open(`${platform.didp}/login?to=/me/apps`));
  return person;
}

describe("a request as a form", () => {
  test("goes on under the person's own session, which the form could not carry", async () => {
    const person = await someone("alice");
    const app = await StrictApp.register(platform);
    const begun = await app.begin();
    const answer = await postForm(begun.url.searchParams);
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([303, []]);
    const next = new URL(answer.headers.get("location") ?? "", platform.didp);
    expect([...next.searchParams.keys()].sort()).toEqual(["client_id", "request_uri"]);
    const page = await person.open(next.href);
    expect(page.title).toBe("Room chart asks for access");
    const again = await app.begin();
    const location = (await postForm(again.url.searchParams)).headers.get("location") ?? "";
    const callback = await consent(platform, person, new URL(location, platform.didp).href);
    expect((await app.exchange(callback, again)).access_token).toBeTypeOf("string");
  });

  test("may be longer than a URL should be", async () => {
    const kinds = Array.from({ length: 32 }, (_, index) => `kind-${index}-${"x".repeat(56)}`);
    const details = JSON.stringify([{ type: "iot_access", actions: ["read"], kinds }]);
    expect(details.length).toBeGreaterThan(2048);
    const app = await StrictApp.register(platform);
    const { url } = await app.begin({ authorization_details: details });
    const asUrl = await fetch(url, { redirect: "manual" });
    expect(asUrl.headers.get("location")).toContain("error=invalid_request");
    const answer = await postForm(url.searchParams);
    expect(answer.headers.get("location")).toContain("request_uri=");
  });

  test("takes what was pushed", async () => {
    const { url } = await (await StrictApp.register(platform)).push();
    const answer = await postForm(url.searchParams);
    const page = await fetch(new URL(answer.headers.get("location") ?? "", platform.didp), {
      redirect: "manual",
    });
    expect(page.headers.get("location")).toMatch(/^\/authorize\/[\w-]{22}$/);
  });

  test("is no way round pushing for an app with a credential, nor to a redirect URI that is not its own", async () => {
    const secretive = await StrictApp.register(platform, {
      token_endpoint_auth_method: "client_secret_basic",
    });
    const refused = await postForm((await secretive.begin()).url.searchParams);
    expect(refused.headers.get("location")).toContain("error=invalid_request");
    const app = await StrictApp.register(platform);
    const elsewhere = await app.begin({ redirect_uri: "http://127.0.0.1:10/elsewhere" });
    const page = await postForm(elsewhere.url.searchParams);
    expect([page.status, page.headers.get("location")]).toEqual([400, null]);
  });

  test("is a form and nothing else", async () => {
    const { url } = await (await StrictApp.register(platform)).begin();
    const json = JSON.stringify(Object.fromEntries(url.searchParams));
    const answer = await postForm(json, { "content-type": "application/json" });
    expect([answer.status, answer.headers.get("location")]).toEqual([400, null]);
  });
});

describe("a parameter that came twice (RFC 6749 §3.1, §4.1.2.1)", () => {
  test.each([
    ["state", "invalid_request"],
    ["scope", "invalid_request"],
    ["resource", "invalid_target"],
  ])("%s: the app is told %s", async (name, error) => {
    const { url } = await (await StrictApp.register(platform)).begin();
    url.searchParams.append(name, "one");
    url.searchParams.append(name, "two");
    for (const answer of [await fetch(url, { redirect: "manual" }), await postForm(url.searchParams)]) {
      const target = new URL(answer.headers.get("location") ?? "");
      expect(target.href.startsWith(`${REDIRECT_URI}?`)).toBe(true);
      expect(target.searchParams.get("error")).toBe(error);
      expect(target.searchParams.get("iss")).toBe(platform.didp);
    }
  });

  test.each(["client_id", "redirect_uri", "request_uri"])("%s: nobody is sent anywhere", async (name) => {
    const { url } = await (await StrictApp.register(platform)).begin();
    url.searchParams.append(name, "one");
    url.searchParams.append(name, "two");
    for (const answer of [await fetch(url, { redirect: "manual" }), await postForm(url.searchParams)]) {
      expect([answer.status, answer.headers.get("location")]).toEqual([400, null]);
    }
  });
});

describe("max_age", () => {
  const register = () =>
    client.dynamicClientRegistration(
      new URL(platform.didp),
      { client_name: "Room chart", redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: "none" },
      client.None(),
      { execute: [client.allowInsecureRequests] },
    );
  async function begin(app: client.Configuration, changes: Readonly<Record<string, string>>) {
    const [pkceCodeVerifier, expectedState] = [client.randomPKCECodeVerifier(), client.randomState()];
    const url = client.buildAuthorizationUrl(app, {
      redirect_uri: REDIRECT_URI,
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
      scope: "openid",
      state: expectedState,
      ...changes,
    });
    return { url, checks: { pkceCodeVerifier, expectedState } };
  }

  test("a login of ten minutes ago is asked for again, or said to be that old", async () => {
    const person = await someone("bella");
    await platform.ageLogins(10 * MINUTE_MS);
    const app = await register();
    const patient = await begin(app, { max_age: "3600" });
    const callback = await consent(platform, person, patient.url.href);
    const tokens = await client.authorizationCodeGrant(app, callback, { ...patient.checks, maxAge: 3600 });
    const ageSeconds = Date.now() / 1000 - Number(tokens.claims()?.auth_time);
    expect(ageSeconds).toBeGreaterThan(599);
    expect(ageSeconds).toBeLessThan(700);

    const strict = await begin(app, { max_age: "60" });
    const asked = await person.open(strict.url.href);
    expect(asked.title).toBe("Is it still you?");
    expect((await person.logIn(asked)).title).toBe("Room chart asks for access");
    const fresh = await consent(platform, person, asked.url);
    const renewed = await client.authorizationCodeGrant(app, fresh, { ...strict.checks, maxAge: 60 });
    expect(Date.now() / 1000 - Number(renewed.claims()?.auth_time)).toBeLessThan(60);
  });

  test("whoever comes new logs in once, at a provider that is made to ask", async () => {
    const person = new Person("carla");
    const { url } = await begin(await register(), { max_age: "0" });
    const offered = await person.open(url.href);
    expect(offered.title).toBe("Who is there?");
    expect((await person.logIn(offered)).title).toBe("Room chart asks for access");
    expect(person.visited.some((visited) => visited.includes("max_age=0"))).toBe(true);
  });

  test("an app that does not ask is not told when anybody logged in", async () => {
    const app = await register();
    const plain = await begin(app, {});
    const callback = await consent(platform, await someone("dana"), plain.url.href);
    const tokens = await client.authorizationCodeGrant(app, callback, {
      ...plain.checks,
      idTokenExpected: true,
    });
    expect(Object.keys(decodeJwt(tokens.id_token ?? "")).sort()).toEqual(["aud", "exp", "iat", "iss", "sub"]);
  });

  test.each(["-1", "soon", "1.5", "99999999999"])("max_age=%s is no number of seconds", async (max_age) => {
    const { url } = await begin(await register(), { max_age });
    const answer = await fetch(url, { redirect: "manual" });
    expect(answer.headers.get("location")).toContain("error=invalid_request");
  });
});
