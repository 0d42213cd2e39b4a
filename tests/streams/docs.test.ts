import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { dryRun } from "../../engines/streams/dry-run.ts";
import type { ThingEvent } from "../../engines/streams/hand-over.ts";
import { defaultRuleLimits } from "../../engines/streams/rule-limits.ts";
import { RuleSet } from "../../engines/streams/rule-set.ts";

const page = readFileSync(path.join(import.meta.dirname, "../../docs/streams.md"), "utf8");
const blocks = (kind: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\`$`, "gms"))].map(([, text = ""]) => text);

test.each(blocks("siddhi").map((text, i) => [i + 1, text] as const))(
  "rule %i of docs/streams.md compiles",
  (_, text) => {
    expect(new RuleSet(defaultRuleLimits).compile("doc", text).sources.length).toBeGreaterThan(0);
  },
);

test("the page has the rules that it is about", () => {
  expect(blocks("siddhi").length).toBe(2);
});

test("the dry run of docs/streams.md gives what the page says", () => {
  const [request] = blocks("json test").map((text) => JSON.parse(text));
  const [expected] = blocks("json result").map((text) => JSON.parse(text));
  const events = request.events.map(
    ({ topic, payload, at }: { topic: string; payload: unknown; at: string }): ThingEvent => {
      const [, device = "", ...rest] = topic.split("/");
      return {
        device,
        name: "",
        topic: rest.join("/"),
        payload: JSON.stringify(payload),
        atMs: Date.parse(at),
      };
    },
  );
  const { results } = dryRun("test", blocks("siddhi")[1] ?? "", events, defaultRuleLimits, {
    untilMs: Date.parse(request.until),
  });
  expect(
    results.map(({ after, atMs, result }) => ({
      ...result,
      after_event: after,
      at: new Date(atMs).toISOString(),
    })),
  ).toMatchObject(expected);
});

test("the first rule of docs/streams.md does what its first line says, for each room by itself", () => {
  const startMs = Date.UTC(2026, 10, 22);
  const at = (minute: number, device: string, value: number): ThingEvent => ({
    device,
    name: `the ${device}`,
    topic: "telemetry/temperature",
    payload: JSON.stringify([{ n: "temperature", v: value }]),
    atMs: startMs + minute * 60_000,
  });
  const degrees = (minute: number) => (minute < 5 ? 25 : minute < 30 ? 27 : 23);
  const events = Array.from({ length: 60 }, (_, minute) => [
    at(minute, "kitchen", degrees(minute)),
    at(minute, "cellar", 15),
  ]).flat();
  const { results } = dryRun("warm", blocks("siddhi")[0] ?? "", events, defaultRuleLimits);
  const told = results
    .filter(({ result }) => result.kind !== "stream")
    .map(({ atMs, result }) => [(atMs - startMs) / 60_000, result.kind, JSON.parse(result.payload)]);
  expect(told).toEqual([
    [14, "command", { id: expect.any(String), value: true }],
    [14, "alarm", expect.objectContaining({ title: "the kitchen is too warm", severity: "warning" })],
    [39, "command", { id: expect.any(String), value: false }],
  ]);
});
