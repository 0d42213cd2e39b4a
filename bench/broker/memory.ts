import { LoadClient } from "./support/load-client.ts";
import { sleep, tell } from "./support/measure.ts";
import { Objects } from "./support/objects.ts";
import { openFiles, residentMib } from "./support/process-facts.ts";
import type { EdgenymTarget, World } from "./support/targets.ts";

/**
 * What does one more user cost in memory, connected and asleep? One connection each, one message said. The slope
 * between a quarter of the users and all of them, in a process that has seen nothing else; from it follows how many
 * fit in 2 GiB, if it goes on like that.
 */
export async function memory(world: World): Promise<void> {
  const users = world.isSmoke ? 12 : 400;
  for (const state of ["connected", "hibernated"] as const) {
    const edgenym = await world.restart();
    const baseMib = residentMib(edgenym.pid);
    const clients: LoadClient[] = [];
    const at = async (count: number) => {
      // Waves, as users come over a day: a wave is asleep before the next one is there.
      const wave = state === "connected" ? count : 25;
      while (clients.length < count)
        await add(edgenym, clients, Math.min(count, clients.length + wave), state);
      await sleep(500);
      return { mib: residentMib(edgenym.pid), files: openFiles(edgenym.pid) };
    };
    const first = await at(users / 4);
    const second = await at(users);
    for (const client of clients) client.close();
    const more = users - users / 4;
    const mibPerUser = (second.mib - first.mib) / more;
    tell({
      name: "broker.memory",
      system: "edgenym",
      state,
      users,
      base_mib: baseMib,
      mib: second.mib,
      kib_per_user: mibPerUser * 1024,
      files_per_user: (second.files - first.files) / more,
      users_in_2_gib: (2048 - baseMib) / mibPerUser,
    });
  }
}

async function add(
  edgenym: EdgenymTarget,
  clients: LoadClient[],
  upTo: number,
  state: "connected" | "hibernated",
): Promise<void> {
  const objects = new Objects(edgenym);
  const from = clients.length;
  for (let index = from; index < upTo; index += 1) {
    const room = edgenym.room(index);
    const client = await LoadClient.connect(room.endpoint, { mqttClientId: "memory" });
    await client.subscribe(room.topicFilter, 0);
    clients.push(client);
  }
  if (state === "connected") return;
  for (let index = from; index < upTo; index += 1) await objects.hibernate(index);
}
