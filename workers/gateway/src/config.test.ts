import { expect, test } from "vitest";
import { issuerTag } from "../../../engines/oauth/issuer-tag.ts";
import { readConfig } from "./config.ts";

const key = Buffer.alloc(32, 7).toString("base64url");

/** An environment whose home DIdP keeps what it is shown and knows nothing. */
function environment(settings: Record<string, string> = {}) {
  const shown: string[] = [];
  const see = (_: string, token: string) => {
    shown.push(token);
    return Promise.resolve({ active: false });
  };
  const env = {
    GATEWAY_URI: "https://gateway.example",
    DIDP_URI: "https://didp.example",
    ROUTE_KEY: key,
    DIDP: { introspect: see, introspectApp: see },
    ...settings,
  };
  // The bindings that nothing here touches are left out.
  return { env: env as unknown as Parameters<typeof readConfig>[0], shown };
}

const trusting = (...issuers: string[]) => ({ TRUSTED_ISSUERS: JSON.stringify(issuers), GATEWAY_KEY: key });

test.each([
  ["ROUTE_KEY", { ROUTE_KEY: "short" }],
  ["GATEWAY_KEY", { GATEWAY_KEY: "short" }],
  ["GATEWAY_KEY", { TRUSTED_ISSUERS: '["https://didp.b.example"]' }],
  ["TRUSTED_ISSUERS", { ...trusting(), TRUSTED_ISSUERS: "https://didp.b.example" }],
  ["TRUSTED_ISSUERS", { ...trusting(), TRUSTED_ISSUERS: '[{"issuer":"https://didp.b.example"}]' }],
  ["TRUSTED_ISSUERS", trusting("https://didp.b.example/")],
  ["TRUSTED_ISSUERS", trusting("http://didp.b.example")],
  ["TRUSTED_ISSUERS", trusting("https://didp.b.example", "https://didp.b.example")],
  ["TRUSTED_ISSUERS", trusting("https://didp.example")],
])("a setting that cannot be used is named: %s", (name, settings) => {
  expect(() => readConfig(environment(settings).env)).toThrow(name);
});

test("issuers whose tokens would look alike are refused, and no token is shown to either", async () => {
  const seen = new Map<string, string>();
  let pair: [string, string] | undefined;
  for (let number = 0; pair === undefined && number < 100_000; number++) {
    const issuer = `https://didp${number}.example`;
    const tag = await issuerTag(issuer);
    const other = seen.get(tag);
    if (other !== undefined) pair = [other, issuer];
    seen.set(tag, issuer);
  }
  if (pair === undefined) throw new Error("no two issuers with one tag among so many");
  const { env, shown } = environment(trusting(...pair));
  const token = "A".repeat(56) + (await issuerTag(pair[0]));
  await expect(readConfig(env).didps.authorityOf(token)).rejects.toThrow("TRUSTED_ISSUERS");
  expect(shown).toEqual([]);
});

test("the home DIdP is shown its own tokens and nobody else's", async () => {
  const { env, shown } = environment(trusting("https://didp.b.example"));
  const { didps } = readConfig(env);
  const [own, unknown] = await Promise.all(
    ["https://didp.example", "https://didp.c.example"].map(
      async (issuer) => "A".repeat(56) + (await issuerTag(issuer)),
    ),
  );
  for (const token of [own, unknown, "A".repeat(56), "", "nonsense"])
    expect(await didps.authorityOf(token ?? "")).toBeUndefined();
  expect(shown).toEqual([own]);
  expect(
    (await didps.issuerOf(`${"A".repeat(56)}${await issuerTag("https://didp.b.example")}`))?.issuer,
  ).toBe("https://didp.b.example");
});
