import { forEachConcurrently } from "../concurrency.ts";
import { type Credential, credentialLine } from "./fleet-credentials.ts";
import { FleetUser, type FleetWorld } from "./fleet-user.ts";

/** How many of what, and how fast. */
export interface FleetOptions {
  readonly users: number;
  readonly devicesPerUser: number;
  /** The people's logins are `{loginPrefix}1`, `{loginPrefix}2`, … */
  readonly loginPrefix: string;
  /** Users that are made at the same time. */
  readonly concurrency: number;
  /** After each user that is done or has failed. */
  readonly onProgress?: (progress: FleetProgress) => void;
}

/** Users, counted. */
export interface FleetProgress {
  readonly done: number;
  readonly failed: number;
  readonly left: number;
  /** Why the last one failed. */
  readonly lastFailure?: string;
}

/** What a load driver can use, and what is missing. */
export interface FleetResult {
  readonly credentials: readonly Credential[];
  readonly failed: readonly { readonly user: string; readonly why: string }[];
}

/** When so many fail and none succeeds, the reason is the same for all, and the rest is not tried. */
const HOPELESS_AFTER = 5;

/** Makes many users with their devices and their grant, through the flows that everybody uses. */
export class Fleet {
  readonly users: readonly FleetUser[];
  readonly #world: FleetWorld;
  readonly #options: FleetOptions;

  constructor(world: FleetWorld, options: FleetOptions) {
    this.#world = world;
    this.#options = options;
    this.users = Array.from(
      { length: options.users },
      (_, index) =>
        new FleetUser(world, {
          key: `u${index + 1}`,
          login: `${options.loginPrefix}${index + 1}`,
          devices: options.devicesPerUser,
        }),
    );
  }

  /** Makes what is missing, and gets a fresh token for everything. Users that fail are left out and told. */
  async make(): Promise<FleetResult> {
    const { concurrency, onProgress } = this.#options;
    const credentials = new Map<FleetUser, readonly Credential[]>();
    const failed: { user: string; why: string }[] = [];
    const work = async (user: FleetUser) => {
      if (credentials.size === 0 && failed.length >= HOPELESS_AFTER) return;
      try {
        credentials.set(user, await user.credentials());
      } catch (error) {
        if (this.#world.signal.aborted) return;
        failed.push({ user: user.key, why: error instanceof Error ? error.message : "unknown" });
      }
      const lastFailure = failed.at(-1)?.why;
      onProgress?.({
        done: credentials.size,
        failed: failed.length,
        left: this.users.length - credentials.size - failed.length,
        ...(lastFailure === undefined ? {} : { lastFailure }),
      });
    };
    // The first user also registers the app, once for all of them.
    const [first, ...others] = this.users;
    if (first !== undefined) await work(first);
    await forEachConcurrently(others, concurrency, this.#world.signal, work);
    const inOrder = this.users.flatMap((user) => credentials.get(user) ?? []);
    return { credentials: inOrder, failed };
  }
}

/** The file for a load driver. */
export function credentialFile(credentials: readonly Credential[]): string {
  return credentials.map((credential) => `${credentialLine(credential)}\n`).join("");
}
