import { parseArgs } from "node:util";
import { soakEvictions } from "./support/evictions.ts";
import { soakKills } from "./support/kills.ts";
import { chooseSeed } from "./support/seed.ts";

/** The long form, killing for at most `--minutes`; CI runs the short one (durability.test.ts). One JSON line a soak; exit code 1 when one failed. */
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "60" },
    evictions: { type: "string", default: "2000" },
    minutes: { type: "string", default: "30" },
    port: { type: "string", default: "18650" },
  },
});
const firstPort = Number(values.port);
const seed = chooseSeed("soak");
const evictions = Number(values.evictions) / 2;
const kills = Number(values.kills);
const forMs = Number(values.minutes) * 60_000;
const onKill = (count: number, acknowledged: number) => {
  if (count % 10 === 0) console.error(`${count} kills, ${acknowledged} messages acknowledged`);
};
const runs = [
  ["hibernated", evictions, () => soakEvictions({ firstPort, seed, evictions, closingPercent: 0 })],
  ["hibernated and cut", evictions, () => soakEvictions({ firstPort, seed, evictions, closingPercent: 10 })],
  ["kill -9", kills, () => soakKills({ firstPort, seed, kills, forMs, onKill })],
] as const;
for (const [name, times, run] of runs) {
  if (times === 0) continue;
  const startedAt = performance.now();
  const verdict = await run();
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const violations = verdict.violations.slice(0, 20);
  console.log(JSON.stringify({ name: `soak.${name}`, seed, seconds, ...verdict, violations }));
  if (verdict.lost.length > 0 || verdict.violations.length > 0) process.exitCode = 1;
}
