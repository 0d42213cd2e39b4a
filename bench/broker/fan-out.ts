import { Flow, runFlows } from "./support/flow.ts";
import { LoadClient } from "./support/load-client.ts";
import { type Cost, costOf, latencies, medians, tell } from "./support/measure.ts";
import type { Target, World } from "./support/targets.ts";

/** How many deliveries a second when one publisher has 8 or 100 subscribers, all of one user? QoS 0. */
export async function fanOut(world: World): Promise<void> {
  for (const subscribers of [8, 100]) {
    for (const inFlight of [1, 16]) {
      const results = new Map<Target, Numbers[]>(world.all.map((target) => [target, []]));
      for (let round = 0; round < world.rounds; round += 1) {
        for (const target of world.all) {
          results.get(target)?.push(await measure(target, subscribers, inFlight, world.isSmoke));
        }
      }
      for (const [target, rounds] of results) {
        const what = { name: "broker.fan-out", system: target.name, subscribers, in_flight: inFlight };
        tell({ ...what, ...medians(rounds), rounds: rounds.length });
      }
    }
  }
}

type Numbers = { rate: number; deliveries: number } & ReturnType<typeof latencies> & Cost;

async function measure(target: Target, count: number, inFlight: number, isSmoke: boolean): Promise<Numbers> {
  // A room that no other question used: the object that forwards sends to whoever is in it.
  const { endpoint, topicName, topicFilter } = target.room(1);
  const subscribers = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const subscriber = await LoadClient.connect(endpoint, { mqttClientId: `fan-out-${index}` });
      await subscriber.subscribe(topicFilter, 0);
      return subscriber;
    }),
  );
  const publisher = await LoadClient.connect(endpoint, { mqttClientId: "fan-out-publisher" });
  const flow = new Flow(publisher, subscribers, topicName, { inFlight });
  let cost: Cost | undefined;
  const times = isSmoke ? { warmUpMs: 100, ms: 200 } : { warmUpMs: 300, ms: 1000 };
  const { rate, samples } = await runFlows([flow], times, async (work) => {
    cost = await costOf(target, work);
  });
  for (const client of [publisher, ...subscribers]) client.close();
  await new Promise((resolve) => setTimeout(resolve, 100)); // they leave the room
  if (cost === undefined) throw new Error("nothing was measured");
  return { rate, deliveries: rate * count, ...latencies(samples), ...cost };
}
