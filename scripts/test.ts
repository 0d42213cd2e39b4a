import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Suite, suites } from "./test/suites.ts";
import { installSystemPackages, type SystemPackage, systemPackages } from "./test/system-packages.ts";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const { values } = parseArgs({ options: { only: { type: "string" } } });
const chosen = suites.filter((suite) => values.only === undefined || suite.name.includes(values.only));

const totals = { passed: 0, failed: 0, skipped: 0 };
const notes: string[] = [];
const missing = new Set<string>(
  installSystemPackages([...new Set(chosen.flatMap((suite) => suite.needs ?? []))].filter(isSystemPackage)),
);
if (!existsSync(path.join(root, "..", "shared"))) {
  missing.add("shared");
  notes.push("../shared is absent: the cases and traces kept there were not run; the project's own were");
}

for (const suite of chosen) await run(suite);

console.log(`\n${notes.map((note) => `!! ${note}`).join("\n")}`);
const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : "";
console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);

async function run(suite: Suite): Promise<void> {
  const lacking = (suite.needs ?? []).filter((need) => missing.has(need));
  if (lacking.length > 0) {
    totals.skipped += 1;
    const how = lacking.map((need) =>
      isSystemPackage(need) ? `apt-get install ${systemPackages[need].debianPackage}` : need,
    );
    notes.push(`SKIPPED: ${suite.name} (missing: ${how.join(", ")})`);
    return;
  }
  console.log(`\n== ${suite.name}`);
  const startedAtMs = Date.now();
  const scratch = mkdtempSync(path.join(tmpdir(), "edgenym-test-"));
  const report = path.join(scratch, "report.json");
  const reporters = suite.isVitest
    ? ["--reporter=dot", "--reporter=json", `--outputFile.json=${report}`]
    : [];
  const status = await exitStatus([...suite.command, ...reporters]);
  const counts = suite.isVitest
    ? countsOf(report, status)
    : { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 };
  rmSync(scratch, { recursive: true, force: true });
  totals.passed += counts.passed;
  totals.failed += counts.failed;
  totals.skipped += counts.skipped;
  if (counts.failed > 0) notes.push(`FAILED: ${suite.name}`);
  if (counts.skipped > 0) notes.push(`SKIPPED: ${counts.skipped} in ${suite.name}`);
  console.log(
    `== ${suite.name}: ${counts.passed} passed, ${counts.failed} failed, ${((Date.now() - startedAtMs) / 1000).toFixed(1)} s`,
  );
}

/** A run that ends badly although no test failed (a file that does not load, a crash) is a failure of its own. */
function countsOf(report: string, status: number): typeof totals {
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  const {
    numPassedTests: passed,
    numFailedTests,
    numPendingTests: skipped,
  } = JSON.parse(readFileSync(report, "utf8"));
  return { passed, failed: status !== 0 && numFailedTests === 0 ? 1 : numFailedTests, skipped };
}

function exitStatus([command = "", ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    child.on("error", () => resolve(127));
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

function isSystemPackage(need: string): need is SystemPackage {
  return need in systemPackages;
}
