/**
 * Sets every normative statement of MQTT 5.0 and 3.1.1 against the tags in code and tests.
 *
 * `node scripts/conformance-mqtt.ts` writes docs/conformance.md.
 * `node scripts/conformance-mqtt.ts --check` writes nothing, and fails if that page is stale, if a statement has
 * neither tag nor reason, or if a tag names no statement.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { normativeStatements } from "../engines/mqtt/normative-statements.ts";
import { conformancePage, findGaps, type Tags } from "./conformance/conformance-page.ts";

const root = new URL("../", import.meta.url);
const page = new URL("docs/conformance.md", root);
const sources = ["engines", "durable-objects", "workers", "sdk", "cli", "tests"].map(
  (folder) => `${folder}/**/*.ts`,
);
const itself = new Set(["engines/mqtt/normative-statements.ts"]);

/** Which files carry which tag, in the order of their paths. */
function readTags(): Tags {
  const tags = new Map<string, string[]>();
  const paths = globSync(sources, { cwd: root.pathname, exclude: (path) => path.includes("node_modules") });
  for (const path of paths.filter((path) => !itself.has(path)).sort()) {
    const text = readFileSync(new URL(path, root), "utf8");
    const ids = new Set(
      [...text.matchAll(/\[(MQTT-(?:3\.1\.1:)?\d+(?:\.\d+)*-\d+)\]/g)].map(([, id]) => id ?? ""),
    );
    for (const id of ids) tags.set(id, [...(tags.get(id) ?? []), path]);
  }
  return tags;
}

const tags = readTags();
const gaps = findGaps(normativeStatements, tags);
for (const gap of gaps) console.error(gap);
const text = conformancePage(normativeStatements, tags);
if (process.argv.includes("--check")) {
  const isStale = readFileSync(page, "utf8") !== text;
  if (isStale) console.error("docs/conformance.md is stale: run node scripts/conformance-mqtt.ts");
  process.exitCode = isStale || gaps.length > 0 ? 1 : 0;
} else {
  writeFileSync(page, text);
  console.log(`docs/conformance.md: ${tags.size} statements tagged, ${gaps.length} gaps`);
  process.exitCode = gaps.length > 0 ? 1 : 0;
}
