import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Case } from "./case-format.ts";
import { CaseRun } from "./run-case.ts";

const folder = fileURLToPath(new URL("../../../../shared/conformance/siddhi/cases", import.meta.url));

if (!existsSync(folder)) {
  console.warn("NO CONFORMANCE CASES beside the repository: the SiddhiQL cases were NOT run.");
  test.skip("conformance cases (absent)", () => {});
} else {
  describe.each(readdirSync(folder).filter((f) => f.endsWith(".json")))("%s", (file) => {
    const { cases } = JSON.parse(readFileSync(`${folder}/${file}`, "utf8")) as { cases: Case[] }; // the format of the folder

    test.each([
      ["in one go, by batches", "batches", false],
      ["evicted after every step, by rows", "rows", true],
    ] as const)("%s", (_, level, evicts) => {
      const failures = cases.flatMap((c) =>
        new CaseRun(c, evicts)
          .run(level)
          .slice(0, 1)
          .map((p) => `${c.id}: ${p}`),
      );
      expect(failures).toEqual([]);
    });
  });
}
