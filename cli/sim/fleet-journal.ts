import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync } from "node:fs";
import { dirname } from "node:path";
import type { DeviceIdentity, IdentityStore } from "../../sdk/device-identity.ts";
import type { KeyValueStore } from "../../sdk/key-value-store.ts";

type Entry =
  | { readonly kind: "fleet"; readonly didp: string }
  | { readonly kind: "device"; readonly identity: DeviceIdentity }
  | { readonly kind: "text"; readonly owner: string; readonly key: string; readonly value: string | null };

/** A journal that belongs to another platform, or is none. */
export class JournalError extends Error {
  override readonly name = "JournalError";
}

/**
 * Everything that a fleet must still know when it is interrupted: one JSON line for each change, appended before the
 * change is used (mode 0600). The last line about a thing counts; a torn last line is cut off.
 */
export class FleetJournal {
  readonly #path: string;
  readonly #devices = new Map<string, DeviceIdentity>();
  readonly #texts = new Map<string, string>();

  /** @throws JournalError when the file belongs to a fleet of another platform. */
  constructor(path: string, didp: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    let owner: string | undefined;
    for (const entry of readEntries(path)) {
      if (entry.kind === "fleet") owner = entry.didp;
      else if (entry.kind === "device") this.#devices.set(entry.identity.name, entry.identity);
      else if (entry.value === null) this.#texts.delete(`${entry.owner} ${entry.key}`);
      else this.#texts.set(`${entry.owner} ${entry.key}`, entry.value);
    }
    if (owner !== undefined && owner !== didp)
      throw new JournalError(`${path} belongs to the platform at ${owner}`);
    if (owner === undefined) this.#append({ kind: "fleet", didp });
  }

  device(name: string): DeviceIdentity | undefined {
    return this.#devices.get(name);
  }

  addDevice(identity: DeviceIdentity): void {
    this.#append({ kind: "device", identity });
    this.#devices.set(identity.name, identity);
  }

  /** @param onSave after each change. */
  deviceStore(name: string, onSave: (identity: DeviceIdentity) => void = () => undefined): IdentityStore {
    return {
      load: async () => {
        const identity = this.#devices.get(name);
        if (identity === undefined) throw new JournalError(`there is no device ${name} in the journal`);
        return identity;
      },
      save: async (identity) => {
        this.addDevice(identity);
        onSave(identity);
      },
    };
  }

  /** Texts of one owner, for the app SDK. */
  texts(owner: string): KeyValueStore {
    return {
      getItem: (key) => this.#texts.get(`${owner} ${key}`) ?? null,
      setItem: (key, value) => {
        this.#append({ kind: "text", owner, key, value });
        this.#texts.set(`${owner} ${key}`, value);
      },
      removeItem: (key) => {
        if (!this.#texts.has(`${owner} ${key}`)) return;
        this.#append({ kind: "text", owner, key, value: null });
        this.#texts.delete(`${owner} ${key}`);
      },
    };
  }

  #append(entry: Entry): void {
    appendFileSync(this.#path, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
  }
}

function readEntries(path: string): readonly Entry[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  // The process died while it wrote: what follows must not be glued to the torn line.
  if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole));
  return whole
    .split("\n")
    .filter((line) => line !== "")
    .map((line, index) => {
      try {
        return JSON.parse(line) as Entry; // written by this class only
      } catch (cause) {
        throw new JournalError(`${path}: line ${index + 1} is not a journal's`, { cause });
      }
    });
}
