import { LoadClient, Template } from "./support/load-client.ts";
import { sleep, tell } from "./support/measure.ts";
import { Objects } from "./support/objects.ts";
import { openFiles, residentMib } from "./support/process-facts.ts";
import type { Target, World } from "./support/targets.ts";

/**
 * Awake are as many as can connect in ten seconds, before the first fall asleep. Asleep are so many that the garbage of
 * their waking has been collected, which it is not before some thousands; each has two open files.
 */
const most = { connected: 1200, hibernated: 9000 } as const;
/** A wave of users is asleep before the next one comes, as over a day. */
const wave = 25;

/**
 * What does one more user cost in memory, connected and asleep? One connection each, one message said. The slope
 * between a quarter of the users and all of them, in a process that has seen nothing else; from it follows how many
 * fit in 2 GiB, if it goes on like that. Beside it the object that keeps nothing: what the runtime itself takes.
 */
export async function memory(world: World): Promise<void> {
  for (const state of ["connected", "hibernated"] as const) {
    const users = Math.min(world.users, most[state]);
    const edgenym = await world.restart();
    const objects = new Objects(edgenym);
    await measure(edgenym, (index) => objects.hibernate(index), { users, state });
    const forwarder = await world.freshForwarder();
    await measure(forwarder, (index) => forwarder.hibernate(index), { users, state });
  }
}

async function measure(
  target: Target,
  hibernate: (index: number) => Promise<void>,
  { users, state }: { users: number; state: "connected" | "hibernated" },
): Promise<void> {
  const baseMib = residentMib(target.pid);
  const clients: LoadClient[] = [];
  const at = async (count: number) => {
    while (clients.length < count) {
      const from = clients.length;
      while (clients.length < Math.min(count, from + wave))
        clients.push(await connect(target, clients.length));
      if (state === "hibernated")
        for (let index = from; index < clients.length; index += 1) await hibernate(index);
    }
    await sleep(500);
    return { mib: residentMib(target.pid), files: openFiles(target.pid) };
  };
  const first = await at(users / 4);
  const second = await at(users);
  for (const client of clients) client.close();
  const more = users - users / 4;
  const mibPerUser = (second.mib - first.mib) / more;
  tell({
    name: "broker.memory",
    system: target.name,
    state,
    users,
    base_mib: baseMib,
    mib: second.mib,
    kib_per_user: mibPerUser * 1024,
    files_per_user: (second.files - first.files) / more,
    users_in_2_gib: (2048 - baseMib) / mibPerUser,
  });
}

async function connect(target: Target, index: number): Promise<LoadClient> {
  const { endpoint, topicName, topicFilter } = target.room(index);
  const client = await LoadClient.connect(endpoint, { mqttClientId: "memory" });
  await client.subscribe(topicFilter, 0);
  const isBack = new Promise<void>((resolve) => {
    client.onMessage = () => resolve();
  });
  client.publish(new Template(topicName, 0).fill(0));
  await isBack;
  return client;
}
