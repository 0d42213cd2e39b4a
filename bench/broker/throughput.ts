import { forEachConcurrently } from "../../cli/concurrency.ts";
import { Flow, runFlows } from "./support/flow.ts";
import { LoadClient } from "./support/load-client.ts";
import { type Cost, costOf, latencies, medians, tell } from "./support/measure.ts";
import type { Target, World } from "./support/targets.ts";

/** How many messages a second when 400 users send as soon as their last one is back? QoS 0, one in flight each. */
export async function throughput(world: World): Promise<void> {
  const clients = world.isSmoke ? 10 : 400;
  const results = new Map<Target, Numbers[]>(world.all.map((target) => [target, []]));
  for (let round = 0; round < world.rounds; round += 1) {
    for (const target of world.all) results.get(target)?.push(await measure(target, clients, world.isSmoke));
  }
  for (const [target, rounds] of results) {
    tell({
      name: "broker.throughput",
      system: target.name,
      clients,
      ...medians(rounds),
      rounds: rounds.length,
    });
  }
}

type Numbers = { rate: number } & ReturnType<typeof latencies> & Cost;

async function measure(target: Target, count: number, isSmoke: boolean): Promise<Numbers> {
  const indices = Array.from({ length: count }, (_, index) => index);
  const clients = new Map<number, LoadClient>();
  const connect = async (index: number) => {
    const room = target.room(index);
    const client = await LoadClient.connect(room.endpoint, { mqttClientId: `throughput-${index}` });
    await client.subscribe(room.topicFilter, 0);
    clients.set(index, client);
  };
  await forEachConcurrently(indices, 20, new AbortController().signal, connect);
  const flows = [...clients].map(
    ([index, client]) => new Flow(client, [client], target.room(index).topicName),
  );
  let cost: Cost | undefined;
  const times = isSmoke ? { warmUpMs: 200, ms: 300 } : { warmUpMs: 800, ms: 2500 };
  const { rate, samples } = await runFlows(flows, times, async (work) => {
    cost = await costOf(target, work);
  });
  for (const client of clients.values()) client.close();
  if (cost === undefined) throw new Error("nothing was measured");
  return { rate, ...latencies(samples), ...cost };
}
