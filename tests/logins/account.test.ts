import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWhenDone } from "../identity/support/flows.ts";
import { Person, type View } from "../identity/support/person.ts";
import { noticeOf, submitTo } from "./support/page.ts";
import { lastLoggedIn } from "./support/stores.ts";
import { startTwoLogins, type TwoLogins } from "./support/two-logins.ts";

const PORT = 18780;
let logins: TwoLogins;
let platform: TwoLogins["platform"];
let one: TwoLogins["one"];
let two: TwoLogins["two"];
let people = 0;

beforeAll(async () => {
  logins = await startTwoLogins(PORT, "");
  ({ platform, one, two } = logins);
});
afterAll(() => logins?.stop());

/** A browser in which somebody has logged in; `name` is that person's subject at the provider. */
async function browser(
  name: string,
  provider: "one" | "two" = "one",
): Promise<{ person: Person; page: View }> {
  (provider === "one" ? one : two).subject = `${name}-canary`;
  const person = new Person("", `192.0.${++people}.1`);
  const page = await person.open(`${platform.didp}/login/${provider}?to=/me/account`);
  expect(page.title).toBe("My account");
  return { person, page };
}

/** Presses "Add Second login", where whoever it is is `name`. */
function addSecond(person: Person, page: View, name: string): Promise<View> {
  two.subject = `${name}-canary`;
  return submitTo(person, page, /logins\/two$/, { decision: "add" });
}

const loginsOn = (page: View) => [...page.html.matchAll(/<h3>([^<]*)<\/h3>/g)].map(([, text]) => text);
const codesOn = (page: View) =>
  [...page.html.matchAll(/<code>([^<]*)<\/code>/g)].map(([, code = ""]) => code);
const open = (person: Person) => person.open(`${platform.didp}/me/account`);

describe("two logins, one person", () => {
  test("a login that was added leads to the same person, and the page tells both by their providers", async () => {
    const { person, page } = await browser("alice");
    const anon = await lastLoggedIn(platform);
    const added = await addSecond(person, page, "alice-two");
    expect(noticeOf(added)).toBe("The login was added. It leads here from now on.");
    expect(loginsOn(added)).toEqual(["1. First login", "2. Second login"]);
    await browser("alice-two", "two");
    expect(await lastLoggedIn(platform)).toBe(anon);
    expect(noticeOf(await addSecond(person, added, "alice-two"))).toBe("That login leads here already.");
  });

  test("a login of another person is not taken over, and the two stay two", async () => {
    await browser("bob", "two");
    const bob = await lastLoggedIn(platform);
    const { person, page } = await browser("carol");
    expect(noticeOf(await addSecond(person, page, "bob"))).toContain("leads to another account here");
    expect(loginsOn(await open(person))).toEqual(["1. First login"]);
    await browser("bob", "two");
    expect(await lastLoggedIn(platform)).toBe(bob);
  });

  test("a removed login is a stranger's, the last one stays, and others' cannot be removed", async () => {
    const { person, page } = await browser("dora");
    const anon = await lastLoggedIn(platform);
    const both = await addSecond(person, page, "dora-two");
    const foreign = await browser("alice");
    const theirs = foreign.page.forms.find(({ action }) => action.endsWith("/remove"))?.action ?? "";
    const button = both.forms.find(({ action }) => action.endsWith("/remove"))?.action ?? "";
    const post = (path: string) =>
      person.open(platform.didp + path, {
        init: {
          method: "POST",
          body: new URLSearchParams({ csrf: both.forms[0]?.hidden.csrf ?? "", decision: "remove" }),
        },
      });
    expect(theirs).not.toBe(button);
    expect(noticeOf(await post(theirs))).toContain("cannot be removed");
    const left = await submitTo(person, both, /\/remove$/, { decision: "remove" });
    expect([noticeOf(left), loginsOn(left)]).toEqual(["The login was removed.", ["1. Second login"]]);
    expect(noticeOf(await post(button))).toContain("cannot be removed");
    await browser("dora");
    expect(await lastLoggedIn(platform)).not.toBe(anon);
    await browser("dora-two", "two");
    expect(await lastLoggedIn(platform)).toBe(anon);
    expect(loginsOn((await browser("alice")).page)).toHaveLength(2);
  });

  test("of two removals at once one fails, so that a login is left", async () => {
    const { person, page } = await browser("eve");
    const both = await addSecond(person, page, "eve-two");
    const actions = both.forms.map(({ action }) => action).filter((action) => action.endsWith("/remove"));
    expect(actions).toHaveLength(2);
    const views = await Promise.all(
      actions.map((wanted) =>
        person.submit(both, { decision: "remove" }, { form: (action) => action === wanted }),
      ),
    );
    expect(views.map(noticeOf).toSorted()).toEqual([
      "The last login cannot be removed. Add another one first.",
      "The login was removed.",
    ]);
    expect(loginsOn(await open(person))).toHaveLength(1);
  });
});

describe("linking under attack", () => {
  test("forced linking: a login that the attacker began for himself does nothing in the victim's browser", async () => {
    const [attacker, victim] = [await browser("mallory"), await browser("victim")];
    two.subject = "mallory-two-canary";
    const stolen = await submitTo(
      attacker.person,
      attacker.page,
      /logins\/two$/,
      { decision: "add" },
      /\/callback\//,
    );
    expect((await victim.person.open(stolen.url)).status).toBe(403);
    expect(loginsOn(await open(victim.person))).toEqual(["1. First login"]);
  });

  test("a foreign form does not begin one, and a link does not either", async () => {
    const { person, page } = await browser("frank");
    const url = `${platform.didp}/me/account/logins/two`;
    const csrf = page.forms[0]?.hidden.csrf ?? "";
    const headers = { origin: "https://evil.example" };
    const body = new URLSearchParams({ csrf, decision: "add" });
    expect((await person.open(url, { init: { method: "POST", body, headers } })).status).toBe(403);
    const forged = new URLSearchParams({ csrf: "x", decision: "add" });
    expect((await person.open(url, { init: { method: "POST", body: forged } })).status).toBe(403);
    expect((await person.open(url)).status).toBe(404);
  });

  test("a login that was begun as one person does not end as another's", async () => {
    const { person, page } = await browser("grace");
    two.subject = "grace-two-canary";
    const kept = await submitTo(person, page, /logins\/two$/, { decision: "add" }, /\/callback\//);
    one.subject = "heidi-canary";
    await person.open(`${platform.didp}/login/one?to=/me/account`);
    expect((await person.open(kept.url)).status).toBe(403);
    expect(loginsOn(await open(person))).toEqual(["1. First login"]);
  });

  test("in a browser that was left open nobody can make themselves a way in", async () => {
    const { person, page } = await browser("ivan");
    const both = await addSecond(person, page, "ivan-two");
    await platform.ageLogins(6 * 60_000);
    expect((await open(person)).title).toBe("My account");
    for (const [action, decision] of [
      [/logins\/two$/, "add"],
      [/\/remove$/, "remove"],
      [/recovery-codes$/, "renew"],
    ] as const) {
      expect((await submitTo(person, both, action, { decision })).title).toBe("Is it still you?");
    }
  });
});

describe("recovery codes", () => {
  test("ten codes of 128 bits, shown once; each opens the account once", async () => {
    const { person, page } = await browser("judy");
    const anon = await lastLoggedIn(platform);
    const shown = await submitTo(person, page, /recovery-codes$/, { decision: "renew" });
    const codes = codesOn(shown);
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code.replaceAll(" ", "")).toMatch(/^[A-Z2-7]{26}$/);
    expect(codesOn(await open(person))).toEqual([]);
    expect((await open(person)).html).toContain("10 of 10 left");

    const stranger = new Person("", "192.0.200.1");
    const form = await stranger.open(`${platform.didp}/recover`);
    const inside = await submitTo(stranger, form, /recover$/, { code: (codes[3] ?? "").toLowerCase() });
    expect(noticeOf(inside)).toContain("You are in.");
    expect(await lastLoggedIn(platform)).toBe(anon);
    expect(inside.html).toContain("9 of 10 left");
    expect(noticeOf(await addSecond(stranger, inside, "judy-new"))).toContain("was added");
    await browser("judy-new", "two");
    expect(await lastLoggedIn(platform)).toBe(anon);

    const thief = new Person("", "192.0.201.1");
    const again = await thief.open(`${platform.didp}/recover`);
    const view = await submitTo(thief, again, /recover$/, { code: codes[3] ?? "" });
    expect([view.status, noticeOf(view)]).toEqual([403, "This code opens nothing, or was used."]);
  });

  test("of two uses of one code at once one gets in", async () => {
    const { person, page } = await browser("karl");
    const [code = ""] = codesOn(await submitTo(person, page, /recovery-codes$/, { decision: "renew" }));
    const views = await Promise.all(
      [210, 211].map(async (address) => {
        const stranger = new Person("", `192.0.${address}.1`);
        return submitTo(stranger, await stranger.open(`${platform.didp}/recover`), /recover$/, { code });
      }),
    );
    expect(views.map(({ status }) => status).toSorted()).toEqual([200, 403]);
  });

  test("new codes end the older ones", async () => {
    const { person, page } = await browser("lena");
    const [old = ""] = codesOn(await submitTo(person, page, /recovery-codes$/, { decision: "renew" }));
    await submitTo(person, await open(person), /recovery-codes$/, { decision: "renew" });
    const stranger = new Person("", "192.0.202.1");
    const form = await stranger.open(`${platform.didp}/recover`);
    expect((await submitTo(stranger, form, /recover$/, { code: old })).status).toBe(403);
  });

  test("codes cannot be guessed: five tries a minute from one network, and no try by a foreign form", async () => {
    const guesser = new Person("", "192.0.203.1");
    const form = await guesser.open(`${platform.didp}/recover`);
    const statuses: number[] = [];
    for (const code of ["", "x", "A".repeat(26), "B".repeat(26), "7".repeat(26), "C".repeat(26)]) {
      statuses.push((await submitTo(guesser, form, /recover$/, { code })).status);
    }
    expect(statuses).toEqual([403, 403, 403, 403, 403, 429]);
    expect((await submitTo(guesser, form, /recover$/, { code: "x", csrf: "x" })).status).toBe(403);
  });

  test("they go with the account", async () => {
    const { person, page } = await browser("mona");
    const [code = ""] = codesOn(await submitTo(person, page, /recovery-codes$/, { decision: "renew" }));
    const receipt = await submitTo(person, await person.open(`${platform.didp}/me/delete`), /me\/delete/, {
      decision: "delete",
    });
    expect((await openWhenDone(person, receipt.url)).title).toBe("Everything is deleted");
    const stranger = new Person("", "192.0.204.1");
    const form = await stranger.open(`${platform.didp}/recover`);
    expect((await submitTo(stranger, form, /recover$/, { code })).status).toBe(403);
    expect((await browser("mona")).page.html).toContain("You have none.");
  });
});

test("no subject, provider or code is in a log line or a store", async () => {
  const { person, page } = await browser("nina");
  const codes = codesOn(await submitTo(person, page, /recovery-codes$/, { decision: "renew" }));
  await addSecond(person, await open(person), "nina-two");
  const [log, dump] = [platform.log.join("\n"), await platform.dump()];
  expect(platform.log.length).toBeGreaterThan(0);
  for (const word of [
    "canary",
    "nina",
    "First login",
    ...codes,
    ...codes.map((code) => code.replaceAll(" ", "")),
  ]) {
    expect(log).not.toContain(word);
    expect(dump).not.toContain(word);
  }
  const rows = dump.split("\n").filter((line) => line.startsWith("edgenym-pseudonymiser"));
  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) expect(row).not.toMatch(/"(?:one|two)"/);
});
