import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { DeviceIdentity } from "../sdk/device-identity.ts";
import { FileIdentityStore, writeAtomically } from "../sdk/identity-file.ts";
import { CliError, exitCodes } from "./cli-error.ts";

/** Where the parts of the local platform listen, as `npm start` wrote it down. */
export interface PlatformAddresses {
  readonly gateway: string;
  readonly didp: string;
  readonly uidp: string;
  readonly sampleApp: string;
}

const START = "npm start";

/**
 * The folder that the local platform and the command line share: `.edgenym` of this repository, or what `--state`
 * or `EDGENYM_STATE` say.
 */
export class Workspace {
  readonly folder: string;

  constructor(folder?: string) {
    this.folder = resolve(folder ?? fileURLToPath(new URL("../.edgenym", import.meta.url)));
  }

  /** @throws CliError 4 when no platform has ever been started here. */
  async platform(): Promise<PlatformAddresses> {
    const json = await this.#read("platform.json");
    const text = (field: string): string => {
      const value: unknown = Reflect.get(json, field);
      if (typeof value !== "string")
        throw new CliError(exitCodes.failed, `platform.json has no ${field}`, `Run: ${START}`);
      return value;
    };
    return { gateway: text("gateway"), didp: text("didp"), uidp: text("uidp"), sampleApp: text("sampleApp") };
  }

  /** @throws CliError 3 when this machine is not the operator's. */
  async operatorToken(): Promise<string> {
    const token: unknown = Reflect.get(await this.#read("secrets.json"), "operatorToken");
    if (typeof token !== "string") {
      throw new CliError(exitCodes.auth, "there is no operator token in secrets.json", `Run: ${START}`);
    }
    return token;
  }

  deviceStore(name: string): FileIdentityStore {
    return new FileIdentityStore(join(this.folder, "devices", `${checkedName(name)}.json`));
  }

  /** Every simulated device of this machine, by name. */
  async devices(): Promise<readonly DeviceIdentity[]> {
    let files: string[];
    try {
      files = await readdir(join(this.folder, "devices"));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
    const names = files.filter((file) => file.endsWith(".json") && !file.startsWith(".")).sort(byNumber);
    return await Promise.all(names.map((file) => this.deviceStore(file.slice(0, -".json".length)).load()));
  }

  /** @param prefix a name or its unique beginning. @throws CliError 4 when it fits none, 2 when it fits several. */
  async findDevice(prefix: string): Promise<DeviceIdentity> {
    const devices = await this.devices();
    const exact = devices.find(({ name }) => name === prefix);
    const fitting = exact === undefined ? devices.filter(({ name }) => name.startsWith(prefix)) : [exact];
    const [device] = fitting;
    if (device === undefined) {
      throw new CliError(
        exitCodes.notFound,
        `there is no device called ${prefix}`,
        "See: npx edgenym device list",
      );
    }
    if (fitting.length > 1) {
      const names = fitting.map(({ name }) => name).join(", ");
      throw new CliError(exitCodes.usage, `${prefix} fits several devices: ${names}`);
    }
    return device;
  }

  labelPath(name: string): string {
    return join(this.folder, "labels", `${checkedName(name)}.svg`);
  }

  async writeLabel(name: string, svg: string): Promise<string> {
    const path = this.labelPath(name);
    await writeAtomically(path, svg, 0o600); // whoever reads the label can claim the device
    return path;
  }

  /** A sheet of labels to print. @returns its path */
  async writeLabelSheet(paper: string, html: string): Promise<string> {
    const path = join(this.folder, "labels", `sheet-${paper}.html`);
    await writeAtomically(path, html, 0o600);
    return path;
  }

  async #read(file: string): Promise<object> {
    try {
      const json: unknown = JSON.parse(await readFile(join(this.folder, file), "utf8"));
      if (typeof json === "object" && json !== null) return json;
    } catch (error) {
      if (!isMissing(error) && !(error instanceof SyntaxError)) throw error;
    }
    throw new CliError(
      exitCodes.notFound,
      `there is no ${file} in ${this.folder}`,
      `Start the platform first: ${START}`,
    );
  }
}

/** @throws CliError 2 for a name that could not be a file's. */
export function checkedName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return name;
  throw new CliError(
    exitCodes.usage,
    `"${name}" cannot be a device's name: use letters, digits, dots, dashes`,
  );
}

/** `S2` before `S10`. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, "code") === "ENOENT";
}
