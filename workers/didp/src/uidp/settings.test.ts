import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { formTargetOf, uidpsSetting } from "./settings.ts";

const page = readFileSync(path.resolve(import.meta.dirname, "../../../../docs/logins.md"), "utf8");
const examples = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(
  ([, json = ""]) => JSON.parse(json) as Record<string, unknown>,
);
const of = (protocol: string) => examples.find((one) => one.protocol === protocol) ?? {};

test("the examples of docs/logins.md are right, one of each protocol, and go together", () => {
  const uidps = uidpsSetting.parse(examples);
  expect(uidps.map(({ protocol }) => protocol)).toEqual(["oidc", "oauth2", "saml", "ldap"]);
  expect(uidps.map((uidp) => formTargetOf(uidp).map((uri) => new URL(uri).origin))).toEqual([
    ["https://login.example.com"],
    ["https://github.com"],
    ["https://idp.example.edu"],
    [],
  ]);
});

describe("refused", () => {
  test.each<[string, Record<string, unknown>]>([
    ["an unknown protocol", { ...of("oidc"), protocol: "oauth1" }],
    ["a member that nobody reads, such as a misspelt one", { ...of("oidc"), client_secrets: "x" }],
    ["an id that would not fit into a URL", { ...of("oidc"), id: "Work Account" }],
    ["an id with the sign that ends it in RelayState", { ...of("saml"), id: "a.b" }],
    ["no secret", { ...of("oidc"), client_secret: "" }],
    ["an unknown preset", { ...of("oauth2"), preset: "example" }],
    ["SAML without a certificate", { ...of("saml"), certificates: [] }],
    ["SAML by plain http", { ...of("saml"), sso_url: "http://idp.example.edu/sso" }],
    ["LDAP without TLS", { ...of("ldap"), url: "ldap://ldap.example.com" }],
    ["LDAP with half an account", { ...of("ldap"), bind_password: undefined }],
    ["LDAP by an attribute that changes", { ...of("ldap"), subject_attribute: "mail" }],
    ["a filter in place of an attribute", { ...of("ldap"), login_attribute: "uid=*)(x" }],
  ])("%s", (_, uidp) => {
    expect(uidpsSetting.safeParse([uidp]).success).toBe(false);
  });

  test("one id twice", () => {
    expect(uidpsSetting.safeParse([of("oidc"), { ...of("saml"), id: of("oidc").id }]).success).toBe(false);
  });
});
