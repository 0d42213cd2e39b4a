import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Person, type View } from "../identity/support/person.ts";
import { type Platform, startPlatform } from "../identity/support/platform.ts";
import { BASE_DN, hasDirectory, oddPeople, people, SEARCHER, startDirectory } from "./support/directory.ts";
import { TestKeys } from "./support/keys.ts";
import { noticeOf, submitTo } from "./support/page.ts";
import { lastLoggedIn, pseudonyms } from "./support/stores.ts";

const PORT = 18720;
const [alice, bob] = people;

if (!hasDirectory) console.warn("SKIPPED: logins by LDAP (missing: apt-get install slapd)");

describe.skipIf(!hasDirectory)("a directory over LDAPS", () => {
  const keys = new TestKeys();
  const servers: { stop(): Promise<void> }[] = [];
  let platform: Platform;

  beforeAll(async () => {
    keys.selfSigned("authority", "Test authority", "basicConstraints=critical,CA:TRUE");
    keys.selfSigned("foreign", "localhost", "subjectAltName=DNS:localhost");
    keys.issued("right", "localhost", "authority");
    keys.issued("other-host", "ldap.canary.example", "authority");
    servers.push(await startDirectory(keys, PORT + 5, "right"));
    servers.push(await startDirectory(keys, PORT + 6, "foreign"));
    servers.push(await startDirectory(keys, PORT + 7, "other-host"));
    // What workerd trusts; it reads the variable when it starts.
    process.env.SSL_CERT_FILE = keys.path("authority.crt");
    const uidp = (id: string, port: number, changes: Record<string, string> = {}) => ({
      id,
      name: `Directory ${id}`,
      protocol: "ldap",
      url: `ldaps://localhost:${port}`,
      base_dn: `ou=people,${BASE_DN}`,
      login_attribute: "uid",
      bind_dn: SEARCHER.dn,
      bind_password: SEARCHER.password,
      ...changes,
    });
    platform = await startPlatform(PORT, {
      UIDPS: JSON.stringify([
        uidp("office", PORT + 5),
        uidp("foreign", PORT + 6),
        uidp("other-host", PORT + 7),
        uidp("plain-port", PORT + 1),
        uidp("active", PORT + 5, { subject_attribute: "objectGUID" }),
        uidp("wrong-search", PORT + 5, { bind_password: "wrong" }),
      ]),
    });
  });
  afterAll(async () => {
    await platform?.stop();
    for (const server of servers) await server.stop();
    keys.remove();
  });

  let addresses = 0;
  const somebody = () => new Person("", `192.0.${++addresses}.1`);
  async function tryLogin(
    person: Person,
    username: string,
    password: string,
    uidp = "office",
  ): Promise<View> {
    const form = await person.open(`${platform.didp}/login/${uidp}?to=/me/account`);
    return submitTo(person, form, /\/login\//, { username, password });
  }

  test("name and password open a session, and the same person gets the same pseudonym", async () => {
    const page = await tryLogin(somebody(), alice.uid, alice.password);
    expect(page.title).toBe("My account");
    const anon = await lastLoggedIn(platform);
    await tryLogin(somebody(), alice.uid.toUpperCase(), alice.password);
    expect(await lastLoggedIn(platform)).toBe(anon);
    await tryLogin(somebody(), bob.uid, bob.password);
    expect(await lastLoggedIn(platform)).not.toBe(anon);
    expect(await pseudonyms(platform)).toHaveLength(2);
  });

  test("objectGUID, which is bytes and no text: one person each, the same every time, another than by entryUUID", async () => {
    const seen: (string | undefined)[] = [];
    for (const { uid, password } of [alice, bob, alice]) {
      expect((await tryLogin(somebody(), uid, password, "active")).title).toBe("My account");
      seen.push(await lastLoggedIn(platform));
    }
    expect(seen[2]).toBe(seen[0]);
    expect(seen[1]).not.toBe(seen[0]);
    await tryLogin(somebody(), alice.uid, alice.password);
    expect(seen).not.toContain(await lastLoggedIn(platform));
  });

  test.each(oddPeople)(
    "an entry without a usable objectGUID ($uid) is nobody there",
    async ({ uid, password }) => {
      const page = await tryLogin(somebody(), uid, password, "active");
      expect([page.status, noticeOf(page)]).toEqual([403, "That name and password do not fit."]);
      expect((await tryLogin(somebody(), uid, password)).title).toBe("My account");
    },
  );

  test("a wrong password and an unknown name get the same answer, and the form again", async () => {
    const person = somebody();
    const wrong = await tryLogin(person, alice.uid, "wrong");
    const unknown = await tryLogin(person, "nobody", "wrong");
    expect([wrong.status, noticeOf(wrong)]).toEqual([403, "That name and password do not fit."]);
    expect([unknown.status, noticeOf(unknown)]).toEqual([403, "That name and password do not fit."]);
    const page = await submitTo(person, unknown, /\/login\//, {
      username: alice.uid,
      password: alice.password,
    });
    expect(page.title).toBe("My account");
  });

  test("an empty password is refused before the directory is asked (unauthenticated bind)", async () => {
    for (const password of ["", "\0"]) {
      const page = await tryLogin(somebody(), alice.uid, password);
      expect([page.status, noticeOf(page)]).toEqual([403, "That name and password do not fit."]);
    }
  });

  test.each([
    "*",
    "a*",
    "alice)(uid=*",
    "*)(|(uid=*",
    "alice\0",
    "alice)(|(objectClass=*))",
    `uid=alice,ou=people,${BASE_DN}`,
    alice.mail,
    "\\61lice",
    "x".repeat(300),
  ])("LDAP injection: the login name %j is a name that nobody has", async (username) => {
    const page = await tryLogin(somebody(), username, alice.password);
    expect([page.status, noticeOf(page)]).toEqual([403, "That name and password do not fit."]);
  });

  test.each(["foreign", "other-host"])("a wrong certificate (%s) gets no password", async (uidp) => {
    const page = await tryLogin(somebody(), alice.uid, alice.password, uidp);
    expect([page.status, noticeOf(page)]).toEqual([
      503,
      "This login cannot be reached at the moment. Try again in a minute.",
    ]);
  });

  test("a server without TLS, and a search account that is refused, are not the person's fault", async () => {
    for (const uidp of ["plain-port", "wrong-search"]) {
      expect((await tryLogin(somebody(), alice.uid, alice.password, uidp)).status).toBe(503);
    }
  });

  test("the form works once, in the browser that opened it, at its own directory", async () => {
    const [person, other] = [somebody(), somebody()];
    const form = await person.open(`${platform.didp}/login/office?to=/me/account`);
    const theirs = await other.open(`${platform.didp}/login/office?to=/me/account`);
    const state = form.forms[0]?.hidden.state ?? "";
    const good = { username: alice.uid, password: alice.password };
    expect((await submitTo(other, theirs, /\/login\//, { ...good, state })).status).toBe(403);
    expect((await submitTo(person, form, /\/login\//, { ...good, csrf: "x" })).status).toBe(403);
    expect((await submitTo(person, form, /\/login\//, good)).title).toBe("My account");
    expect((await submitTo(person, form, /\/login\//, good)).status).toBe(403);
  });

  test("passwords cannot be guessed: a name is closed for a while after ten tries, from wherever", async () => {
    const statuses: number[] = [];
    for (let tries = 0; tries < 11; tries++) {
      statuses.push((await tryLogin(somebody(), "carol", `guess ${tries}`)).status);
    }
    expect(statuses).toEqual([...Array<number>(10).fill(403), 429]);
  });

  test("nothing of the person or the search account is in a log line or a store", async () => {
    const canaries = [
      "canary",
      "alice",
      "bob",
      "ou=people",
      "LDAPTS",
      Buffer.from("alice").toString("base64").replace("=", ""),
    ];
    const [log, dump] = [platform.log.join("\n"), await platform.dump()];
    expect(platform.log.length).toBeGreaterThan(0);
    for (const canary of canaries) {
      expect(log).not.toContain(canary);
      expect(dump).not.toContain(canary);
    }
    // entryUUID: the one thing that was read.
    expect(dump).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i);
    expect(dump).not.toMatch(/f{30}8[01]/);
  });
});
