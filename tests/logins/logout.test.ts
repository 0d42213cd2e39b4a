import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Person, type View } from "../identity/support/person.ts";
import { type Platform, startPlatform } from "../identity/support/platform.ts";
import { startAuthorizationServer } from "./support/authorization-server.ts";
import { startLyingProvider } from "./support/lying-provider.ts";
import { submitTo } from "./support/page.ts";
import { pseudonyms } from "./support/stores.ts";

const PORT = 18790;
const SECRET = "a-secret-of-this-test-only";
const EVENT = { "http://schemas.openid.net/event/backchannel-logout": {} };
let platform: Platform;
let real: Awaited<ReturnType<typeof startAuthorizationServer>>;
let lying: Awaited<ReturnType<typeof startLyingProvider>>;

beforeAll(async () => {
  const didp = `http://127.0.0.1:${PORT}`;
  lying = await startLyingProvider(PORT + 6, "canary-subject");
  real = await startAuthorizationServer(
    PORT + 5,
    [
      {
        client_id: "didp",
        client_secret: SECRET,
        redirect_uris: [`${didp}/callback/real`],
        backchannel_logout_uri: `${didp}/logout/back-channel/real`,
      },
    ],
    () => ({}),
  );
  platform = await startPlatform(PORT, {
    UIDPS: JSON.stringify([
      ...[
        { id: "real", issuer: real.issuer },
        { id: "lying", issuer: lying.issuer },
      ].map((one) => ({
        ...one,
        name: `Provider ${one.id}`,
        protocol: "oidc",
        client_id: "didp",
        client_secret: SECRET,
        allow_insecure_issuer: true,
      })),
      { id: "hub", name: "Hub", protocol: "oauth2", preset: "github", client_id: "x", client_secret: SECRET },
    ]),
  });
});
afterAll(async () => {
  await platform?.stop();
  await real?.stop();
  await lying?.stop();
});

async function logInAtReal(account: string): Promise<Person> {
  const person = new Person(account);
  let page: View = await person.open(`${platform.didp}/login/real?to=/me/account`);
  for (let step = 0; step < 4 && page.html.includes("interaction"); step++) {
    const fields: Record<string, string> = page.html.includes('name="login"')
      ? { prompt: "login", login: account, password: "x" }
      : {};
    page = await person.submit(page, fields);
  }
  expect(page.title).toBe("My account");
  return person;
}

async function isIn(person: Person): Promise<boolean> {
  return (await person.open(`${platform.didp}/me/account`)).title === "My account";
}

test("who logs out at the provider is out here, in every browser, and nobody else is", async () => {
  const [laptop, phone, other] = [
    await logInAtReal("alice"),
    await logInAtReal("alice"),
    await logInAtReal("bob"),
  ];
  const page = await laptop.open(`${real.issuer}/session/end`);
  await submitTo(laptop, page, /session\/end\/confirm/, { logout: "yes" });
  for (let tries = 0; tries < 100 && (await isIn(laptop)); tries++);
  expect([await isIn(laptop), await isIn(phone), await isIn(other)]).toEqual([false, false, true]);
});

describe("a logout token", () => {
  let ids = 0;
  const claims = (changes: Record<string, unknown> = {}) => {
    const now = Math.floor(Date.now() / 1000);
    const right = {
      iss: lying.issuer,
      aud: "didp",
      sub: "canary-subject",
      iat: now,
      exp: now + 60,
      events: EVENT,
    };
    return { ...right, jti: `id-${++ids}`, ...changes };
  };
  const send = async (token: string, uidp = "lying") => {
    const answer = await fetch(`${platform.didp}/logout/back-channel/${uidp}`, {
      method: "POST",
      body: new URLSearchParams({ logout_token: token }),
    });
    return [answer.status, answer.headers.get("cache-control")];
  };
  async function somebody(): Promise<Person> {
    const person = new Person("");
    expect((await person.open(`${platform.didp}/login/lying?to=/me/account`)).title).toBe("My account");
    return person;
  }

  test("is good once", async () => {
    const first = await somebody();
    const token = await lying.signed(claims(), "own", "logout+jwt");
    expect(await send(token)).toEqual([200, "no-store"]);
    expect(await isIn(first)).toBe(false);
    const second = await somebody();
    expect(await send(token)).toEqual([400, "no-store"]);
    expect(await isIn(second)).toBe(true);
  });

  test.each<[string, () => Promise<string>]>([
    ["signed by somebody else", () => lying.signed(claims(), "foreign")],
    ["of another issuer", () => lying.signed(claims({ iss: "https://evil.example" }))],
    ["for another client", () => lying.signed(claims({ aud: "another" }))],
    ["without the event", () => lying.signed(claims({ events: {} }))],
    ["that is an ID token", () => lying.signed(claims({ nonce: "x" }))],
    ["of another type", () => lying.signed(claims(), "own", "at+jwt")],
    ["that is old", () => lying.signed(claims({ iat: Math.floor(Date.now() / 1000) - 600 }))],
    ["that has ended", () => lying.signed(claims({ exp: Math.floor(Date.now() / 1000) - 60 }))],
    ["without an id", () => lying.signed(claims({ jti: undefined }))],
    ["that names a session only", () => lying.signed(claims({ sub: undefined, sid: "x" }))],
    ["that is no token", async () => "x"],
    ["that is not there", async () => ""],
  ])("%s ends nothing", async (_, make) => {
    const person = await somebody();
    expect(await send(await make())).toEqual([400, "no-store"]);
    expect(await isIn(person)).toBe(true);
  });

  test("of one provider says nothing at another, and there is none where there is no OpenID", async () => {
    const person = await somebody();
    for (const uidp of ["real", "hub"])
      expect(await send(await lying.signed(claims()), uidp)).toEqual([400, "no-store"]);
    expect(await isIn(person)).toBe(true);
  });

  test("about a stranger makes no pseudonym", async () => {
    const before = await pseudonyms(platform);
    expect(await send(await lying.signed(claims({ sub: "nobody-canary" })))).toEqual([200, "no-store"]);
    expect(await pseudonyms(platform)).toEqual(before);
  });

  test("leaves nothing of a person in a log line or a store", async () => {
    for (const text of [platform.log.join("\n"), await platform.dump()])
      expect(text).not.toMatch(/canary|alice|eyJ/);
    expect(platform.log.length).toBeGreaterThan(0);
  });
});
