import { appendFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { anIdentity } from "../../sdk/testing/identity.ts";
import { FleetJournal } from "./fleet-journal.ts";

const didp = "http://didp.test";
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "edgenym-fleet-"));
  path = join(folder, "fleet.journal");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("after a restart the last state of everything is there, and only its owner may read the file", async () => {
  const journal = new FleetJournal(path, didp);
  journal.addDevice(anIdentity({ name: "u1-d1" }));
  await journal.deviceStore("u1-d1").save(anIdentity({ name: "u1-d1", refreshToken: "r1" }));
  journal.texts("u1").setItem("tokens", "t1");
  journal.texts("u1").setItem("tokens", "t2");
  journal.texts("u1").setItem("pending", "p");
  journal.texts("u1").removeItem("pending");

  const again = new FleetJournal(path, didp);
  expect(again.device("u1-d1")?.refreshToken).toBe("r1");
  expect(again.texts("u1").getItem("tokens")).toBe("t2");
  expect(again.texts("u1").getItem("pending")).toBeNull();
  expect(again.texts("u2").getItem("tokens")).toBeNull();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a line that was torn by a crash is cut off, and the journal goes on", () => {
  new FleetJournal(path, didp).addDevice(anIdentity({ name: "u1-d1" }));
  appendFileSync(path, '{"kind":"device","iden');
  const again = new FleetJournal(path, didp);
  expect(again.device("u1-d1")).toBeDefined();
  again.addDevice(anIdentity({ name: "u1-d2" }));
  expect(new FleetJournal(path, didp).device("u1-d2")).toBeDefined();
});

test("a file that is no journal is refused by its line", () => {
  appendFileSync(path, "clientid username password\n");
  expect(() => new FleetJournal(path, didp)).toThrow("line 1");
});

test("another platform's journal is refused", () => {
  new FleetJournal(path, didp);
  expect(() => new FleetJournal(path, "http://other.test")).toThrow(didp);
});
