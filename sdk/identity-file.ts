import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
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
