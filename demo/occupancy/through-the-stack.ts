import type { TraceRows } from "../../cli/sim/trace.ts";
import type { Addresses } from "../../scripts/platform/addresses.ts";
import { Household, publishReading, subscribe } from "../../tests/streams/household.ts";
import type { MqttPeer } from "../../tests/support/mqtt-peer.ts";
import type { Estimate } from "./accuracy.ts";
import { occupancyRule, peopleIn, readingsOf } from "./direct.ts";

/** The nodes that the rule hears, whoever counts, and the sign that it tells. */
const nodes = {
  S1: "room-node",
  S2: "room-node",
  S3: "room-node",
  S4: "room-node",
  S6: "motion-node",
  S7: "motion-node",
  Counter: "head-counter",
  Sign: "door-sign",
};

/**
 * The same over the whole platform: the nodes of one owner publish the trace, the rule runs in the owner's stream
 * app, and the estimates are what the owner's own client receives.
 */
export async function inferThroughTheStack(
  addresses: Addresses,
  operatorToken: string,
  trace: TraceRows,
  rows: number,
): Promise<{ estimates: Estimate[]; commands: number; seconds: number; events: number }> {
  const home = await Household.open(addresses, operatorToken, "alice", nodes);
  await home.deploy("occupancy", occupancyRule);
  const owner = await home.connect("owner");
  await subscribe(owner, "rules/occupancy/people", 1);
  const peers = new Map<string, MqttPeer>();
  for (const name of Object.keys(nodes)) if (name !== "Sign") peers.set(name, await home.connect(name));
  const sign = await home.connect("Sign");
  await subscribe(sign, "command/+", 1);

  const estimates: Estimate[] = [];
  let commands = 0;
  void collect(owner, (payload) => {
    const [record] = JSON.parse(payload) as { t: number }[]; // SenML, as the rule's sink maps it
    estimates.push({ timeSeconds: record?.t ?? 0, people: peopleIn(payload) });
  });
  void collect(sign, () => {
    commands += 1;
  });
  const startedAt = performance.now();
  let events = 0;
  let sent = 0;
  for await (const row of readingsOf(trace)) {
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
      await peer.nextOf("puback");
    }
  }
  const metrics = async () => (await (await home.api("GET", "/rules/occupancy/metrics")).json()) as Metrics;
  // Every reading was acknowledged, so every one will be taken; the last results are on their way.
  for (let i = 0; i < 200 && (await metrics()).events_in < events; i += 1) await pause();
  for (let i = 0; i < 200 && estimates.length < (await metrics()).streams.People; i += 1) await pause();
  const seconds = (performance.now() - startedAt) / 1000;
  for (const peer of [owner, sign, ...peers.values()]) peer.cut();
  return { estimates, commands, seconds, events };
}

interface Metrics {
  readonly events_in: number;
  readonly streams: { readonly People: number };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 25));

/** Every message that reaches the peer, acknowledged, until its connection ends. */
async function collect(peer: MqttPeer, onMessage: (payload: string) => void): Promise<void> {
  for (let packet = await peer.next(); packet !== undefined; packet = await peer.next()) {
    if (packet.type !== "publish") continue;
    if (packet.packetId !== undefined)
      peer.send({ type: "puback", packetId: packet.packetId, reasonCode: 0 });
    onMessage(new TextDecoder().decode(packet.payload));
  }
}
