import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { encode } from "../../engines/mqtt/encoder.ts";
import type { Packet } from "../../engines/mqtt/packet.ts";
import { percentile } from "../support/statistics.ts";
import { binaryFrame } from "./support/frame-socket.ts";
import { LoadClient, Template } from "./support/load-client.ts";
import { sleep, tell } from "./support/measure.ts";
import { Objects } from "./support/objects.ts";
import type { EdgenymTarget, World } from "./support/targets.ts";

/**
 * What does one more retained message, or one more subscription, cost: to store it, on disk, and each time the
 * object wakes?
 */
export async function growth(world: World): Promise<void> {
  const edgenym = await world.restart();
  const steps = world.isSmoke ? [10, 20] : [100, 1000, 2500, 4900];
  await retainedMessages(edgenym, steps);
  const filters = world.isSmoke ? [10, 20] : [100, 500, 990];
  await subscriptions(edgenym, filters);
}

async function retainedMessages(edgenym: EdgenymTarget, steps: readonly number[]): Promise<void> {
  const user = 3;
  const publisher = await LoadClient.connect(edgenym.room(user).endpoint, { mqttClientId: "retained" });
  const empty = await sleepingFacts(edgenym, user);
  tell({ name: "broker.growth", system: "edgenym", of: "retained", count: 0, wake_ms: empty.wakeMs });
  let stored = 0;
  for (const count of steps) {
    const startedAt = performance.now();
    const from = stored;
    for (; stored < count; stored += 1) {
      const frame = new Template(`telemetry/bench-${stored}`, 1, { isRetained: true }).fill(stored, 1);
      await acknowledged(publisher, () => publisher.publish(frame));
    }
    const storeMs = (performance.now() - startedAt) / (count - from);
    const { wakeMs, bytes } = await sleepingFacts(edgenym, user);
    tell({
      name: "broker.growth",
      system: "edgenym",
      of: "retained",
      count,
      store_ms: storeMs,
      wake_ms: wakeMs,
      bytes_each: (bytes - empty.bytes) / count,
    });
  }
  publisher.close();
}

async function subscriptions(edgenym: EdgenymTarget, steps: readonly number[]): Promise<void> {
  const user = 4;
  const client = await LoadClient.connect(edgenym.room(user).endpoint, {
    mqttClientId: "many",
    isKept: true,
  });
  const empty = await sleepingFacts(edgenym, user);
  tell({ name: "broker.growth", system: "edgenym", of: "subscription", count: 0, wake_ms: empty.wakeMs });
  let made = 0;
  for (const count of steps) {
    const startedAt = performance.now();
    const from = made;
    for (; made < count; made += 1) await client.subscribe(`telemetry/bench-${made}/+`, 1);
    const storeMs = (performance.now() - startedAt) / (count - from);
    const { wakeMs, bytes } = await sleepingFacts(edgenym, user);
    tell({
      name: "broker.growth",
      system: "edgenym",
      of: "subscription",
      count,
      store_ms: storeMs,
      wake_ms: wakeMs,
      bytes_each: (bytes - empty.bytes) / count,
    });
  }
  client.close();
}

/** Wakes a user's object some times with a message that comes back, and weighs its database while it sleeps. */
async function sleepingFacts(
  edgenym: EdgenymTarget,
  user: number,
): Promise<{ wakeMs: number; bytes: number }> {
  const objects = new Objects(edgenym);
  const room = edgenym.room(user);
  const client = await LoadClient.connect(room.endpoint, { mqttClientId: "waker" });
  const ping = binaryFrame(encode({ type: "pingreq" } satisfies Packet, 4));
  const samples: number[] = [];
  for (let index = 0; index < 15; index += 1) {
    await objects.hibernate(user);
    const startedAt = performance.now();
    await answered(client, () => client.publish(ping));
    samples.push(performance.now() - startedAt);
  }
  client.close();
  await sleep(50);
  await objects.hibernate(user);
  await sleep(50);
  return { wakeMs: percentile(samples, 0.5), bytes: bytesOf(edgenym) };
}

/** All databases of personal clouds together; only one of them changes here. */
function bytesOf(edgenym: EdgenymTarget): number {
  const folder = path.join(edgenym.platform.stateDir, "v3");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.includes("Pcm") && file.includes("sqlite"))
    .reduce((sum, file) => sum + statSync(path.join(folder, file)).size, 0);
}

function acknowledged(client: LoadClient, send: () => void): Promise<void> {
  return new Promise((resolve) => {
    client.onAcknowledged = () => resolve();
    send();
  });
}

function answered(client: LoadClient, send: () => void): Promise<void> {
  return new Promise((resolve) => {
    client.onAnswer = () => resolve();
    send();
  });
}
