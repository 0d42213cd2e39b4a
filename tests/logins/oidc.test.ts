import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Person } from "../identity/support/person.ts";
import type { Lies } from "./support/lying-provider.ts";
import { pseudonyms } from "./support/stores.ts";
import { startTwoLogins, type TwoLogins } from "./support/two-logins.ts";

const PORT = 18700;
let logins: TwoLogins;
let platform: TwoLogins["platform"];
let one: TwoLogins["one"];
let two: TwoLogins["two"];

beforeAll(async () => {
  logins = await startTwoLogins(PORT, "canary-subject");
  ({ platform, one, two } = logins);
});
afterAll(() => logins?.stop());

async function logIn(lies: Lies, person = new Person("")) {
  one.lies = lies;
  const view = await person.open(`${platform.didp}/login/one?to=/me/account`);
  one.lies = {};
  return { person, view };
}

/** The callback URL that a login would end at, kept back. */
async function callback(uidp: "one" | "two", person = new Person("")): Promise<string> {
  return (await person.open(`${platform.didp}/login/${uidp}`, { stopAt: /\/callback\// })).url;
}

test("what is right is accepted; asked is `openid` and nothing else, with PKCE, nonce and state", async () => {
  expect((await logIn({})).view.title).toBe("My account");
  const asked = Object.fromEntries(one.asked.at(-1) ?? []);
  expect(asked).toMatchObject({
    scope: "openid",
    response_type: "code",
    code_challenge_method: "S256",
    redirect_uri: `${platform.didp}/callback/one`,
  });
  for (const name of ["code_challenge", "nonce", "state"]) expect(asked[name]).toMatch(/^[\w-]{43}$/);
  expect(Object.keys(asked)).toHaveLength(8);
});

describe("refused", () => {
  test.each<[string, Lies]>([
    ["mix-up: the answer names another issuer", { iss: "http://127.0.0.1:1" }],
    ["mix-up: the answer names none, though the provider says it does", { iss: null }],
    ["a wrong nonce in the ID token", { claims: { nonce: "another" } }],
    ["no nonce in the ID token", { claims: { nonce: undefined } }],
    ["a wrong iss in the ID token", { claims: { iss: "https://evil.example" } }],
    ["another client's ID token", { claims: { aud: "another" } }],
    ["an expired ID token", { claims: { exp: 1, iat: 0 } }],
    ["an ID token without a subject", { claims: { sub: undefined } }],
    ["an ID token signed by somebody else", { isForeignKey: true }],
    ["an unsigned ID token", { isUnsigned: true }],
    ["no ID token", { hasNoIdToken: true }],
    ["a made-up state", { state: "A".repeat(43) }],
  ])("%s", async (_, lies) => {
    const { person, view } = await logIn(lies);
    expect(view.status).toBe(403);
    expect((await person.open(`${platform.didp}/me/account`)).title).toBe("Who is there?");
  });

  test("mix-up: one provider's code and state at another's callback", async () => {
    const person = new Person("");
    const url = new URL(await callback("one", person));
    url.pathname = "/callback/two";
    const asked = two.codes.length;
    expect((await person.open(url.href)).status).toBe(403);
    url.searchParams.set("iss", two.issuer);
    expect((await person.open(url.href)).status).toBe(403);
    expect(two.codes).toHaveLength(asked);
  });

  test("a stolen state: a callback in a browser that did not begin it, with and without a session", async () => {
    const [stranger, other] = [new Person(""), new Person("")];
    await callback("one", other);
    const url = await callback("one");
    for (const thief of [stranger, other]) {
      expect((await thief.open(url)).status).toBe(403);
      expect((await thief.open(`${platform.didp}/me/account`)).title).toBe("Who is there?");
    }
  });

  test("a callback used twice", async () => {
    const person = new Person("");
    const url = await callback("one", person);
    expect((await person.open(url)).title).toBe("My devices");
    expect((await person.open(url)).status).toBe(403);
  });

  test("a login page asked to end elsewhere (open redirect)", async () => {
    for (const to of [
      "https://evil.example/",
      "//evil.example/",
      "/\\evil.example",
      "/me/account@evil",
      "/login",
    ]) {
      const view = await new Person("").open(`${platform.didp}/login/one?to=${encodeURIComponent(to)}`);
      expect(new URL(view.url).pathname).toBe("/me/devices");
    }
  });
});

test("the same subject at another provider is another person", async () => {
  await new Person("").open(`${platform.didp}/login/two`);
  expect(new Set(await pseudonyms(platform)).size).toBe(2);
});

test("neither subject, address nor token is in a log line or a store", async () => {
  const seen = [platform.log.join("\n"), await platform.dump()];
  expect(platform.log.length).toBeGreaterThan(0);
  for (const text of seen) for (const word of ["canary", "eyJ"]) expect(text).not.toContain(word);
});
