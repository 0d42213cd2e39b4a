import { Flow, runFlows } from "./support/flow.ts";
import { LoadClient, type QoS } from "./support/load-client.ts";
import { type Cost, costOf, latencies, medians, tell } from "./support/measure.ts";
import type { Target, World } from "./support/targets.ts";

/**
 * What do the qualities of service cost, with 1 and 16 in flight? One publisher and one subscriber of one user. A
 * message is done when the subscriber has it and the publisher its last acknowledgement. `kept`: the subscriber's
 * session outlives its connection, so the platform has each message on disk before it acknowledges it.
 */
export async function qos(world: World): Promise<void> {
  for (const level of [0, 1, 2] as const) {
    for (const inFlight of [1, 16]) {
      for (const session of level === 0 ? (["clean"] as const) : (["clean", "kept"] as const)) {
        const targets = world.all.filter(({ name }) => level === 0 || name !== "forwarder");
        const results = new Map<Target, Numbers[]>(targets.map((target) => [target, []]));
        for (let round = 0; round < world.rounds; round += 1) {
          for (const target of targets) {
            const isKept = session === "kept";
            results.get(target)?.push(await measure(target, { level, inFlight, isKept }, world.isSmoke));
          }
        }
        for (const [target, rounds] of results) {
          const what = { name: "broker.qos", system: target.name, qos: level, in_flight: inFlight, session };
          tell({ ...what, ...medians(rounds), rounds: rounds.length });
        }
      }
    }
  }
}

type Numbers = { rate: number } & ReturnType<typeof latencies> & Cost;

async function measure(
  target: Target,
  { level, inFlight, isKept }: { level: QoS; inFlight: number; isKept: boolean },
  isSmoke: boolean,
): Promise<Numbers> {
  const { endpoint, topicName, topicFilter } = target.room(0);
  const subscriber = await LoadClient.connect(endpoint, { mqttClientId: "qos-subscriber", isKept });
  await subscriber.subscribe(topicFilter, level);
  const publisher = await LoadClient.connect(endpoint, { mqttClientId: "qos-publisher" });
  const flow = new Flow(publisher, [subscriber], topicName, { qos: level, inFlight });
  let cost: Cost | undefined;
  const times = isSmoke ? { warmUpMs: 100, ms: 200 } : { warmUpMs: 300, ms: 900 };
  const { rate, samples } = await runFlows([flow], times, async (work) => {
    cost = await costOf(target, work);
  });
  publisher.close();
  subscriber.close();
  if (isKept) await forget(target);
  if (cost === undefined) throw new Error("nothing was measured");
  return { rate, ...latencies(samples), ...cost };
}

/** A clean session of the same name ends the kept one. */
async function forget(target: Target): Promise<void> {
  (await LoadClient.connect(target.room(0).endpoint, { mqttClientId: "qos-subscriber" })).close();
}
