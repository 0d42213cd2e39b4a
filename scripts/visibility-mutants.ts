/**
 * Proves that the checks of tests/visibility can fail: breaks the Workers in one place after the other, while they are
 * bundled, runs the check that has to notice, and writes the table into docs/visibility.md. Takes some minutes.
 *
 * `node scripts/visibility-mutants.ts [word]` runs all mutants, or those whose name holds the word (and writes nothing).
 *
 * Fails if one is not noticed, or if the matrix finds something wrong without any. Ports 18860 to 18873.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { faults, leaks, mutantTable } from "../tests/visibility/support/mutants.ts";
import { survivorsOf, whatIsSaid } from "../tests/visibility/support/mutation-run.ts";
import { withGeneratedPart } from "./generated-part.ts";

const page = new URL("../docs/visibility.md", import.meta.url);
const word = process.argv[2];
const chosen = [...leaks, ...faults].filter(({ name }) => word === undefined || name.includes(word));
const survivors: string[] = [];

if (word === undefined) {
  const said = await whatIsSaid([], 18_860);
  console.log(`unbroken: ${said.length === 0 ? "nothing is said" : said.join("; ")}`);
  if (said.length > 0) survivors.push("the unbroken platform");
}
for (const mutant of chosen) {
  const said = await whatIsSaid([mutant], 18_860);
  const survived = survivorsOf([mutant], said);
  survivors.push(...survived);
  console.log(
    `${survived.length === 0 ? "noticed " : "SURVIVED"} ${mutant.name}: ${said.join("; ").slice(0, 300)}`,
  );
}
if (survivors.length > 0) process.exitCode = 1;
else if (word === undefined) {
  const text = readFileSync(page, "utf8");
  writeFileSync(page, withGeneratedPart(text, "mutants", `\n${mutantTable([...leaks, ...faults])}\n\n`));
}
