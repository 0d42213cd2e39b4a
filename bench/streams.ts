import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import path from "node:path";
import { addressesFrom } from "../scripts/platform/addresses.ts";
import { startPlatform } from "../scripts/platform/platform.ts";
import { Household } from "../tests/streams/household.ts";
import { MqttSocket } from "./support/mqtt-socket.ts";
import { telemetry } from "./support/reading.ts";
import { percentile, report } from "./support/statistics.ts";

/**
 * Event to action: from a device's PUBLISH to the command at another device, through the personal cloud and the
 * owner's rules, at 100 rules and 400 events a second (issue 5: p99 at most 10 ms). Every rule sees every event;
 * one of them answers. Beside it, in the same run: the way to a plain subscriber. `--smoke` is a short run,
 * `--seconds N` as long a one as is asked for; `--state DIR` puts the databases elsewhere, such as on a tmpfs;
 * `--port N` is the first of five ports. `cpu_ms` is what the runtime's process used for an event, all told.
 */
const isSmoke = process.argv.includes("--smoke");
const base = option("--state") ?? tmpdir();
const RULES = 100;
const EVENTS_PER_SECOND = 400;
const SECONDS = Number(option("--seconds") ?? (isSmoke ? 2 : 20));
const WARM_UP = EVENTS_PER_SECOND * (isSmoke ? 1 : 3);
/** Devices that publish; together they make the rate. */
const PUBLISHERS = 4;

const stateDir = mkdtempSync(path.join(base, "edgenym-bench-streams-"));
const settings = {
  LIMITS: JSON.stringify({
    messagesPerSecond: 1e6,
    messageBurst: 1e7,
    unheardBytes: 1e12,
    // A machine that stands still for seconds is to show as latency, not as loss.
    queuedMessages: 1e6,
    queuedBytes: 1e9,
  }),
};
const port = Number(option("--port") ?? 18_570);
const platform = await startPlatform({ addresses: addressesFrom(port, port + 4), stateDir, settings });
try {
  const { addresses, secrets } = platform;
  const publishers = Array.from({ length: PUBLISHERS }, (_, i) => `publisher-${i}`);
  const home = await Household.open(addresses, secrets.operatorToken, "alice", {
    ...Object.fromEntries(publishers.map((name) => [name, "room-node"])),
    lamp: "power-plug",
  });
  for (let i = 0; i < RULES; i += 1) await home.deploy(`rule-${i}`, ruleNumber(i));
  for (const qos of [0, 1] as const) await measure(home, publishers, addresses.gateway, qos);
} finally {
  await platform.stop();
  rmSync(stateDir, { recursive: true, force: true });
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

/** CPU time of the runtime so far, in ms; its clock ticks 100 times a second (proc(5)). */
function cpuMs(): number {
  // Written by the platform itself.
  const { workerd } = JSON.parse(readFileSync(path.join(stateDir, "processes.json"), "utf8")) as {
    workerd: readonly number[];
  };
  let ticks = 0;
  for (const pid of workerd) {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10;
}

/** Rule `i` answers every hundredth event, and keeps a window and a pattern over all of them, as real rules do. */
function ruleNumber(i: number): string {
  return `
    @source(type='things', property='bench') define stream Bench (device string, value long);
    @sink(type='command', device='lamp', action='led', value='{{value}}')
    define stream Lamp (value long);
    @sink(type='alarm', id='never') define stream Never (high double);
    from Bench[value % ${RULES} == ${i}] select value insert into Lamp;
    from Bench#window.length(20) select device, avg(value) as mean group by device insert into Means;
    from every e1=Means[mean < 0.0] -> e2=Means[mean > 1000000000.0] within 5 sec
    select e2.mean as high insert into Never;
  `;
}

async function measure(
  home: Household,
  names: readonly string[],
  gateway: string,
  qos: 0 | 1,
): Promise<void> {
  const url = `${gateway.replace("http", "ws")}/mqtt`;
  const lamp = await MqttSocket.open(url, home.tokenOf("lamp"), `lamp-${qos}`);
  await lamp.subscribe("command/+", qos);
  // The same events on their way to a plain subscriber, at the same time: what there is without rules.
  const owner = await MqttSocket.open(url, home.ownerToken, `owner-${qos}`);
  await owner.subscribe("devices/+/telemetry/bench", qos);
  const plain: number[] = [];
  const plainAt: number[] = [];
  const extra: number[] = [];
  owner.onPublish = ({ payload, packetId }) => {
    if (packetId !== undefined) owner.send({ type: "puback", packetId, reasonCode: 0 });
    const [{ v }] = JSON.parse(new TextDecoder().decode(payload)) as [{ v: number }]; // SenML, as it was sent
    plainAt[v] = performance.now();
    if (v >= WARM_UP) plain.push(plainAt[v] - (sentAt[v] ?? Number.NaN));
  };
  const devices = await Promise.all(
    names.map((name) => MqttSocket.open(url, home.tokenOf(name), `${name}-${qos}`)),
  );
  const count = WARM_UP + EVENTS_PER_SECOND * SECONDS;
  const sentAt: number[] = [];
  const latencies: number[] = [];
  const seen = new Set<number>();
  const finished = Promise.withResolvers<void>();
  lamp.onPublish = ({ payload, packetId }) => {
    if (packetId !== undefined) lamp.send({ type: "puback", packetId, reasonCode: 0 });
    const { value } = JSON.parse(new TextDecoder().decode(payload)) as { value: number }; // the rule's command
    seen.add(value);
    if (value >= WARM_UP) {
      latencies.push(performance.now() - (sentAt[value] ?? Number.NaN));
      // What the rules add for this very event; a machine that stands still stands still for both.
      if (plainAt[value] !== undefined) extra.push(performance.now() - plainAt[value]);
    }
    if (seen.size === count) finished.resolve();
  };
  const startedAt = performance.now();
  const cpuAtStart = cpuMs();
  for (let next = 0; next < count; ) {
    // What should have been sent by now, at a steady rate.
    const due = Math.min(count, Math.floor(((performance.now() - startedAt) / 1000) * EVENTS_PER_SECOND));
    for (; next < due; next += 1) {
      sentAt[next] = performance.now();
      devices[next % devices.length]?.sendBytes(telemetry("bench", next, qos));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const isComplete = await Promise.race([
    finished.promise.then(() => true),
    new Promise<false>((resolve) => setTimeout(() => resolve(false), 30_000)),
  ]);
  report({
    name: `streams.event-to-action.qos${qos}`,
    rules: RULES,
    rate: EVENTS_PER_SECOND,
    p50_ms: percentile(latencies, 0.5),
    p95_ms: percentile(latencies, 0.95),
    p99_ms: percentile(latencies, 0.99),
    max_ms: percentile(latencies, 1),
    added_p50_ms: percentile(extra, 0.5),
    added_p99_ms: percentile(extra, 0.99),
    no_rules_p50_ms: percentile(plain, 0.5),
    no_rules_p99_ms: percentile(plain, 0.99),
    cpu_ms: (cpuMs() - cpuAtStart) / count,
    n: latencies.length,
    load: Number(loadavg()[0]?.toFixed(1)),
    lost: count - seen.size,
    runtime: "miniflare",
    state: option("--state") ?? "disk",
  });
  lamp.close();
  owner.close();
  for (const device of devices) device.close();
  if (!isComplete) process.exitCode = 1;
}
