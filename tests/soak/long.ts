import { parseArgs } from "node:util";
import { soakEvictions } from "./support/evictions.ts";
import { soakKills } from "./support/kills.ts";
import { chooseSeed } from "./support/random.ts";

/** The long form; CI runs the short one (durability.test.ts). One JSON line a soak; exit code 1 when one failed. */
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "60" },
    evictions: { type: "string", default: "2000" },
    port: { type: "string", default: "18650" },
  },
});
const firstPort = Number(values.port);
const seed = chooseSeed("soak");
const runs = [
  [
    "hibernated",
    () => soakEvictions({ firstPort, seed, evictions: Number(values.evictions) / 2, closingPercent: 0 }),
  ],
  [
    "hibernated and cut",
    () => soakEvictions({ firstPort, seed, evictions: Number(values.evictions) / 2, closingPercent: 10 }),
  ],
  ["kill -9", () => soakKills({ firstPort, seed, kills: Number(values.kills) })],
] as const;
for (const [name, run] of runs) {
  const startedAt = performance.now();
  const verdict = await run();
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(
    JSON.stringify({
      name: `soak.${name}`,
      seed,
      seconds,
      ...verdict,
      violations: verdict.violations.slice(0, 20),
    }),
  );
  if (verdict.lost.length > 0 || verdict.violations.length > 0) process.exitCode = 1;
}
