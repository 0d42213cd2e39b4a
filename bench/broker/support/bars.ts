import { resultOf } from "./measure.ts";

/** One line of the table: what was measured, against what, and whether that is enough. */
interface Bar {
  readonly what: string;
  readonly bar: string;
  readonly measured: string;
  /** `undefined` if it was not measured in this run. */
  readonly isMet: boolean | undefined;
}

/**
 * The bars of MESSAGING.md §8 beside what this run measured. A table, not a test: a speed is never asserted.
 */
export function barsTable(): string {
  // A question that was not asked has no numbers.
  const rows = bars().map((row) => (row.isMet === undefined ? { ...row, measured: "" } : row));
  const widths = [
    rows.map(({ what }) => what),
    rows.map(({ bar }) => bar),
    rows.map(({ measured }) => measured),
  ].map((cells) => Math.max(...cells.map((cell) => cell.length)));
  return rows
    .map(({ what, bar, measured, isMet }) => {
      const cells = [what, bar, measured].map((cell, column) => cell.padEnd(widths[column] ?? 0));
      return `| ${cells.join(" | ")} | ${isMet === undefined ? "not measured" : isMet ? "met" : "NOT MET"} |`;
    })
    .join("\n");
}

function bars(): Bar[] {
  return [
    ...[1, 10, 100, 400].map(latencyBar),
    atMost(
      "connect, object runs",
      3,
      resultOf({ name: "broker.connect", system: "edgenym", object: "running" }, "p50_ms"),
      "ms p50",
    ),
    atMost(
      "connect, object evicted",
      10,
      resultOf({ name: "broker.connect", system: "edgenym", object: "evicted" }, "p50_ms"),
      "ms p50",
    ),
    atMost(
      "connect, user's first connection",
      10,
      resultOf({ name: "broker.connect", system: "edgenym", object: "first connection" }, "p50_ms"),
      "ms p50",
    ),
    atMost(
      "connect, object never existed",
      10,
      resultOf({ name: "broker.connect", system: "edgenym", object: "never existed" }, "p50_ms"),
      "ms p50",
    ),
    ratio("400 clients, QoS 0, 1 in flight", { name: "broker.throughput", clients: 400 }, "forwarder", 0.8),
    ratio("400 clients, QoS 0, 1 in flight", { name: "broker.throughput", clients: 400 }, "aedes", 1),
    ratio(
      "QoS 0, 16 in flight",
      { name: "broker.qos", qos: 0, in_flight: 16, session: "clean" },
      "forwarder",
      1.5,
    ),
    ratio(
      "fan-out to 8, 1 in flight",
      { name: "broker.fan-out", subscribers: 8, in_flight: 1 },
      "forwarder",
      1.5,
    ),
    ratio(
      "fan-out to 8, 16 in flight",
      { name: "broker.fan-out", subscribers: 8, in_flight: 16 },
      "forwarder",
      1.5,
    ),
    ratio(
      "QoS 1, 16 in flight, on disk",
      { name: "broker.qos", qos: 1, in_flight: 16, session: "kept" },
      "aedes",
      1,
    ),
    atMost(
      "quiet user, 50 flood",
      20,
      resultOf({ name: "broker.fairness", system: "edgenym", flooders: 50 }, "p99_ms"),
      "ms p99",
    ),
    memoryBar("connected", 5000),
    memoryBar("hibernated", 15_000),
  ];
}

function latencyBar(clients: number): Bar {
  const ours = { name: "broker.latency", system: "edgenym", clients };
  const addedMs = resultOf(ours, "mean_ms") - resultOf({ ...ours, system: "mosquitto" }, "mean_ms");
  const p99Ms = resultOf(ours, "p99_ms");
  return {
    what: `${clients} one-second clients, over Mosquitto`,
    bar: "≤ 0.3 ms mean, p99 ≤ 5 ms",
    measured: `+${addedMs.toFixed(2)} ms mean, p99 ${p99Ms.toFixed(2)} ms`,
    isMet: Number.isNaN(addedMs) ? undefined : addedMs <= 0.3 && p99Ms <= 5,
  };
}

function atMost(what: string, most: number, value: number, unit: string): Bar {
  const isMet = Number.isNaN(value) ? undefined : value <= most;
  return { what, bar: `≤ ${most} ${unit}`, measured: `${value.toFixed(2)} ${unit}`, isMet };
}

function ratio(
  what: string,
  question: Readonly<Record<string, string | number>>,
  beside: "forwarder" | "aedes",
  least: number,
): Bar {
  const ours = resultOf({ ...question, system: "edgenym" }, "rate");
  const theirs = resultOf({ ...question, system: beside }, "rate");
  const times = ours / theirs;
  return {
    what,
    bar: `≥ ${least} × ${beside}`,
    measured: `${times.toFixed(2)} × (${Math.round(ours)}/s, ${Math.round(theirs)}/s)`,
    isMet: Number.isNaN(times) ? undefined : times >= least,
  };
}

function memoryBar(state: "connected" | "hibernated", least: number): Bar {
  const question = { name: "broker.memory", state };
  const users = resultOf({ ...question, system: "edgenym" }, "users_in_2_gib");
  const kib = resultOf({ ...question, system: "edgenym" }, "kib_per_user");
  const leastKib = resultOf({ ...question, system: "forwarder" }, "kib_per_user");
  return {
    what: `users in 2 GiB, ${state}`,
    bar: `≥ ${least}`,
    measured: `${Math.round(users)} (${Math.round(kib)} KiB each, forwarder ${Math.round(leastKib)})`,
    isMet: Number.isNaN(users) ? undefined : users >= least,
  };
}
