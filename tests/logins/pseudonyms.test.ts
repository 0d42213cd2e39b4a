import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PseudonymTable } from "../../workers/pseudonymiser/src/pseudonyms.ts";
import { RecoveryCodes } from "../../workers/pseudonymiser/src/recovery-codes.ts";

const NOW = Date.UTC(2026, 10, 22);
const pepper = (fill: number) => new Uint8Array(32).fill(fill);
const [old, grown] = [[pepper(1)], [pepper(1), pepper(2)]];
let miniflare: Miniflare;
let db: DrizzleD1Database;
let d1: D1;

/** What is used of the database beside drizzle. */
interface D1 {
  prepare(sql: string): { run(): Promise<unknown>; all<T>(): Promise<{ results: T[] }> };
}

beforeAll(async () => {
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      workers: [
        {
          name: "pseudonymiser",
          modules: true,
          script: "export default {}",
          compatibilityDate: "2026-11-01",
          d1Databases: { DB: "pseudonymiser" },
        },
      ],
    }),
  );
  const database = await miniflare.getD1Database("DB", "pseudonymiser");
  d1 = database as unknown as D1; // the same object under a narrower type
  db = drizzle(database as unknown as Parameters<typeof drizzle>[0]); // Miniflare's own type of the same
  const folder = path.resolve(import.meta.dirname, "../../migrations/pseudonymiser");
  for (const file of (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort()) {
    const steps = (await readFile(path.join(folder, file), "utf8")).split("--> statement-breakpoint");
    for (const step of steps) await d1.prepare(step).run();
  }
});
afterAll(() => miniflare?.dispose());

test("a pepper more changes no person, before and after the rows are wrapped, and no link", async () => {
  const [before, after] = [new PseudonymTable(db, old), new PseudonymTable(db, grown)];
  const anon = await before.resolve("one", "alice", NOW);
  expect(await before.link(anon, "two", "alice-two", NOW)).toBe("linked");
  expect(await after.resolve("one", "alice", NOW)).toBe(anon);
  expect(await after.link(anon, "two", "alice-two", NOW)).toBe("linked-already");
  while ((await after.rotate(1)) > 0);
  expect(await after.resolve("one", "alice", NOW)).toBe(anon);
  expect(await after.resolve("two", "alice-two", NOW)).toBe(anon);
  expect((await after.logins(anon, ["one", "two"])).map(({ uidpId }) => uidpId).toSorted()).toEqual([
    "one",
    "two",
  ]);
});

test("a login from before the providers were told apart is told from its next use on", async () => {
  const table = new PseudonymTable(db, grown);
  const anon = await table.resolve("one", "bob", NOW);
  await d1.prepare("UPDATE pseudonym SET uidp_tag = NULL").run();
  expect((await table.logins(anon, ["one"])).map(({ uidpId }) => uidpId)).toEqual([undefined]);
  await table.resolve("one", "bob", NOW);
  expect((await table.logins(anon, ["one"])).map(({ uidpId }) => uidpId)).toEqual(["one"]);
});

test("two people at one provider share nothing that a reader of the table could match", async () => {
  const table = new PseudonymTable(db, grown);
  for (const subject of ["carol", "dora"]) await table.resolve("one", subject, NOW);
  const { results } = await d1
    .prepare("SELECT hash, anon, uidp_tag FROM pseudonym")
    .all<Record<string, string>>();
  const values = results.flatMap((row) => Object.values(row)).filter((value) => value !== null);
  const people = new Set(results.map(({ anon }) => anon));
  // Every value once, but for the anonymous id that two linked logins have in common.
  expect(new Set(values).size).toBe(values.length - (results.length - people.size));
});

test("finding somebody makes nobody; border shifts between provider and subject do not collide", async () => {
  const table = new PseudonymTable(db, grown);
  expect(await table.find("one", "erin")).toBeUndefined();
  expect(await table.find("one", "erin")).toBeUndefined();
  const anon = await table.resolve("one", "erin", NOW);
  expect(await table.find("one", "erin")).toBe(anon);
  expect(await table.find("on", "eerin")).toBeUndefined();
});

test("of a first login and a link of the same login at once, one wins and the other is told", async () => {
  const table = new PseudonymTable(db, grown);
  const frank = await table.resolve("one", "frank", NOW);
  const [own, outcome] = await Promise.all([
    table.resolve("two", "contested", NOW),
    table.link(frank, "two", "contested", NOW),
  ]);
  expect([own === frank, outcome]).toEqual(own === frank ? [true, "linked"] : [false, "taken"]);
  expect(await table.resolve("two", "contested", NOW)).toBe(own);
});

test("recovery codes outlive a pepper more, and are none of the other table's hashes", async () => {
  const codes = await new RecoveryCodes(db, old).renew("anon-of-grace");
  const later = new RecoveryCodes(db, grown);
  expect(await later.use(codes[0] ?? "")).toBe("anon-of-grace");
  expect(await later.use(codes[0] ?? "")).toBeUndefined();
  expect(await later.left("anon-of-grace")).toBe(9);
  await later.forget("anon-of-grace");
  expect(await later.use(codes[1] ?? "")).toBeUndefined();
});
