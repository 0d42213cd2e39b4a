import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { faults, leaks, mutantTable, mutating } from "./support/mutants.ts";
import { survivorsOf, whatIsSaid } from "./support/mutation-run.ts";

/**
 * The checks of this folder can fail: the Workers are broken on purpose while they are bundled. Here all leaks are in
 * one run, and a few of the other mistakes; `node scripts/visibility-mutants.ts` breaks one place after the other.
 */
const PORT = 18_840;
const short = [
  "the mount is not applied: an app hears the owner's own names",
  "a personal cloud takes tokens of other users",
  "the notice of a revocation is carried out half a second late",
];

test("a leak at each party is noticed where it is", async () => {
  expect(survivorsOf(leaks, await whatIsSaid(leaks, PORT))).toEqual([]);
});

test.each(faults.filter(({ name }) => short.includes(name)))("it is noticed that $name", async (fault) => {
  expect(survivorsOf([fault], await whatIsSaid([fault], PORT))).toEqual([]);
});

test("every mutant fits the source as it is, and one that does not is refused", () => {
  for (const mutant of [...leaks, ...faults]) mutating([mutant]);
  const edits = [{ file: "engines/broker/mount.ts", find: "what is not there", replace: "" }];
  expect(() => mutating([{ name: "x", check: "model", finding: "x", edits }])).toThrow("exactly once");
});

test("the page lists them all", () => {
  const page = readFileSync(new URL("../../docs/visibility.md", import.meta.url), "utf8");
  expect(page).toContain(mutantTable([...leaks, ...faults]));
});
