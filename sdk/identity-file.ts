import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { DeviceIdentity, IdentityStore } from "./device-identity.ts";

const REQUIRED = [
  "name",
  "product",
  "clientId",
  "clientSecret",
  "tokenEndpoint",
  "deviceAuthorizationEndpoint",
  "userRegistrationUri",
  "userCode",
  "mqttClientId",
] as const;

/** One device's identity in one file that only its owner on this machine may read (mode 0600). */
export class FileIdentityStore implements IdentityStore {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async load(): Promise<DeviceIdentity> {
    const json: unknown = JSON.parse(await readFile(this.path, "utf8"));
    if (typeof json !== "object" || json === null) throw new Error(`${this.path} holds no device identity`);
    for (const field of REQUIRED) {
      if (typeof Reflect.get(json, field) !== "string") throw new Error(`${this.path}: ${field} is missing`);
    }
    return json as DeviceIdentity; // its required fields have just been checked
  }

  async save(identity: DeviceIdentity): Promise<void> {
    await writeAtomically(this.path, `${JSON.stringify(identity, null, 2)}\n`, 0o600);
  }

  /** By a file that names the process; one that a dead process left behind counts for nothing. */
  async lock(): Promise<(() => Promise<void>) | undefined> {
    await mkdir(dirname(this.#lockPath), { recursive: true, mode: 0o700 });
    for (let tries = 0; tries < 2; tries += 1) {
      try {
        await writeFile(this.#lockPath, `${process.pid}\n`, { flag: "wx", mode: 0o600 });
        return async () => rm(this.#lockPath, { force: true });
      } catch (error) {
        if (!hasCode(error, "EEXIST")) throw error;
      }
      if (await this.isInUse()) return undefined;
      await rm(this.#lockPath, { force: true });
    }
    return undefined;
  }

  /** Whether a living program runs this device. */
  async isInUse(): Promise<boolean> {
    try {
      const pid = Number(await readFile(this.#lockPath, "utf8"));
      if (Number.isSafeInteger(pid) && pid > 0) process.kill(pid, 0); // signal 0 only asks whether it is there
      return true;
    } catch (error) {
      return !hasCode(error, "ENOENT") && !hasCode(error, "ESRCH");
    }
  }

  /** Among the machine's temporary files: a restart of the machine ends every hold, as it ends every program. */
  get #lockPath(): string {
    const name = createHash("sha256").update(resolve(this.path)).digest("hex").slice(0, 32);
    return join(tmpdir(), `edgenym-running-${userInfo().username}`, name);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && Reflect.get(error, "code") === code;
}

/**
 * Replaces `path` so that a crash or a power cut leaves the old or the new content, never a part of it: a synced
 * temporary file in the same folder, then a rename, then a sync of the folder.
 */
export async function writeAtomically(path: string, content: string, mode: number): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = join(folder, `.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
