import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Person, type View } from "../identity/support/person.ts";
import { type Platform, startPlatform } from "../identity/support/platform.ts";
import { TestKeys } from "./support/keys.ts";
import { submitTo } from "./support/page.ts";
import { hasSimpleSaml, simpleSamlUidp, startSimpleSaml } from "./support/simplesamlphp.ts";
import { lastLoggedIn, pseudonyms } from "./support/stores.ts";

const PORT = 18740;

if (!hasSimpleSaml) console.warn("SKIPPED: logins by SAML (missing: apt-get install simplesamlphp php-cli)");

describe.skipIf(!hasSimpleSaml)("simplesamlphp as the identity provider", () => {
  const keys = new TestKeys();
  let platform: Platform;
  let provider: Awaited<ReturnType<typeof startSimpleSaml>> | undefined;

  beforeAll(async () => {
    keys.selfSigned("saml-idp", "idp.canary.example");
    platform = await startPlatform(PORT, {
      UIDPS: JSON.stringify([simpleSamlUidp(PORT + 5, keys.read("saml-idp.crt"))]),
    });
    const metadata = await (await fetch(`${platform.didp}/saml/metadata`)).text();
    provider = await startSimpleSaml(keys, PORT + 5, metadata);
  });
  afterAll(async () => {
    await provider?.stop();
    await platform?.stop();
    keys.remove();
  });

  /** Up to the page that carries the signed response to us. */
  async function logInThere(person: Person, account: string): Promise<View> {
    let page = await person.open(`${platform.didp}/login/uni?to=/me/account`);
    if (page.html.includes('name="username"')) {
      page = await person.submit(page, { username: account, password: account });
    }
    expect(page.html).toContain("SAMLResponse");
    return page;
  }

  test("the provider's own form, its signed response, our session: the same person every time", async () => {
    const person = new Person("");
    const page = await submitTo(person, await logInThere(person, "alice"), /saml\/acs/);
    expect(page.title).toBe("My account");
    const anon = await lastLoggedIn(platform);
    for (const [account, isSame] of [
      ["alice", true],
      ["bob", false],
    ] as const) {
      const other = new Person("");
      await submitTo(other, await logInThere(other, account), /saml\/acs/);
      expect((await lastLoggedIn(platform)) === anon).toBe(isSame);
    }
    expect(await pseudonyms(platform)).toHaveLength(2);
  });

  test("a POST from another site comes without our cookie: our own page sends it once more", async () => {
    const person = new Person("");
    const page = await logInThere(person, "alice");
    const body = new URLSearchParams(page.forms.find(({ action }) => action.includes("/saml/acs"))?.hidden);
    const answer = await fetch(`${platform.didp}/saml/acs`, {
      method: "POST",
      body,
      headers: {
        accept: "text/html",
        origin: `http://127.0.0.1:${PORT + 5}`,
        "sec-fetch-site": "cross-site",
      },
    });
    const html = await answer.text();
    expect([answer.status, html.includes('src="/saml/pass-on.js"')]).toEqual([200, true]);
    const again = new URLSearchParams(
      [...html.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]),
    );
    expect(again.get("SAMLResponse")).toBe(body.get("SAMLResponse"));
    const view = await person.open(`${platform.didp}/saml/acs`, { init: { method: "POST", body: again } });
    expect(view.title).toBe("My account");
  });

  test("what the provider tells is not kept: no attribute, name or assertion in logs, stores or our URLs", async () => {
    const person = new Person("");
    const answer = await logInThere(person, "alice");
    const response =
      answer.forms.find(({ action }) => action.includes("/saml/acs"))?.hidden.SAMLResponse ?? "";
    const xml = Buffer.from(response, "base64").toString();
    const nameId = /<saml:NameID[^>]*>([^<]*)</.exec(xml)?.[1] ?? "";
    expect(xml).toContain("alice@canary.example"); // it was told
    expect(nameId).toMatch(/^\w{20,}$/);
    expect((await submitTo(person, answer, /saml\/acs/)).title).toBe("My account");
    const ours = person.visited.filter((url) => url.startsWith(platform.didp));
    const seen = [platform.log.join("\n"), await platform.dump(), ours.join("\n")];
    expect(platform.log.length).toBeGreaterThan(0);
    for (const canary of ["canary", "alice", "Alice", nameId, response.slice(0, 40), "<saml"]) {
      for (const text of seen) expect(text).not.toContain(canary);
    }
  });

  test("the provider itself says nothing of an error", () => {
    expect(readFileSync(provider?.log ?? "", "utf8")).not.toMatch(/ (?:ERROR|CRITICAL) /);
  });
});
