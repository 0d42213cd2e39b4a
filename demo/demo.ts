import path from "node:path";
import { labelText } from "../cli/labels.ts";
import { registerDevices } from "../cli/register-devices.ts";
import { Household } from "../cli/sim/household.ts";
import { Person } from "../cli/sim/person.ts";
import { Simulation } from "../cli/sim/simulation.ts";
import { Workspace } from "../cli/workspace.ts";
import { systemClock } from "../sdk/clock.ts";
import type { DeviceIdentity } from "../sdk/device-identity.ts";
import { deployOccupancyRule, Room, type RoomSource, roomDevices } from "./occupancy/room.ts";

/** Names on this machine: `S1` alone is what `edgenym sim run --trace` makes. */
const deviceOf = (name: string) => `room-${name}`;
const room = roomDevices.map(({ name, product }) => ({ name: deviceOf(name), product, ownersName: name }));
/** For the newcomer to claim. */
const spare = { name: "desk-node", product: "room-node" } as const;

const LAST_ROW_MS = 2000;

/** The simulated devices of a demo, running. */
export interface Demo {
  /** What to do next, for the terminal. */
  readonly description: string;
  stop(): Promise<void>;
}

/**
 * Makes the demo's devices once, switches them on, lets Alice claim all but one and put a rule of hers into her
 * cloud, everything through the same pages and endpoints as everybody. At the next start the devices are just
 * switched on, and the room goes on where it stopped.
 */
export async function startDemo(stateDir: string, source: RoomSource): Promise<Demo> {
  const workspace = new Workspace(stateDir);
  const existing = new Set((await workspace.devices()).map(({ name }) => name));
  const wanted = [...room, spare].filter(({ name }) => !existing.has(name));
  for await (const _ of registerDevices(workspace, wanted));

  const load = async (name: string) => {
    const store = workspace.deviceStore(name);
    return { identity: await store.load(), store };
  };
  const played = new Room(source, path.join(stateDir, "demo.json"));
  const devices = await Promise.all(room.map(({ name }) => load(name)));
  const desk = await load(spare.name);
  const roomSimulation = new Simulation({ devices, clock: systemClock, sampleTime: played.time });
  const deskSimulation = new Simulation({ devices: [desk], clock: systemClock });
  const pausing = new AbortController();
  const ending = new AbortController();
  const running = [
    roomSimulation.run(ending.signal),
    deskSimulation.run(ending.signal),
    deskSimulation.inhabit(new Household("demo"), { intervalSeconds: 2 }, ending.signal),
  ];

  const alice = new Person({ login: "alice" });
  await claimRoom(
    alice,
    roomSimulation,
    devices.map(({ identity }) => identity),
  );
  if (!(await played.hasBegun())) await deployOccupancyRule(await workspace.platform(), alice);
  const playing = played.play(roomSimulation, deviceOf, pausing.signal).catch((error: unknown) => {
    console.error(`The room stands still: ${error instanceof Error ? error.message : String(error)}`);
  });
  return {
    description: describe(desk.identity, workspace),
    stop: async () => {
      // The row that is being played is played to its end, so that the next start neither repeats nor misses one.
      pausing.abort();
      await Promise.race([playing, systemClock.sleep(LAST_ROW_MS, ending.signal)]);
      ending.abort();
      await Promise.all([...running, playing]);
    },
  };
}

async function claimRoom(
  alice: Person,
  simulation: Simulation,
  identities: readonly DeviceIdentity[],
): Promise<void> {
  for (const { name, ownersName } of room) {
    const identity = identities.find((candidate) => candidate.name === name);
    if (identity === undefined || identity.refreshToken !== undefined) continue;
    await until(() => simulation.waitingFor.includes(name));
    await alice.claim(new URL(identity.userRegistrationUri), { deviceName: ownersName });
  }
}

function describe(unclaimed: DeviceIdentity, workspace: Workspace): string {
  const rule = `
Alice Ainsworth owns a room: seven sensors, somebody who counts heads, and a sign at the door. A rule in her own
cloud (demo/occupancy/occupancy.siddhi) tells the sign how many people there are. The sample app, once Alice lets
it, shows what the rule says beside the true count.
`;
  if (unclaimed.refreshToken !== undefined) {
    return `${rule}\nMore devices: npx edgenym sim factory --count 3\n`;
  }
  return `${rule}
One more device waits for an owner; this is its label (also ${workspace.labelPath(unclaimed.name)}):

${labelText(unclaimed)}

Next: open the label's link, log in as Alice Ainsworth, agree. Then open the sample app and connect your devices.`;
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries += 1) {
    if (tries === 600) throw new Error("the demo's devices did not come up within 60 s");
    await systemClock.sleep(100, new AbortController().signal);
  }
}
