import { seeded } from "../../engines/testing/random.ts";
import { LoadClient, sequenceOf, Template } from "./support/load-client.ts";
import { latencies, medians, sleep, tell } from "./support/measure.ts";
import type { Room, Target, World } from "./support/targets.ts";

/**
 * How long is a message on its way when N users send one a second each? Every client is a user of its own and
 * subscribes to what it publishes; QoS 0, 64 bytes; the moments are random and the same for every system.
 */
export async function latency(world: World): Promise<void> {
  const sizes = world.isSmoke ? [1, 10] : [1, 10, 100, 400];
  for (const clients of sizes) {
    // Few clients are measured on all systems in the same seconds, so that a noisy moment hits all of them.
    const isTogether = clients <= 10;
    const seconds = world.isSmoke ? 2 : isTogether ? 20 : 4;
    const rounds = world.isSmoke ? 1 : world.rounds;
    const results = new Map<Target, ReturnType<typeof latencies>[]>(world.all.map((target) => [target, []]));
    for (let round = 0; round < rounds; round += 1) {
      const measure = async (target: Target) => {
        results.get(target)?.push(latencies(await oneSecondClients(target, clients, seconds)));
      };
      if (isTogether) await Promise.all(world.all.map(measure));
      else for (const target of world.all) await measure(target);
    }
    for (const [target, rounds] of results)
      tell({
        name: "broker.latency",
        system: target.name,
        clients,
        ...medians(rounds),
        rounds: rounds.length,
      });
  }
}

async function oneSecondClients(target: Target, count: number, seconds: number): Promise<number[]> {
  const samples: number[] = [];
  const clients = await Promise.all(
    Array.from({ length: count }, (_, index) => loopback(target.room(index), `one-second-${index}`)),
  );
  const pick = seeded(count);
  const sends = clients
    .flatMap(({ client, room }) => {
      const phase = pick() * 1000;
      const template = new Template(room.topicName, 0);
      const sentAt: number[] = [];
      client.onMessage = (payload) => {
        const at = sentAt[sequenceOf(payload)];
        if (at !== undefined) samples.push(performance.now() - at);
      };
      return Array.from({ length: seconds }, (_, second) => ({
        atMs: second * 1000 + phase,
        send: () => {
          sentAt[second] = performance.now();
          client.publish(template.fill(second));
        },
      }));
    })
    .sort((a, b) => a.atMs - b.atMs);
  const startedAt = performance.now() + 300; // the connections settle first
  for (const { atMs, send } of sends) {
    const waitMs = startedAt + atMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    send();
  }
  await sleep(500);
  for (const { client } of clients) client.close();
  if (samples.length < sends.length) throw new Error(`${sends.length - samples.length} messages were lost`);
  return samples;
}

async function loopback(room: Room, mqttClientId: string): Promise<{ client: LoadClient; room: Room }> {
  const client = await LoadClient.connect(room.endpoint, { mqttClientId });
  await client.subscribe(room.topicFilter, 0);
  return { client, room };
}
