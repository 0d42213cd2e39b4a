import { beforeAll, expect, test } from "vitest";
import { missingLogins } from "./support/flows/directory-logins.ts";
import { type FullRun, fullRun } from "./support/full-run.ts";
import { collusions, inUrls, measure, tableOf, wrongCells } from "./support/matrix.ts";

/** The visibility matrix of IDENTITY.md §3.1, from everything that every party got hold of in one full run. */
let run: FullRun;

beforeAll(async () => {
  run = await fullRun(18_800);
});

test("every party has exactly what it may have, and the scan finds all of that", () => {
  const cells = measure(run);
  console.log(tableOf(cells));
  expect(wrongCells(cells)).toEqual([]);
});

test.each([0, 1, 2, 3, 4])("collusion %i learns nothing more", (index) => {
  const collusion = collusions(run)[index];
  expect(collusion?.broken, collusion?.claim).toEqual([]);
});

test("of a deleted account no row of any store holds anything but what refuses late tokens", () => {
  expect(run.remains).toEqual([]);
});

test("no URL, redirect or referrer holds an id, a token, a code or a name", () => {
  expect(inUrls(run)).toEqual([]);
});

test.skipIf(missingLogins.length > 0)("logins by SAML and LDAP are part of the run", () => {
  expect(run.canaries.samlAnswer).toHaveLength(4);
  expect(run.canaries.directoryPassword).toHaveLength(2);
});

test("one leak anywhere turns the table red", () => {
  const [subject = ""] = run.canaries.subject;
  const leaky = run.captures.copy();
  leaky.add("gateway", "kept", `{"level":"info","user":"${subject}"}`);
  expect(wrongCells(measure({ ...run, captures: leaky }))).toEqual([
    "UIdP subject, gateway: kept instead of –",
  ]);
});

test("a handle that two apps share is found by their join", () => {
  const leaky = run.captures.copy();
  leaky.add("tpa2", "seen", `devices/${run.handles.tpa}/telemetry/temperature`);
  expect(collusions({ ...run, captures: leaky })[2]?.broken).toEqual([run.handles.tpa]);
});
