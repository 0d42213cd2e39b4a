import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { anIdentity } from "../sdk/testing/identity.ts";
import { Workspace } from "./workspace.ts";

let folder: string;
let workspace: Workspace;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "edgenym-workspace-"));
  workspace = new Workspace(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("devices are listed by number, and found by a unique beginning", async () => {
  for (const name of ["S10", "S2", "room-node-1"])
    await workspace.deviceStore(name).save(anIdentity({ name }));
  expect((await workspace.devices()).map(({ name }) => name)).toEqual(["room-node-1", "S2", "S10"]);
  expect((await workspace.findDevice("room")).name).toBe("room-node-1");
  await expect(workspace.findDevice("S")).rejects.toMatchObject({ exitCode: 2 });
  await expect(workspace.findDevice("x")).rejects.toMatchObject({ exitCode: 4 });
});

test("an exact name wins over longer ones", async () => {
  for (const name of ["S1", "S10"]) await workspace.deviceStore(name).save(anIdentity({ name }));
  expect((await workspace.findDevice("S1")).name).toBe("S1");
});

test("without a platform one is told to start it", async () => {
  await expect(workspace.platform()).rejects.toMatchObject({
    exitCode: 4,
    hint: expect.stringContaining("npm start"),
  });
  await writeFile(join(folder, "platform.json"), "{");
  await expect(workspace.platform()).rejects.toMatchObject({ exitCode: 4 });
  await writeFile(join(folder, "secrets.json"), "{}");
  await expect(workspace.operatorToken()).rejects.toMatchObject({ exitCode: 3 });
});

test.each(["../x", "a/b", "", ".hidden", "x".repeat(65)])("%j cannot be a device's name", (name) => {
  expect(() => workspace.deviceStore(name)).toThrow("cannot be a device's name");
});

test("a label is for its owner's eyes only", async () => {
  const path = await workspace.writeLabel("S1", "<svg/>");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});
