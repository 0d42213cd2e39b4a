import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileIdentityStore } from "./identity-file.ts";
import { anIdentity } from "./testing/identity.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "edgenym-identity-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("what was saved is loaded, and only its owner may read the file", async () => {
  const path = join(folder, "devices", "S1.json");
  const store = new FileIdentityStore(path);
  await store.save(anIdentity({ refreshToken: "r1" }));
  await store.save(anIdentity({ refreshToken: "r2" }));
  expect(await new FileIdentityStore(path).load()).toEqual(anIdentity({ refreshToken: "r2" }));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder, "devices"))).toEqual(["S1.json"]);
});

test("when the new identity cannot be put in place, the old one stands and no scrap is left", async () => {
  const path = join(folder, "S1.json");
  const store = new FileIdentityStore(path);
  await store.save(anIdentity({ refreshToken: "old" }));
  const before = await readFile(path, "utf8");
  // A directory in the place of the file lets the rename fail, as a full or broken disk would.
  const blocked = new FileIdentityStore(folder);
  await expect(blocked.save(anIdentity({ refreshToken: "new" }))).rejects.toThrow();
  expect(await readFile(path, "utf8")).toBe(before);
  expect(await readdir(folder)).toEqual(["S1.json"]);
});

test("one program at a time has the identity", async () => {
  const path = join(folder, "S1.json");
  const store = new FileIdentityStore(path);
  await store.save(anIdentity({}));
  const unlock = await store.lock();
  expect(await new FileIdentityStore(path).isInUse()).toBe(true);
  expect(await new FileIdentityStore(path).lock()).toBeUndefined();
  await unlock?.();
  expect(await store.isInUse()).toBe(false);

  expect(await readdir(folder)).toEqual(["S1.json"]);
});

test("a hold that a killed program left behind counts for nothing", async () => {
  const path = join(folder, "S1.json");
  const store = new FileIdentityStore(path);
  await store.save(anIdentity({}));
  const holder = `
    const { FileIdentityStore } = await import(${JSON.stringify(new URL("identity-file.ts", import.meta.url).href)});
    process.exit((await new FileIdentityStore(process.argv[1]).lock()) === undefined ? 1 : 0);`;
  const { status } = spawnSync(process.execPath, ["--input-type=module", "-e", holder, path]);
  expect(status).toBe(0); // it had the hold, and ended without giving it back
  expect(await store.isInUse()).toBe(false);
  const unlock = await store.lock();
  expect(unlock).toBeDefined();
  await unlock?.();
});

test("a file that is no identity is refused by the name of what is missing", async () => {
  const path = join(folder, "S1.json");
  await writeFile(path, JSON.stringify({ ...anIdentity({}), clientSecret: undefined }));
  await chmod(path, 0o600);
  await expect(new FileIdentityStore(path).load()).rejects.toThrow("clientSecret is missing");
});
