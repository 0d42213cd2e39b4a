import { expect, test } from "vitest";
import {
  readAppIntrospection,
  readConclusion,
  readConsentRequest,
  readIntrospection,
} from "./foreign-answers.ts";
import { foreignApp, foreignUser } from "./foreign-names.ts";

const ISSUER = "https://didp.b.example";
const NOW_MS = 1_790_000_000_000;
const seconds = NOW_MS / 1000;
const handle = "A".repeat(22);
const answer = {
  active: true,
  sub: "u1",
  kind: "device",
  hdl: handle,
  aif: [["#", ["pub", "sub"]]],
  exp: seconds + 600,
  epoch: 1,
};

test("a device's authority is read, under a name of that issuer", async () => {
  expect(await readIntrospection(ISSUER, answer, NOW_MS)).toEqual({
    active: true,
    authority: {
      user: await foreignUser(ISSUER, "u1"),
      kind: "device",
      handle,
      permissions: [["#", ["pub", "sub"]]],
      expiresAtMs: NOW_MS + 600_000,
      epoch: 1,
    },
  });
});

test("the same subject of another issuer is another name, and no name has the form of a home user's", async () => {
  const name = await foreignUser(ISSUER, "u1");
  expect(name).toMatch(/^[\w-]{43}$/);
  expect(await foreignUser("https://didp.c.example", "u1")).not.toBe(name);
  expect(await foreignApp(ISSUER, "u1")).not.toBe(name);
  // The border between issuer and subject cannot be moved.
  expect(await foreignUser("https://didp.b.exampleu", "1")).not.toBe(name);
  // Nor does a subject that is a home user's name lead to that user.
  expect(await foreignUser(ISSUER, handle)).not.toBe(handle);
});

test("authority ends after a day, whatever the issuer says; what has ended gives none", async () => {
  const long = await readIntrospection(ISSUER, { ...answer, exp: seconds + 1e9 }, NOW_MS);
  expect(long).toMatchObject({ authority: { expiresAtMs: NOW_MS + 24 * 3600_000 } });
  expect(await readIntrospection(ISSUER, { ...answer, exp: seconds }, NOW_MS)).toEqual({ active: false });
  expect(await readIntrospection(ISSUER, { active: false, sub: "u1" }, NOW_MS)).toEqual({ active: false });
});

test("an app's own token is none of a user's, nor the other way round", async () => {
  const own = { active: true, sub: "a1", kind: "client", exp: seconds + 600 };
  expect(await readAppIntrospection(ISSUER, own, NOW_MS)).toEqual({
    active: true,
    app: await foreignApp(ISSUER, "a1"),
    expiresAtMs: NOW_MS + 600_000,
  });
  expect(await readIntrospection(ISSUER, own, NOW_MS)).toEqual({ active: false });
  expect(await readAppIntrospection(ISSUER, answer, NOW_MS)).toEqual({ active: false });
});

test.each([
  ["nothing", null],
  ["an active that is no boolean", { ...answer, active: "true" }],
  ["a kind that there is not", { ...answer, kind: "gateway" }],
  ["no subject", { ...answer, sub: "" }],
  ["a subject without end", { ...answer, sub: "u".repeat(256) }],
  ["a handle that is a topic", { ...answer, hdl: `${handle}/x` }],
  ["a handle that is a wildcard", { ...answer, hdl: "#" }],
  ["a filter that is none", { ...answer, aif: [["a/#/b", ["sub"]]] }],
  ["a shared subscription", { ...answer, aif: [["$share/g/a", ["sub"]]] }],
  ["an action that there is not", { ...answer, aif: [["a", ["all"]]] }],
  ["permissions without end", { ...answer, aif: Array.from({ length: 65 }, () => ["a", ["sub"]]) }],
  ["half an epoch", { ...answer, epoch: 0.5 }],
  ["an epoch below all", { ...answer, epoch: -1 }],
  ["no end", { ...answer, exp: undefined }],
])("an introspection answer with %s is none", async (_, wrong) => {
  await expect(readIntrospection(ISSUER, wrong, NOW_MS)).rejects.toThrow();
});

const consent = {
  user: "u1",
  grant_id: handle,
  app: "a1",
  app_name: "Chart\u202e",
  app_origin: "https://chart.example",
  actions: ["read"],
  exp: seconds + 600,
};

test("a consent is the issuer's own user's and app's, in words that a page may show", async () => {
  expect(await readConsentRequest(ISSUER, consent, NOW_MS)).toEqual({
    user: await foreignUser(ISSUER, "u1"),
    grantId: handle,
    app: await foreignApp(ISSUER, "a1"),
    appName: "Chart",
    appOrigin: "https://chart.example",
    actions: ["read"],
    expiresAtMs: NOW_MS + 600_000,
  });
  const long = await readConsentRequest(ISSUER, { ...consent, exp: seconds + 1e9 }, NOW_MS);
  expect(long.expiresAtMs).toBe(NOW_MS + 365 * 24 * 3600_000);
});

test.each([
  ["a header in its origin", { app_origin: "https://chart.example; script-src *" }],
  ["an origin with a path", { app_origin: "https://chart.example/" }],
  ["a script for an origin", { app_origin: "javascript:" }],
  ["an action that there is not", { actions: ["own"] }],
  ["a name of nothing that shows", { app_name: "\u200b" }],
])("a consent with %s is refused", async (_, changes) => {
  await expect(readConsentRequest(ISSUER, { ...consent, ...changes }, NOW_MS)).rejects.toThrow();
});

test("the browser goes back to the issuer and nowhere else", () => {
  const back = "https://didp.b.example/authorize/continue?i=1";
  expect(readConclusion(ISSUER, { return_uri: back })).toEqual({ returnUri: back });
  for (const elsewhere of ["https://evil.example/", "https://didp.b.example.evil.example/", "javascript:1"])
    expect(() => readConclusion(ISSUER, { return_uri: elsewhere })).toThrow();
});
