import { parseArgs } from "node:util";
import { connect } from "./connect.ts";
import { fairness } from "./fairness.ts";
import { fanOut } from "./fan-out.ts";
import { growth } from "./growth.ts";
import { latency } from "./latency.ts";
import { memory } from "./memory.ts";
import { qos } from "./qos.ts";
import { barsTable } from "./support/bars.ts";
import { type World, withWorld } from "./support/targets.ts";
import { throughput } from "./throughput.ts";

/**
 * Asks all questions (or those that are named) of the platform, Mosquitto, aedes and an object that only forwards
 * frames, in one run and with the same client, and prints the bars. README.md says how to read it.
 *
 *   node bench/broker/run.ts [question ...] [--smoke] [--rounds N]
 */

/** Each question and how many users it needs in its long form. */
const questions: Record<string, { ask: (world: World) => Promise<void>; users: number }> = {
  latency: { ask: latency, users: 400 },
  throughput: { ask: throughput, users: 400 },
  qos: { ask: qos, users: 2 },
  "fan-out": { ask: fanOut, users: 2 },
  connect: { ask: connect, users: 500 },
  fairness: { ask: fairness, users: 51 },
  memory: { ask: memory, users: 9000 },
  growth: { ask: growth, users: 5 },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { smoke: { type: "boolean", default: false }, rounds: { type: "string" } },
});
const unknown = positionals.filter((name) => !(name in questions));
if (unknown.length > 0) throw new Error(`no such question: ${unknown.join(", ")}`);
const asked = positionals.length > 0 ? positionals : Object.keys(questions);
const isSmoke = values.smoke;
const rounds = Number(values.rounds ?? (isSmoke ? 1 : 3));
const users = isSmoke ? 12 : Math.max(...asked.map((name) => questions[name]?.users ?? 0));
await withWorld({ users, isSmoke, rounds }, async (world) => {
  for (const name of asked) await questions[name]?.ask(world);
});
console.log(`\n${barsTable()}`);
