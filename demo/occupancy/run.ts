import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Trace } from "../../cli/sim/trace.ts";
import { addressesFrom } from "../../scripts/platform/addresses.ts";
import { startPlatform } from "../../scripts/platform/platform.ts";
import { accuracyOf, accuracyTable } from "./accuracy.ts";
import { inferDirectly } from "./direct.ts";
import { headCounts } from "./head-counts.ts";
import { sharedTrace } from "./room-source.ts";
import { inferThroughTheStack } from "./through-the-stack.ts";

/**
 * How well does the occupancy rule guess how many people are in the room? `node demo/occupancy/run.ts [TRACE]` runs
 * it over the trace in the engine alone; `--stack [--rows N]` runs the same rows through the whole platform as well,
 * and says whether both came to the same.
 */
const option = (name: string) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
const named = process.argv
  .slice(2)
  .find((argument, i, all) => !argument.startsWith("--") && all[i - 1] !== "--rows");
const file = named ?? sharedTrace;
if (!existsSync(file)) {
  console.error(`There is no trace ${file}: name one with the columns of the room occupancy data set.`);
  process.exit(1);
}

const trace = new Trace(file);
const counts = await headCounts(trace);
const direct = await inferDirectly(trace);
console.log(accuracyTable(accuracyOf(direct.estimates, counts)));
const told = (action: string) => direct.commands.filter((command) => command.action === action);
const agreement = told("agreement").at(-1)?.value;
console.log(
  `\n${direct.estimates.length} estimates; the lamp was switched ${told("led").length} times. ` +
    `By the rule's own count it agrees with ${Number(agreement).toFixed(1)} %.`,
);

if (process.argv.includes("--stack")) {
  const rows = Number(option("--rows") ?? counts.size);
  const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-occupancy-"));
  const platform = await startPlatform({
    addresses: addressesFrom(18_560, 18_564),
    stateDir,
    settings: { LIMITS: JSON.stringify({ messagesPerSecond: 1_000_000, messageBurst: 1_000_000 }) },
  });
  try {
    const { addresses, secrets } = platform;
    const stack = await inferThroughTheStack(addresses, secrets.operatorToken, trace, rows);
    const lastTime = [...counts.keys()][rows - 1] ?? Number.POSITIVE_INFINITY;
    const expected = direct.estimates.filter(({ timeSeconds }) => timeSeconds <= lastTime);
    const isSame = JSON.stringify(expected) === JSON.stringify(stack.estimates);
    console.log(
      `\nThrough the whole stack: ${stack.events} readings in ${stack.seconds.toFixed(1)} s, ` +
        `${stack.estimates.length} estimates, ${stack.commands} commands to the sign; ` +
        `${isSame ? "the same estimates as above." : "NOT the same estimates as above."}`,
    );
    if (!isSame) process.exitCode = 1;
  } finally {
    await platform.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
}
