import type { Addresses } from "../../scripts/platform/addresses.ts";
import { Household, publishReading, subscribe } from "../../tests/streams/household.ts";
import type { MqttPeer } from "../../tests/support/mqtt-peer.ts";
import type { Estimate } from "./accuracy.ts";
import { occupancyRule, peopleIn, readingsOf } from "./direct.ts";

/** The nodes of the trace that the rule hears, and the lamp that it switches. */
const nodes = {
  S1: "room-node",
  S2: "room-node",
  S3: "room-node",
  S4: "room-node",
  S6: "motion-node",
  S7: "motion-node",
};

/**
 * The same over the whole platform: seven nodes of one owner publish the trace, the rule runs in the owner's stream
 * app, and the estimates are what the owner's own client receives.
 */
export async function inferThroughTheStack(
  addresses: Addresses,
  operatorToken: string,
  file: string,
  rows: number,
): Promise<{ estimates: Estimate[]; commands: number; seconds: number; events: number }> {
  const home = await Household.open(addresses, operatorToken, "alice", nodes);
  await home.deploy("occupancy", occupancyRule);
  const owner = await home.connect("owner");
  await subscribe(owner, "rules/occupancy/people", 1);
  const lamp = await home.connect("S4");
  await subscribe(lamp, "command/led", 1);
  const peers = new Map<string, MqttPeer>([["S4", lamp]]);
  for (const name of Object.keys(nodes)) if (name !== "S4") peers.set(name, await home.connect(name));

  const estimates: Estimate[] = [];
  void collect(owner, (payload, timeSeconds) => estimates.push({ timeSeconds, people: peopleIn(payload) }));
  let commands = 0;
  const startedAt = performance.now();
  let events = 0;
  let sent = 0;
  for await (const row of readingsOf(file)) {
    if (sent === rows) break;
    sent += 1;
    for (const { device, topic, payload } of row.events) {
      const peer = peers.get(device);
      if (peer === undefined) continue;
      events += 1;
      const [{ v }] = JSON.parse(payload) as [{ v: number }]; // made by readingsOf
      publishReading(peer, topic.slice("telemetry/".length), v, (events % 65_535) + 1, {
        timeSeconds: row.timeSeconds,
      });
      commands += await acknowledged(peer);
    }
  }
  const metrics = async () => (await (await home.api("GET", "/rules/occupancy/metrics")).json()) as Metrics;
  // Every reading was acknowledged, so every one will be taken; the last results are on their way.
  for (let i = 0; i < 200 && (await metrics()).events_in < events; i += 1) await pause();
  for (let i = 0; i < 200 && estimates.length < (await metrics()).streams.People; i += 1) await pause();
  const seconds = (performance.now() - startedAt) / 1000;
  for (const peer of [owner, ...peers.values()]) peer.cut();
  return { estimates, commands, seconds, events };
}

interface Metrics {
  readonly events_in: number;
  readonly streams: { readonly People: number };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 25));

async function collect(
  owner: MqttPeer,
  onEstimate: (payload: string, timeSeconds: number) => void,
): Promise<void> {
  for (let packet = await owner.next(); packet !== undefined; packet = await owner.next()) {
    if (packet.type !== "publish") continue;
    if (packet.packetId !== undefined)
      owner.send({ type: "puback", packetId: packet.packetId, reasonCode: 0 });
    const payload = new TextDecoder().decode(packet.payload);
    const [record] = JSON.parse(payload) as { t: number }[]; // SenML, as the rule's sink maps it
    onEstimate(payload, record?.t ?? 0);
  }
}

/** Waits for the acknowledgement of what was just published. @returns how many commands came before it. */
async function acknowledged(peer: MqttPeer): Promise<number> {
  for (let commands = 0; ; ) {
    const packet = await peer.next();
    if (packet === undefined) throw new Error("the connection ended");
    if (packet.type === "puback") return commands;
    if (packet.type !== "publish") continue;
    commands += 1;
    if (packet.packetId !== undefined)
      peer.send({ type: "puback", packetId: packet.packetId, reasonCode: 0 });
  }
}
