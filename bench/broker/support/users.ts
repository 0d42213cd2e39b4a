import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Gate } from "../../../cli/concurrency.ts";
import { Person } from "../../../cli/sim/person.ts";
import type { Platform } from "../../../scripts/platform/platform.ts";
import { openFactory } from "../../../tests/support/manufacturer.ts";
import { ownedDevice } from "../../../tests/support/owned-device.ts";

/** One user of the bench: what their one device connects with. */
export interface BenchUser {
  readonly accessToken: string;
  /** `ws://…/mqtt/{route}`. */
  readonly gatewayUri: string;
}

/** The DIdP lets one network try five claim codes a minute, of which right ones do not count afterwards. */
const claimsAtATime = 4;

/**
 * Makes users with one device each through the public flows, and keeps their tokens beside the state, so that a
 * platform started again on the same state finds them.
 */
export async function makeUsers(platform: Platform, count: number): Promise<BenchUser[]> {
  const file = path.join(platform.stateDir, "bench-users.json");
  const users: BenchUser[] = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  const { didp } = platform.addresses;
  const gate = new Gate(claimsAtATime);
  for (let from = users.length; from < count; from = users.length) {
    // A factory's token is good for a thousand units.
    const factory = await openFactory(didp, platform.secrets.operatorToken);
    const to = Math.min(count, from + 500);
    const made = await Promise.all(
      Array.from({ length: to - from }, (_, index) =>
        gate.pass(async () => {
          const person = new Person({ login: `load-${from + index}` });
          return ownedDevice(didp, factory, person, `bench-${from + index}`);
        }),
      ),
    );
    users.push(...made.map(({ accessToken, gatewayUri }) => ({ accessToken, gatewayUri })));
    writeFileSync(file, JSON.stringify(users));
  }
  return users.slice(0, count);
}
