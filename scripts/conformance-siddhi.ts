/**
 * Runs the SiddhiQL conformance cases of a folder: `conformance-siddhi DIR [--level asserts|rows|batches] [--evict]
 * [--only TEXT]`. Prints a line per failing case and totals by area; the exit code is 1 when a case fails and 2
 * when there are no cases.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Case } from "../engines/cep/conformance/case-format.ts";
import { CaseRun, type Level } from "../engines/cep/conformance/run-case.ts";

const args = process.argv.slice(2);
const folder =
  args.find((a, i) => !a.startsWith("--") && args[i - 1] !== "--level" && args[i - 1] !== "--only") ??
  "../shared/conformance/siddhi";
const option = (name: string): string | undefined =>
  args.includes(name) ? args[args.indexOf(name) + 1] : undefined;
const level = (option("--level") ?? "rows") as Level; // an unknown level compares like rows
const only = option("--only");
const evicts = args.includes("--evict");
const cases = join(folder, "cases");

if (!existsSync(cases)) {
  console.error(`NO CONFORMANCE CASES: there is no folder ${cases}. Nothing was checked.`);
  process.exit(2);
}

const totals = new Map<string, { passed: number; failed: number }>();
for (const file of readdirSync(cases)
  .filter((f) => f.endsWith(".json"))
  .sort()) {
  const { area, cases: list } = JSON.parse(readFileSync(join(cases, file), "utf8")) as {
    area: string;
    cases: Case[];
  }; // the format of the folder
  const total = { passed: 0, failed: 0 };
  totals.set(area, total);
  for (const c of list) {
    if (only !== undefined && !c.id.includes(only) && area !== only) continue;
    const problems = new CaseRun(c, evicts).run(level);
    if (problems.length === 0) total.passed++;
    else {
      total.failed++;
      console.log(`FAIL ${c.id}: ${problems[0]}`);
      for (const p of args.includes("--verbose") ? problems.slice(1) : []) console.log(`     ${p}`);
    }
  }
}
let failed = 0;
let passed = 0;
for (const [area, total] of totals) {
  failed += total.failed;
  passed += total.passed;
  if (total.passed + total.failed > 0)
    console.log(`${area.padEnd(20)} ${String(total.passed).padStart(4)} of ${total.passed + total.failed}`);
}
console.log(
  `${"all".padEnd(20)} ${String(passed).padStart(4)} of ${passed + failed} at level ${level}${evicts ? ", evicted after every step" : ""}`,
);
process.exit(failed > 0 ? 1 : 0);
