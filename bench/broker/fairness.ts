import { fork } from "node:child_process";
import path from "node:path";
import type { Flood, Flooded } from "./support/flooder.ts";
import { LoadClient, sequenceOf, Template } from "./support/load-client.ts";
import { latencies, sleep, tell } from "./support/measure.ts";
import type { Room, World } from "./support/targets.ts";

/**
 * What does a quiet user (20 messages a second) notice when 50 others flood as fast as they can? The platform has
 * its default quotas here; the others have none.
 */
export async function fairness(world: World): Promise<void> {
  const seconds = world.isSmoke ? 1 : 6;
  const flooders = world.isSmoke ? 5 : 50;
  await world.restart({});
  for (const target of world.all) {
    // Before the flood: a system that starves lets nobody in.
    const room = target.room(0);
    const quiet = await LoadClient.connect(room.endpoint, { mqttClientId: "quiet" });
    await quiet.subscribe(room.topicFilter, 0);
    const calm = await say(quiet, room, seconds);
    tell({ name: "broker.fairness", system: target.name, flooders: 0, ...latencies(calm.samples) });
    const clients = Array.from({ length: flooders }, (_, index) => target.room(index + 1));
    const flood = await startFlood({ clients });
    await sleep(world.isSmoke ? 300 : 2000);
    const { samples, missing } = await say(quiet, room, seconds);
    quiet.close();
    const { written, connections } = await flood.stop();
    const rate = written / (seconds + 2);
    tell({
      name: "broker.fairness",
      system: target.name,
      flooders,
      ...latencies(samples),
      missing,
      flood_rate: rate,
      flood_connections: connections,
    });
  }
  await world.restart();
}

/** Says something 20 times a second, and hears it. */
async function say(
  client: LoadClient,
  room: Room,
  seconds: number,
): Promise<{ samples: number[]; missing: number }> {
  const template = new Template(room.topicName, 0);
  const sentAt: number[] = [];
  const samples: number[] = [];
  client.onMessage = (payload) => {
    const sequence = sequenceOf(payload);
    samples.push(performance.now() - (sentAt[sequence] ?? Number.NaN));
  };
  const count = seconds * 20;
  for (let sequence = 0; sequence < count; sequence += 1) {
    sentAt.push(performance.now());
    client.publish(template.fill(sequence));
    await sleep(50);
  }
  for (let waits = 0; samples.length < count && waits < 100; waits += 1) await sleep(100);
  const endedAt = performance.now();
  // What has not come in ten seconds counts as if it had come now, and is told by itself.
  const missing = sentAt.slice(samples.length).map((at) => endedAt - at);
  return { samples: [...samples, ...missing], missing: missing.length };
}

async function startFlood(flood: Flood): Promise<{ stop(): Promise<Flooded> }> {
  const child = fork(path.join(import.meta.dirname, "support/flooder.ts"));
  const answer = <T>() =>
    new Promise<T>((resolve, reject) => {
      child.once("message", (message) => resolve(message as T)); // its own module says which
      child.once("exit", () => reject(new Error("the flood ended")));
    });
  child.send(flood);
  await answer<"started">();
  return {
    stop: async () => {
      const told = answer<Flooded>();
      child.send("stop");
      return told;
    },
  };
}
