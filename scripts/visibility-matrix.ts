/**
 * Measures who may see what on a whole running platform (IDENTITY.md §3.1) and prints the table.
 *
 * `node scripts/visibility-matrix.ts` prints the table and writes it into docs/visibility.md.
 * `node scripts/visibility-matrix.ts --check` writes nothing, and fails if that page's table is stale.
 * `node scripts/visibility-matrix.ts --times [rounds]` also measures how soon connections close (minutes).
 *
 * Every way it fails when a cell is not as it must be, a collusion row does not hold, a URL holds what it must not, or
 * something is left of a deleted account. Ports 18860 to 18889.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { closingTable, measureClosing } from "../tests/visibility/support/closing-times.ts";
import { fullRun } from "../tests/visibility/support/full-run.ts";
import { collusions, findingsOf, measure, tableOf } from "../tests/visibility/support/matrix.ts";
import { withGeneratedPart } from "./generated-part.ts";

const page = new URL("../docs/visibility.md", import.meta.url);

const run = await fullRun(18_860);
const cells = measure(run);
const rows = collusions(run);
const wrong = findingsOf(run);
const table = `\n${tableOf(cells)}\n\n`;
const together = `\n${rows.map(({ claim, broken }) => `- ${claim}: **${broken.length === 0 ? "holds" : "broken"}**`).join("\n")}\n\n`;
console.log(`${table}${together}`);
for (const sentence of wrong) console.error(sentence);

const written = readFileSync(page, "utf8");
let text = withGeneratedPart(withGeneratedPart(written, "matrix", table), "collusions", together);
const timesAt = process.argv.indexOf("--times");
if (timesAt > 0) {
  const report = await measureClosing(18_876, Number(process.argv[timesAt + 1] ?? 35));
  const times = `\n${closingTable(report)}\n\nMeasured on ${report.load} (one minute's average at the end).\n\n`;
  console.log(times);
  text = withGeneratedPart(text, "times", times);
}
if (process.argv.includes("--check")) {
  const isStale = text !== written;
  if (isStale) console.error("docs/visibility.md is stale: run node scripts/visibility-matrix.ts");
  process.exitCode = isStale || wrong.length > 0 ? 1 : 0;
} else {
  writeFileSync(page, text);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
