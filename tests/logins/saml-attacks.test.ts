import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Person, type View } from "../identity/support/person.ts";
import { type Platform, startPlatform } from "../identity/support/platform.ts";
import {
  craft,
  craftAssertion,
  type Facts,
  PERSISTENT,
  requestIdIn,
  sign,
} from "./support/crafted-response.ts";
import { TestKeys } from "./support/keys.ts";
import { pseudonyms } from "./support/stores.ts";

const PORT = 18760;
const [IDP, OTHER_IDP] = ["https://idp.canary.example", "https://other-idp.canary.example"];
const keys = new TestKeys();
let platform: Platform;
let key: string;

beforeAll(async () => {
  for (const name of ["idp", "other"]) keys.selfSigned(name, `${name}.canary.example`);
  key = keys.read("idp.key");
  const uidp = (id: string, entityId: string, certificate: string) => ({
    id,
    name: `University ${id}`,
    protocol: "saml",
    entity_id: entityId,
    sso_url: `${entityId}/sso`,
    certificates: [keys.read(`${certificate}.crt`)],
  });
  platform = await startPlatform(PORT, {
    UIDPS: JSON.stringify([uidp("one", IDP, "idp"), uidp("two", OTHER_IDP, "other")]),
  });
});
afterAll(async () => {
  await platform?.stop();
  keys.remove();
});

/** A login that a browser has begun: what its identity provider would have to answer. */
async function begin(person = new Person(""), uidp = "one", query = "") {
  const view = await person.open(`${platform.didp}/login/${uidp}?to=/me/account${query}`, {
    stopAt: /\/sso\?/,
  });
  const url = new URL(view.url);
  const relayState = url.searchParams.get("RelayState") ?? "";
  const facts: Facts = {
    destination: `${platform.didp}/saml/acs`,
    issuer: IDP,
    inResponseTo: requestIdIn(view.url),
    audience: `${platform.didp}/saml/metadata`,
    recipient: `${platform.didp}/saml/acs`,
    nameId: "persistent-canary-id",
    nameIdFormat: PERSISTENT,
    nameIdAttributes: "",
    notBefore: new Date(Date.now() - 60_000),
    notOnOrAfter: new Date(Date.now() + 300_000),
    method: "urn:oasis:names:tc:SAML:2.0:cm:bearer",
    status: "urn:oasis:names:tc:SAML:2.0:status:Success",
  };
  const post = (xml: string | Buffer, changes: Record<string, string> = {}): Promise<View> =>
    person.open(`${platform.didp}/saml/acs`, {
      init: {
        method: "POST",
        body: new URLSearchParams({
          SAMLResponse: Buffer.from(xml).toString("base64"),
          RelayState: relayState,
          again: "yes",
          ...changes,
        }),
      },
    });
  return { person, relayState, facts, post };
}

/** Not in. (That nobody got a pseudonym either is looked at once, at the end.) */
async function expectRefused(view: View, person: Person): Promise<void> {
  expect(view.status).toBe(403);
  expect((await person.open(`${platform.didp}/me/account`)).title).toBe("Who is there?");
}

async function refuses(make: (facts: Facts) => string | Buffer, uidp = "one"): Promise<void> {
  const { person, facts, post } = await begin(new Person(""), uidp);
  await expectRefused(await post(make(facts)), person);
}

test("what is right is accepted: a signed response with a signed assertion for this very login", async () => {
  const { facts, post } = await begin();
  const attributes = ` NameQualifier="${IDP}" SPNameQualifier="${facts.audience}"`;
  expect((await post(sign(craft({ ...facts, nameIdAttributes: attributes }), key))).title).toBe("My account");
});

describe("signatures", () => {
  test("an unsigned response is refused", () => refuses(craft));
  test("a signed assertion in an unsigned response is refused", () =>
    refuses((facts) => sign(craft(facts), key, ["Assertion"])));
  test("an unsigned assertion in a signed response is refused", () =>
    refuses((facts) => sign(craft(facts), key, ["Response"])));
  test("somebody else's key is refused, though it brings its certificate along", () =>
    refuses((facts) => sign(craft(facts), keys.read("other.key"))));
  test("SHA-1 is refused", () =>
    refuses((facts) => sign(craft(facts), key, ["Assertion", "Response"], "sha1")));
  test("a changed name is refused", () =>
    refuses((facts) => sign(craft(facts), key).replace("persistent-canary-id", "persistent-canary-ie")));
  test("a signature that is there and empty is refused", () =>
    refuses((facts) => sign(craft(facts), key).replaceAll(/<SignatureValue>[^<]*</g, "<SignatureValue><")));
  test("a keyed hash with the public certificate as its key is refused", () =>
    refuses((facts) =>
      sign(craft(facts), key).replaceAll(
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
      ),
    ));
});

describe("signature wrapping", () => {
  const evil = (facts: Facts, id: string) => craftAssertion({ ...facts, nameId: "somebody-else" }, id);
  const signed = (facts: Facts) => sign(craft(facts), key);
  const assertionIn = (xml: string) => /<saml:Assertion[\s\S]*<\/saml:Assertion>/.exec(xml)?.[0] ?? "";
  const signatureOfResponse = (xml: string) =>
    /<Signature[\s\S]*?<\/Signature>/.exec(xml.slice(0, xml.indexOf("<saml:Assertion")))?.[0] ?? "";

  test.each<[string, (facts: Facts) => string]>([
    [
      "a forged assertion before the signed one",
      (facts) => signed(facts).replace("<saml:Assertion", `${evil(facts, "evil")}<saml:Assertion`),
    ],
    [
      "a forged assertion after the signed one",
      (facts) => signed(facts).replace("</samlp:Response>", `${evil(facts, "evil")}</samlp:Response>`),
    ],
    [
      "the signed assertion inside a forged one",
      (facts) => {
        const xml = signed(facts);
        const forged = evil(facts, "evil").replace(
          "</saml:Assertion>",
          `${assertionIn(xml)}</saml:Assertion>`,
        );
        return xml.replace(assertionIn(xml), forged);
      },
    ],
    [
      "a forged assertion under the signed one's id",
      (facts) => {
        const xml = signed(facts);
        return xml.replace("<saml:Assertion", `${evil(facts, "assertion-1")}<saml:Assertion`);
      },
    ],
    [
      "the whole signed response inside a forged one",
      (facts) =>
        craft({ ...facts, nameId: "somebody-else" })
          .replace('ID="response-1"', 'ID="evil"')
          .replace("<samlp:Status>", `<samlp:Extensions>${signed(facts)}</samlp:Extensions><samlp:Status>`),
    ],
    [
      "the signed response as an object of its own signature, moved to a forged response",
      (facts) => {
        const xml = signed(facts);
        const signature = signatureOfResponse(xml).replace(
          "</Signature>",
          `<Object>${xml}</Object></Signature>`,
        );
        return craft({ ...facts, nameId: "somebody-else" })
          .replace('ID="response-1"', 'ID="evil"')
          .replace("<samlp:Status>", `${signature}<samlp:Status>`);
      },
    ],
    [
      "a forged response with both signatures of a good one",
      (facts) => {
        const xml = signed(facts);
        const inner = /<Signature[\s\S]*?<\/Signature>/.exec(assertionIn(xml))?.[0] ?? "";
        return craft({ ...facts, nameId: "somebody-else" })
          .replace("<samlp:Status>", `${signatureOfResponse(xml)}<samlp:Status>`)
          .replace("<saml:Subject>", `${inner}<saml:Subject>`);
      },
    ],
  ])("%s is refused", (_, make) => refuses(make));
});

describe("what an XML parser must not even see", () => {
  const changed = (change: (xml: string) => string) => (facts: Facts) => change(sign(craft(facts), key));

  test.each<[string, (xml: string) => string]>([
    // Canonicalisation drops comments, so the signature stays good; a careless reader stops at one.
    [
      "a comment that cuts the NameID",
      (xml) => xml.replace("persistent-canary", "persistent<!-- -->-canary"),
    ],
    ["a comment anywhere", (xml) => xml.replace("<samlp:Status>", "<!-- --><samlp:Status>")],
    ["a DOCTYPE", (xml) => `<!DOCTYPE r>${xml}`],
    [
      "a DOCTYPE with an external entity",
      (xml) => `<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]>${xml.replace("persistent", "&e;")}`,
    ],
    [
      "a billion laughs",
      (xml) =>
        `<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>${xml.replace("persistent", "&b;")}`,
    ],
    ["CDATA in the NameID", (xml) => xml.replace("persistent-canary", "<![CDATA[persistent]]>-canary")],
    ["a processing instruction", (xml) => xml.replace("persistent-canary", "persistent<?x y?>-canary")],
    ["another encoding's declaration", (xml) => `<?xml version="1.0" encoding="UTF-7"?>${xml}`],
    ["no XML at all", () => "canary"],
    ["nothing", () => ""],
  ])("%s is refused", (_, change) => refuses(changed(change)));

  test("UTF-16, in which a DOCTYPE hides from a filter, is refused", () =>
    refuses((facts) => Buffer.from(`\ufeff<!DOCTYPE r>${sign(craft(facts), key)}`, "utf16le")));
  test("bytes that are no UTF-8 are refused", () =>
    refuses((facts) => Buffer.concat([Buffer.from(sign(craft(facts), key)), Buffer.from([0xc0, 0xbc])])));
});

describe("an assertion that is well signed and not for this login", () => {
  test.each<[string, Partial<Facts>]>([
    ["another audience", { audience: "https://other-service.example/metadata" }],
    ["another recipient", { recipient: "https://other-service.example/acs" }],
    ["another destination", { destination: "https://other-service.example/acs" }],
    ["another issuer", { issuer: "https://evil.example" }],
    ["another request", { inResponseTo: "r-another" }],
    ["no request (unsolicited)", { inResponseTo: "" }],
    ["expired", { notOnOrAfter: new Date(Date.now() - 120_000) }],
    ["not yet valid", { notBefore: new Date(Date.now() + 3600_000) }],
    ["not a bearer's", { method: "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches" }],
    [
      "an e-mail address as its name's format",
      {
        nameIdFormat: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        nameId: "alice@canary.example",
      },
    ],
    ["an e-mail address under the persistent format", { nameId: "alice@canary.example" }],
    ["a transient name", { nameIdFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" }],
    ["a name of no format", { nameIdFormat: "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified" }],
    ["an empty name", { nameId: "" }],
    ["another provider's name", { nameIdAttributes: ' NameQualifier="https://evil.example"' }],
    ["another service's name", { nameIdAttributes: ' SPNameQualifier="https://other-service.example"' }],
  ])("%s: refused", (_, changes) => refuses((facts) => sign(craft({ ...facts, ...changes }), key)));

  test.each<[string, (xml: string) => string]>([
    [
      "without an audience",
      (xml) => xml.replace(/<saml:AudienceRestriction>.*<\/saml:AudienceRestriction>/, ""),
    ],
    ["without conditions", (xml) => xml.replace(/<saml:Conditions.*<\/saml:Conditions>/, "")],
    [
      "without a confirmation",
      (xml) => xml.replace(/<saml:SubjectConfirmation .*<\/saml:SubjectConfirmation>/, ""),
    ],
    ["without an authentication", (xml) => xml.replace(/<saml:AuthnStatement.*<\/saml:AuthnStatement>/, "")],
    ["without an end of its confirmation", (xml) => xml.replace(/ NotOnOrAfter="[^"]*"\/>/, "/>")],
    ["with two names", (xml) => xml.replace(/(<saml:NameID.*<\/saml:NameID>)/, "$1$1")],
  ])("%s: refused", (_, change) => refuses((facts) => sign(change(craft(facts)), key)));

  test("mix-up: one provider's good answer to a login that was begun at another is refused", async () => {
    await refuses((facts) => sign(craft(facts), key), "two");
  });

  test("mix-up: the state of one provider under the name of another is refused", async () => {
    const { person, relayState, facts, post } = await begin(new Person(""), "two");
    const view = await post(sign(craft(facts), key), { RelayState: relayState.replace("two.", "one.") });
    await expectRefused(view, person);
  });
});

describe("a login that was to be asked for again (ForceAuthn)", () => {
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

  test.each([
    ["of an hour ago is refused", minutesAgo(60), 403],
    ["of just now is taken", minutesAgo(0), 200],
  ])("an answer that rests on a login %s", async (_, authnInstant, status) => {
    const { facts, post } = await begin(new Person(""), "one", "&again=yes");
    expect((await post(sign(craft({ ...facts, authnInstant }), key))).status).toBe(status);
  });
});

describe("replay", () => {
  test("a response that was used is refused, in its own browser and in another", async () => {
    const { person, facts, post } = await begin();
    const xml = sign(craft(facts), key);
    expect((await post(xml)).title).toBe("My account");
    expect((await post(xml)).status).toBe(403);
    const thief = await begin(new Person(""));
    expect((await thief.post(xml)).status).toBe(403);
    expect((await thief.post(xml, { RelayState: (await begin(person)).relayState })).status).toBe(403);
  });

  test("a stolen response and its state, not used yet, open nothing in another browser (login CSRF)", async () => {
    const [victim, thief] = [await begin(), await begin()];
    const view = await thief.post(sign(craft(victim.facts), key), { RelayState: victim.relayState });
    await expectRefused(view, thief.person);
  });

  test("without a session there is nothing to log in to", async () => {
    const { facts, relayState } = await begin();
    const stranger = new Person("");
    const view = await stranger.open(`${platform.didp}/saml/acs`, {
      init: {
        method: "POST",
        body: new URLSearchParams({
          SAMLResponse: Buffer.from(sign(craft(facts), key)).toString("base64"),
          RelayState: relayState,
          again: "yes",
        }),
      },
    });
    expect(view.status).toBe(403);
  });
});

test("what was sent to be echoed is written as text, never as a page's own markup", async () => {
  const answer = await fetch(`${platform.didp}/saml/acs`, {
    method: "POST",
    body: new URLSearchParams({ SAMLResponse: '"><script>alert(1)</script>', RelayState: '"><img src=x>' }),
    headers: { accept: "text/html" },
  });
  const html = await answer.text();
  expect(html).not.toMatch(/<script>alert|<img src=x/);
  expect(answer.headers.get("content-security-policy")).toContain("script-src 'self'");
});

test("of all these answers, the good ones' person is the only one who got a pseudonym", async () => {
  expect(await pseudonyms(platform)).toHaveLength(1);
});

test("nothing of a person or of an answer is in a log line or a store", async () => {
  const seen = [platform.log.join("\n"), await platform.dump()];
  expect(platform.log.length).toBeGreaterThan(0);
  for (const text of seen)
    for (const word of ["canary", "saml:", "samlp:", "/etc/passwd"]) expect(text).not.toContain(word);
});
