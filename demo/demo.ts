import { labelText } from "../cli/labels.ts";
import { registerDevices } from "../cli/register-devices.ts";
import { Household } from "../cli/sim/household.ts";
import { Person } from "../cli/sim/person.ts";
import { Simulation } from "../cli/sim/simulation.ts";
import { Workspace } from "../cli/workspace.ts";
import { systemClock } from "../sdk/clock.ts";
import type { DeviceIdentity } from "../sdk/device-identity.ts";

/** What the demo's household holds; the last one is for the newcomer to claim. */
const household = [
  { name: "living-room-node", product: "room-node", ownersName: "Living room" },
  { name: "study-co2", product: "co2-node", ownersName: "Study air" },
  { name: "kitchen-plug", product: "power-plug", ownersName: "Kitchen plug" },
  { name: "desk-node", product: "room-node", ownersName: undefined },
] as const;

/** The simulated devices of a demo, running. */
export interface Demo {
  /** What to do next, for the terminal. */
  readonly description: string;
  stop(): Promise<void>;
}

/**
 * Makes the demo's devices once, switches them on, and lets Alice claim all but one, everything through the same
 * pages and endpoints as everybody. At the next start the devices are just switched on.
 */
export async function startDemo(stateDir: string): Promise<Demo> {
  const workspace = new Workspace(stateDir);
  const existing = new Set((await workspace.devices()).map(({ name }) => name));
  const wanted = household.filter(({ name }) => !existing.has(name));
  for await (const _ of registerDevices(workspace, wanted));

  const devices = await Promise.all(
    household.map(async ({ name }) => {
      const store = workspace.deviceStore(name);
      return { identity: await store.load(), store };
    }),
  );
  const simulation = new Simulation({ devices, clock: systemClock });
  const ending = new AbortController();
  const running = Promise.all([
    simulation.run(ending.signal),
    simulation.inhabit(new Household("demo"), { intervalSeconds: 2 }, ending.signal),
  ]);
  await claimForAlice(
    simulation,
    devices.map(({ identity }) => identity),
  );
  const unclaimed = devices.map(({ identity }) => identity).find(({ name }) => name === "desk-node");
  return {
    description: describe(unclaimed, workspace),
    stop: async () => {
      ending.abort();
      await running;
    },
  };
}

async function claimForAlice(simulation: Simulation, identities: readonly DeviceIdentity[]): Promise<void> {
  const alice = new Person({ login: "alice" });
  for (const { name, ownersName } of household) {
    const identity = identities.find((candidate) => candidate.name === name);
    if (ownersName === undefined || identity === undefined || identity.refreshToken !== undefined) continue;
    await until(() => simulation.waitingFor.includes(name));
    await alice.claim(new URL(identity.userRegistrationUri), { deviceName: ownersName });
  }
}

function describe(unclaimed: DeviceIdentity | undefined, workspace: Workspace): string {
  if (unclaimed === undefined || unclaimed.refreshToken !== undefined) {
    return "\nMore devices: npx edgenym sim factory --count 3\n";
  }
  return `
Alice Ainsworth owns three simulated devices. A fourth waits for an owner; this is its label
(also ${workspace.labelPath(unclaimed.name)}):

${labelText(unclaimed)}

Next: open the label's link, log in as anybody, agree. Then open the sample app and connect your devices.`;
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries += 1) {
    if (tries === 600) throw new Error("the demo's devices did not come up within 60 s");
    await systemClock.sleep(100, new AbortController().signal);
  }
}
