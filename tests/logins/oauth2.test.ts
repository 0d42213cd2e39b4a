import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { oauth2Presets } from "../../workers/didp/src/uidp/oauth2-presets.ts";
import { Person, type View } from "../identity/support/person.ts";
import { type Platform, startPlatform } from "../identity/support/platform.ts";
import { startAuthorizationServer } from "./support/authorization-server.ts";
import { lastLoggedIn } from "./support/stores.ts";

const PORT = 18710;
const SECRET = "a-secret-of-this-test-only";
const presets = ["github", "google", "facebook", "x"] as const;
let platform: Platform;
let server: Awaited<ReturnType<typeof startAuthorizationServer>>;
/** What the user endpoint answers. */
let user: (account: string) => unknown = () => ({});

beforeAll(async () => {
  const didp = `http://127.0.0.1:${PORT}`;
  server = await startAuthorizationServer(
    PORT + 5,
    presets.map((preset) => ({
      client_id: `didp-${preset}`,
      client_secret: SECRET,
      redirect_uris: [`${didp}/callback/${preset}`],
      token_endpoint_auth_method: oauth2Presets[preset].clientAuthentication,
    })),
    (account) => user(account),
  );
  const { issuer } = server;
  platform = await startPlatform(PORT, {
    UIDPS: JSON.stringify(
      presets.map((preset) => ({
        id: preset,
        name: `Stand-in for ${preset}`,
        protocol: "oauth2",
        preset,
        client_id: `didp-${preset}`,
        client_secret: SECRET,
        allow_insecure_issuer: true,
        endpoints: {
          issuer,
          authorization: `${issuer}/auth`,
          token: `${issuer}/token`,
          user: `${issuer}/user`,
        },
      })),
    ),
  });
});
afterAll(async () => {
  await platform?.stop();
  await server?.stop();
});

async function logIn(preset: string, account: string): Promise<View> {
  const person = new Person(account);
  let page = await person.open(`${platform.didp}/login/${preset}?to=/me/account`);
  for (let step = 0; step < 4 && page.html.includes("interaction"); step++) {
    const fields: Record<string, string> = page.html.includes('name="login"')
      ? { prompt: "login", login: account, password: "x" }
      : {};
    page = await person.submit(page, fields);
  }
  return page;
}

const answers = {
  github: (id: number, name: string) => ({
    id,
    login: name,
    email: `${name}@canary.example`,
    name: `Canary ${name}`,
  }),
  facebook: (id: number) => ({ id: String(id) }),
  x: (id: number, name: string) => ({ data: { id: String(id), username: name, name: `Canary ${name}` } }),
};

test.each(["github", "facebook", "x"] as const)(
  "%s: the id that never changes is the person, whatever the name becomes",
  async (preset) => {
    user = (account) => answers[preset](4711, account);
    expect((await logIn(preset, "alice")).title).toBe("My account");
    const anon = await lastLoggedIn(platform);
    await logIn(preset, "alice-renamed");
    expect(await lastLoggedIn(platform)).toBe(anon);
    user = (account) => answers[preset](4712, account);
    await logIn(preset, "alice");
    expect(await lastLoggedIn(platform)).not.toBe(anon);
  },
);

test("google is an OpenID provider: its ID token says who it is", async () => {
  user = () => ({});
  expect((await logIn("google", "alice")).title).toBe("My account");
});

test("asked for is the least that each needs", () => {
  expect([...new Set(server.scopes)]).toEqual(["", "public_profile", "users.read tweet.read", "openid"]);
});

describe("an answer without a usable id opens nothing", () => {
  test.each<[string, unknown]>([
    ["no id", { login: "alice" }],
    ["an empty id", { id: "" }],
    ["zero", { id: 0 }],
    ["a negative number", { id: -1 }],
    ["a fraction", { id: 1.5 }],
    ["a number that has lost digits", { id: 2 ** 60 }],
    ["a boolean", { id: true }],
    ["an object", { id: { toString: "x" } }],
    ["a list", [{ id: 4711 }]],
    ["null", null],
    ["a text with spaces", { id: "4711 " }],
    ["a very long text", { id: "4".repeat(300) }],
  ])("%s", async (_, answer) => {
    user = () => answer;
    const view = await logIn("github", "alice");
    expect([view.status, view.title]).toEqual([403, "That did not work"]);
  });
});

test("a provider that cannot be asked, or refuses, opens nothing", async () => {
  user = () => {
    throw new Error("down");
  };
  expect((await logIn("github", "alice")).status).toBe(403);
  const person = new Person("");
  const url = new URL((await person.open(`${platform.didp}/login/github`, { stopAt: /\/auth\?/ })).url);
  const denied = new URL(`${platform.didp}/callback/github`);
  denied.search = new URLSearchParams({
    error: "access_denied",
    error_description: "canary",
    state: url.searchParams.get("state") ?? "",
    iss: server.issuer,
  }).toString();
  const view = await person.open(denied.href);
  expect(view.status).toBe(403);
  expect(view.html).not.toContain("canary");
});

test("mix-up: an answer that names another issuer is refused", async () => {
  const person = new Person("");
  const url = new URL((await person.open(`${platform.didp}/login/github`, { stopAt: /\/auth\?/ })).url);
  const mixed = new URL(`${platform.didp}/callback/github`);
  mixed.search = new URLSearchParams({
    code: "canary-code",
    state: url.searchParams.get("state") ?? "",
    iss: "https://evil.example",
  }).toString();
  expect((await person.open(mixed.href)).status).toBe(403);
});

test("names, addresses and tokens are in no log line and no store", async () => {
  const seen = [platform.log.join("\n"), await platform.dump()];
  expect(platform.log.length).toBeGreaterThan(0);
  for (const text of seen) for (const word of ["canary", "alice", "4711"]) expect(text).not.toContain(word);
});
