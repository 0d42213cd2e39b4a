/**
 * How fast does the codec decode and encode a QoS 0 PUBLISH, beside `mqtt-packet` on the same bytes?
 *
 * Run: `node bench/mqtt-codec.ts`. One JSON line a result: `rate` is packets a second, the median of the rounds;
 * `p50_ms` and `p99_ms` are per round of `n` packets.
 */
import { generate, parser } from "mqtt-packet";
import { Decoder } from "../engines/mqtt/decoder.ts";
import { encode, encodePublishQoS0, encodeTopicName } from "../engines/mqtt/encoder.ts";
import type { ProtocolLevel, Publish, TopicName } from "../engines/mqtt/packet.ts";
import { percentile, report } from "./support/statistics.ts";

const warmUpRounds = 20;
const rounds = 40;
const packetsPerRound = 20_000;
const topics = Array.from(
  { length: 8 },
  (_, i) => `devices/k3J9x0aQ2${i}/telemetry/temperature` as TopicName,
);
// A SenML record as our simulator sends it, 51 bytes
const payload = new TextEncoder().encode('[{"n":"temperature","u":"Cel","v":24.94,"t":151393}]');

/** `run` handles `packetsPerRound` packets. */
function measure(name: string, level: ProtocolLevel, run: () => number): void {
  let handled = 0;
  for (let i = 0; i < warmUpRounds; i++) handled += run();
  const samples: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    handled += run();
    samples.push(performance.now() - start);
  }
  if (handled !== (warmUpRounds + rounds) * packetsPerRound)
    throw new Error(`${name}: not every packet was handled`);
  const median = percentile(samples, 0.5);
  report({
    name,
    level,
    rate: Math.round(packetsPerRound / (median / 1000)),
    p50_ms: median,
    p99_ms: percentile(samples, 0.99),
    n: packetsPerRound,
    node: process.versions.node,
  });
}

for (const level of [4, 5] as const) {
  const packets = topics.map(
    (topicName): Publish => ({ type: "publish", topicName, payload, qos: 0, retain: false, dup: false }),
  );
  const frames = packets.map((packet) => encode(packet, level));
  const buffers = frames.map((frame) => Buffer.from(frame));
  const foreign = topics.map((topic) => ({
    ...{
      cmd: "publish" as const,
      topic,
      payload: Buffer.from(payload),
      qos: 0 as const,
      retain: false,
      dup: false,
    },
  }));
  const topicBytes = topics.map(encodeTopicName);

  const decoder = new Decoder({ role: "server", maximumPacketSize: 262_144, protocolLevel: level });
  measure("mqtt-codec.decode.edgenym", level, () => {
    let count = 0;
    for (let i = 0; i < packetsPerRound; i++) count += decoder.push(at(frames, i)).packets.length;
    return count;
  });

  const other = parser({ protocolVersion: level });
  let parsed = 0;
  other.on("packet", () => {
    parsed++;
  });
  measure("mqtt-codec.decode.mqtt-packet", level, () => {
    parsed = 0;
    for (let i = 0; i < packetsPerRound; i++) other.parse(at(buffers, i));
    return parsed;
  });

  const joined = new Uint8Array(16 * (frames[0]?.length ?? 0));
  for (let i = 0; i < 16; i++) joined.set(at(frames, i), i * (frames[0]?.length ?? 0));
  measure("mqtt-codec.decode.edgenym.16-a-frame", level, () => {
    let count = 0;
    for (let i = 0; i < packetsPerRound / 16; i++) count += decoder.push(joined).packets.length;
    return count;
  });

  measure("mqtt-codec.encode.edgenym.known-topic", level, () => {
    let bytes = 0;
    for (let i = 0; i < packetsPerRound; i++) {
      bytes += encodePublishQoS0(at(topicBytes, i), payload, false, level).length > 0 ? 1 : 0;
    }
    return bytes;
  });

  measure("mqtt-codec.encode.edgenym", level, () => {
    let bytes = 0;
    for (let i = 0; i < packetsPerRound; i++) bytes += encode(at(packets, i), level).length > 0 ? 1 : 0;
    return bytes;
  });

  measure("mqtt-codec.encode-puback.edgenym", level, () => {
    let bytes = 0;
    for (let i = 0; i < packetsPerRound; i++) {
      bytes += encode({ type: "puback", packetId: i + 1, reasonCode: 0 }, level).length > 0 ? 1 : 0;
    }
    return bytes;
  });

  measure("mqtt-codec.encode.mqtt-packet", level, () => {
    let bytes = 0;
    for (let i = 0; i < packetsPerRound; i++) {
      bytes += generate(at(foreign, i), { protocolVersion: level }).length > 0 ? 1 : 0;
    }
    return bytes;
  });
}

/** The lists are never empty, so the remainder is always inside. */
function at<T>(list: readonly T[], index: number): T {
  return list[index % list.length] as T;
}
