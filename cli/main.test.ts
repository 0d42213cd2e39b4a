import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { anIdentity } from "../sdk/testing/identity.ts";
import { Workspace } from "./workspace.ts";

// Each command is two processes; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 60_000 });

const launcher = fileURLToPath(new URL("edgenym.mjs", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "edgenym-cli-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the command as a person would, on whatever Node is there. */
function edgenym(...args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [launcher, ...args], {
      env: { ...process.env, EDGENYM_STATE: folder, NO_COLOR: "1" },
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      err += chunk.toString();
    });
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

test("version: 0, one JSON line, and on a terminal the next command", async () => {
  const { code, out, err } = await edgenym("version", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({ edgenym: expect.any(String), node: expect.stringMatching(/^24\./) });
  expect(err).toBe("");
  expect((await edgenym("version")).err).toContain("npx edgenym doctor");
});

test.each([
  [["nonsense"], 2],
  [["sim", "run", "--speed", "-1"], 2],
  [["sim", "run", "--speed", "2", "--rate", "2", "--trace", "x.csv"], 2],
  [["factory", "register", "--count", "many"], 2],
  [["factory", "register", "--count", "1"], 4],
  [["factory", "sheet", "--paper", "a3"], 2],
  [["factory", "sheet"], 4],
  [["sim", "run"], 4],
  [["claim"], 4],
  [["tpa", "demo"], 4],
  [["doctor"], 5],
])("edgenym %j ends with %d and no stack", async (args, expected) => {
  const { code, err } = await edgenym(...args);
  expect(code).toBe(expected);
  expect(err).not.toMatch(/\n\s+at /);
});

test("an error names what to do, in words and as JSON", async () => {
  const { out, err } = await edgenym("tpa", "demo");
  expect(out).toBe("");
  expect(err).toContain("npm start");
  expect(JSON.parse((await edgenym("tpa", "demo", "--json")).out)).toMatchObject({
    hint: expect.stringContaining("npm start"),
  });
});

test("help begins with an example", async () => {
  for (const args of [
    ["--help"],
    ["sim", "run", "--help"],
    ["claim", "--help"],
    ["factory", "register", "--help"],
  ]) {
    const { code, out } = await edgenym(...args);
    expect(code).toBe(0);
    expect(out).toMatch(/^Examples?[^\n]*:\n +\$ /);
  }
});

test("devices are listed with their owners, and the next step fits", async () => {
  const workspace = new Workspace(folder);
  await workspace.deviceStore("S1").save(anIdentity({ name: "S1", refreshToken: "secret-token" }));
  await workspace.deviceStore("S2").save(anIdentity({ name: "S2" }));
  const { out, err } = await edgenym("device", "list");
  expect(out).toMatch(/S1 +room-node +somebody\nS2 +room-node +nobody yet/);
  expect(err).toContain("npx edgenym claim S2");
  const records = (await edgenym("device", "list", "--json")).out;
  expect(
    records
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).owned),
  ).toEqual([true, false]);
  expect(records).not.toContain("secret-token");
});

test("a sheet of labels for the devices that were named, readable by nobody else", async () => {
  const { code, out } = await edgenym("factory", "sheet", "S1", "--paper", "letter", "--json");
  const { sheet, labels } = JSON.parse(out);
  expect([code, labels]).toEqual([0, 1]);
  expect(await readFile(sheet, "utf8")).toContain("size: letter portrait");
  expect((await stat(sheet)).mode & 0o077).toBe(0);
});
