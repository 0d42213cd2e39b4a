import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { fleetReport } from "../../engines/fleet/fleet-report.ts";
import { wireCombined, wireShard, wireWhole } from "../../engines/fleet/fleet-wiring.ts";
import { dryRun } from "../../engines/streams/dry-run.ts";
import type { ThingEvent } from "../../engines/streams/hand-over.ts";
import { defaultRuleLimits } from "../../engines/streams/rule-limits.ts";
import { RuleSet } from "../../engines/streams/rule-set.ts";

const page = readFileSync(path.join(import.meta.dirname, "../../docs/fleet-rules.md"), "utf8");
const block = (kind: string) => new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\`$`, "ms").exec(page)?.[1] ?? "";
const rule = block("siddhi");

test("the rule of docs/fleet-rules.md compiles, in one piece and in its parts", () => {
  for (const wire of [wireWhole, wireShard(0, 4), wireCombined]) {
    expect(new RuleSet(defaultRuleLimits, wire).compile("doc", rule).sources.length).toBeGreaterThan(0);
  }
});

test("the dry run of docs/fleet-rules.md gives what the page says", () => {
  const { events }: { events: { user: string; topic: string; payload: unknown; at: string }[] } = JSON.parse(
    block("json test"),
  );
  const things = events.map(({ user, topic, payload, at }): ThingEvent => {
    const [, device = "", ...rest] = topic.split("/");
    return {
      user,
      device,
      name: "",
      topic: rest.join("/"),
      payload: JSON.stringify(payload),
      atMs: Date.parse(at),
    };
  });
  const { results } = dryRun("survey", rule, things, defaultRuleLimits, { wire: wireWhole });
  const told = results.map(({ after, result }) => ({
    ...result,
    after_event: after,
    payload: JSON.parse(result.payload),
  }));
  const expected = JSON.parse(block("json result"));
  expect(told).toHaveLength(expected.length);
  expect(told).toMatchObject(expected);
});

test("the report of docs/fleet-rules.md is what a deployment says", () => {
  const { outputs, queries } = fleetReport(rule);
  expect({
    outputs: outputs.map(({ stream, goesTo, isGroupedOverUsers, minimumUsers, columns }) => ({
      stream,
      goes_to: goesTo,
      grouped_over_users: isGroupedOverUsers,
      minimum_users: minimumUsers ?? null,
      columns: columns.map(({ name, from, isOverUsers }) => ({ name, from, over_users: isOverUsers })),
    })),
    queries: queries.map(({ line, runs, keepsRowsOfManyUsers }) => ({
      line,
      runs,
      keeps_rows_of_many_users: keepsRowsOfManyUsers,
    })),
  }).toMatchObject(JSON.parse(block("json report")));
});
