import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REDIRECT_URI, StrictApp } from "../identity/support/app.ts";
import { Person, type View } from "../identity/support/person.ts";
import { type Platform, startPlatform } from "../identity/support/platform.ts";
import { startAuthorizationServer } from "./support/authorization-server.ts";
import { BASE_DN, hasDirectory, people, SEARCHER, startDirectory } from "./support/directory.ts";
import { TestKeys } from "./support/keys.ts";
import { startLyingProvider } from "./support/lying-provider.ts";
import { submitTo } from "./support/page.ts";
import { hasSimpleSaml, simpleSamlUidp, startSimpleSaml } from "./support/simplesamlphp.ts";

/*
 * What cannot be undone, or lets somebody in, wants the person, not a browser in which that person once logged in.
 * Each real provider here would let such a browser through without a question; the DIdP has to make it ask.
 */

const PORT = 18_890;
const CLIENT = { client_id: "didp", client_secret: "a-secret-of-this-test-only" };
const keys = new TestKeys();
const servers: { stop(): Promise<void> }[] = [];
let platform: Platform;
let liar: Awaited<ReturnType<typeof startLyingProvider>>;
let addresses = 0;

beforeAll(async () => {
  const didp = `http://127.0.0.1:${PORT}`;
  const server = await startAuthorizationServer(
    PORT + 5,
    ["work", "github"].map((id) => ({
      ...CLIENT,
      client_id: `didp-${id}`,
      redirect_uris: [`${didp}/callback/${id}`],
      token_endpoint_auth_method: id === "github" ? "client_secret_post" : "client_secret_basic",
    })),
    () => ({ id: 4711 }),
  );
  liar = await startLyingProvider(PORT + 6, "liar-canary");
  servers.push(server, liar);
  keys.selfSigned("saml-idp", "idp.canary.example");
  keys.selfSigned("authority", "Test authority", "basicConstraints=critical,CA:TRUE");
  keys.issued("right", "localhost", "authority");
  process.env.SSL_CERT_FILE = keys.path("authority.crt");
  const { issuer } = server;
  const insecure = { ...CLIENT, allow_insecure_issuer: true };
  platform = await startPlatform(PORT, {
    UIDPS: JSON.stringify([
      { id: "work", name: "Work", protocol: "oidc", issuer, ...insecure, client_id: "didp-work" },
      {
        id: "github",
        name: "Code host",
        protocol: "oauth2",
        preset: "github",
        ...insecure,
        client_id: "didp-github",
        endpoints: {
          issuer,
          authorization: `${issuer}/auth`,
          token: `${issuer}/token`,
          user: `${issuer}/user`,
        },
      },
      { id: "liar", name: "Liar", protocol: "oidc", issuer: liar.issuer, ...insecure },
      simpleSamlUidp(PORT + 7, keys.read("saml-idp.crt")),
      {
        id: "office",
        name: "Office directory",
        protocol: "ldap",
        url: `ldaps://localhost:${PORT + 8}`,
        base_dn: `ou=people,${BASE_DN}`,
        login_attribute: "uid",
        bind_dn: SEARCHER.dn,
        bind_password: SEARCHER.password,
      },
    ]),
  });
  if (hasSimpleSaml) {
    const metadata = await (await fetch(`${didp}/saml/metadata`)).text();
    servers.push(await startSimpleSaml(keys, PORT + 7, metadata));
  }
  if (hasDirectory) servers.push(await startDirectory(keys, PORT + 8, "right"));
});
afterAll(async () => {
  await platform?.stop();
  for (const server of servers) await server.stop();
  keys.remove();
});

/** How one answers each provider's own questions; its forms are none of ours. */
async function answerThere(person: Person, page: View, account: string): Promise<View> {
  let view = page;
  for (let step = 0; step < 5 && !isOurs(view); step++) {
    if (view.html.includes("SAMLResponse")) view = await submitTo(person, view, /saml\/acs/);
    else if (view.html.includes('name="username"')) {
      view = await person.submit(view, { username: account, password: account });
    } else {
      const asks = view.html.includes('name="login"');
      view = await person.submit(view, asks ? { prompt: "login", login: account, password: "x" } : {});
    }
  }
  return view;
}
const isOurs = (view: View) => view.url.startsWith(platform.didp);
const asksThere = (view: View) => !isOurs(view) && /name="(?:login|username)"/.test(view.html);

async function logIn(uidp: string, account: string): Promise<{ person: Person; page: View }> {
  const person = new Person("", `192.0.${++addresses}.1`);
  const page = await person.open(`${platform.didp}/login/${uidp}?to=/me/account`);
  const inside =
    uidp === "office"
      ? await submitTo(person, page, /\/login\//, credentialsOf(account))
      : await answerThere(person, page, account);
  expect(inside.title).toBe("My account");
  return { person, page: inside };
}
const credentialsOf = (uid: string) => ({
  username: uid,
  password: people.find((one) => one.uid === uid)?.password ?? "wrong",
});

const renew = (person: Person, page: View) =>
  submitTo(person, page, /recovery-codes$/, { decision: "renew" });
const account = (person: Person) => person.open(`${platform.didp}/me/account`);
const again = (person: Person, asked: View, stopAt?: RegExp) =>
  submitTo(person, asked, /^\/login\//, {}, stopAt);

/** A browser that was left open six minutes ago, at the page that asks whether it is still that person. */
async function leftOpen(uidp: string, name: string): Promise<{ person: Person; page: View; asked: View }> {
  const { person, page } = await logIn(uidp, name);
  await platform.ageLogins(6 * 60_000);
  const asked = await renew(person, page);
  expect(asked.title).toBe("Is it still you?");
  return { person, page, asked };
}

describe("an OpenID provider (oidc-provider)", () => {
  test("asks for the password though it remembers the person, and then the action goes through", async () => {
    const { person, asked } = await leftOpen("work", "alice");
    const silent = await person.open(`${platform.didp}/login/work?to=/me/account`);
    expect(silent.title).toBe("My account"); // an ordinary login: no question, and no proof
    expect((await renew(person, silent)).title).toBe("Is it still you?");

    const there = await again(person, asked);
    expect(asksThere(there)).toBe(true);
    const back = await answerThere(person, there, "alice");
    expect([back.title, (await renew(person, back)).title]).toEqual(["My account", "Your recovery codes"]);
  });

  test("a browser that takes the demand out of the URL gets in as ever, and no further", async () => {
    const { person, page, asked } = await leftOpen("work", "bob");
    const url = new URL((await again(person, asked, /\/auth\?/)).url);
    expect([url.searchParams.get("prompt"), url.searchParams.get("max_age")]).toEqual(["login", "0"]);
    url.searchParams.delete("prompt");
    for (const maxAge of [undefined, "100000"]) {
      if (maxAge === undefined) url.searchParams.delete("max_age");
      else url.searchParams.set("max_age", maxAge);
      const back = await person.open(url.href);
      expect([isOurs(back), back.status]).toEqual([true, 403]);
      expect((await renew(person, page)).title).toBe("Is it still you?");
    }
  });

  test.each<[string, Record<string, unknown>]>([
    ["an hour ago", { auth_time: Math.floor(Date.now() / 1000) - 3600 }],
    ["at a time that it does not say", { auth_time: undefined }],
  ])("whose last look at the person was %s is not believed", async (_, claims) => {
    liar.lies = {};
    const { person, page } = await logIn("liar", "");
    await platform.ageLogins(6 * 60_000);
    const asked = await renew(person, page);
    liar.lies = { claims };
    const back = await again(person, asked);
    liar.lies = {};
    expect(back.status).toBe(403);
    expect((await renew(person, page)).title).toBe("Is it still you?");
  });

  test("somebody else who logs in there is let in as somebody else", async () => {
    const { person, asked } = await leftOpen("work", "carol");
    const before = (await account(person)).forms.find(({ action }) => action.endsWith("/recovery-codes"));
    const back = await answerThere(person, await again(person, asked), "mallory");
    const shown = await renew(person, back);
    expect(shown.title).toBe("Your recovery codes");
    // Those are mallory's: carol has none, and her old form is nobody's any more.
    const { person: carol } = await logIn("work", "carol");
    expect((await account(carol)).html).toContain("You have none.");
    expect(before?.hidden.csrf).not.toBe((await account(person)).forms[0]?.hidden.csrf);
  });
});

describe.skipIf(!hasSimpleSaml)("a SAML provider (simplesamlphp)", () => {
  test("asks for the password though it remembers the person, and then the action goes through", async () => {
    const { person, asked } = await leftOpen("uni", "alice");
    const there = await again(person, asked);
    expect(asksThere(there)).toBe(true);
    const back = await answerThere(person, there, "alice");
    expect([back.title, (await renew(person, back)).title]).toEqual(["My account", "Your recovery codes"]);
  });
});

describe.skipIf(!hasDirectory)("a directory (slapd)", () => {
  test("the password is tried against it again", async () => {
    const { person, asked } = await leftOpen("office", "alice");
    const form = await again(person, asked);
    const wrong = await submitTo(person, form, /\/login\//, { username: "alice", password: "wrong" });
    expect(wrong.status).toBe(403);
    expect((await renew(person, await account(person))).title).toBe("Is it still you?");
    const back = await submitTo(person, wrong, /\/login\//, credentialsOf("alice"));
    expect((await renew(person, back)).title).toBe("Your recovery codes");
  });
});

describe("a login that cannot be made to ask (an OAuth2 preset)", () => {
  test("is gone through once more at least, also right after the first time, and the page says what that is worth", async () => {
    const { person, page } = await logIn("github", "alice");
    const asked = await renew(person, page);
    expect(asked.title).toBe("Is it still you?");
    expect(asked.html).toContain("Code host cannot be made to ask for your password again");
    expect(new URL((await again(person, asked, /\/auth\?/)).url).searchParams.get("prompt")).toBe(
      "select_account",
    );
    expect((await renew(person, page)).title).toBe("Is it still you?");
  });

  test("where there is another login that can, that one can be used", async () => {
    const { person, page } = await leftOpen("work", "dora");
    const asked = await renew(person, page);
    expect(asked.html).not.toContain("cannot be made to ask");
    expect(asked.forms.map(({ action }) => action)).toEqual(["/login/work"]);
  });
});

test("a recovery code shows as well that it is the person", async () => {
  const { person, page } = await logIn("office", "bob");
  const codes = await renew(person, page);
  const code = /<code>([^<]*)<\/code>/.exec(codes.html)?.[1] ?? "";
  await platform.ageLogins(6 * 60_000);
  expect((await renew(person, await account(person))).title).toBe("Is it still you?");
  const back = await submitTo(person, await person.open(`${platform.didp}/recover`), /recover$/, { code });
  expect((await renew(person, back)).title).toBe("Your recovery codes");
});

test.each([
  ["deleting the account", "/me/delete", /me\/delete$/, "delete"],
  ["adding a login", "/me/account", /logins\/liar$/, "add"],
  ["new recovery codes", "/me/account", /recovery-codes$/, "renew"],
] as const)("%s wants it; nothing of it is done without", async (_, path, action, decision) => {
  const { person } = await leftOpen("work", `eve-${crypto.randomUUID()}`);
  const page = await person.open(`${platform.didp}${path}`);
  expect((await submitTo(person, page, action, { decision })).title).toBe("Is it still you?");
  const now = await account(person);
  expect([now.title, now.html.includes("You have none."), now.html.match(/<h3>/g)?.length]).toEqual([
    "My account",
    true,
    1,
  ]);
});

test("an app's prompt=login is the provider's question too, and approving without it leads back to it", async () => {
  const { person } = await logIn("work", "frank");
  const app = await StrictApp.register(platform);
  const asked = await person.open((await app.begin({ prompt: "login" })).url.href);
  expect(asked.title).toBe("Is it still you?");
  const csrf = (await account(person)).forms[0]?.hidden.csrf ?? "";
  const early = await person.open(asked.url, {
    init: { method: "POST", body: new URLSearchParams({ csrf, decision: "approve" }) },
  });
  expect(early.title).toBe("Is it still you?");
  const there = await again(person, asked);
  expect(asksThere(there)).toBe(true);
  const consent = await answerThere(person, there, "frank");
  expect(consent.title).toBe("Room chart asks for access");
  const back = await person.submit(consent, { decision: "deny" }, { stopAt: /127\.0\.0\.1:9\// });
  expect(back.url.startsWith(REDIRECT_URI)).toBe(true);
});
