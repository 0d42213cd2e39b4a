import { expect, test } from "vitest";
import { dryRun } from "./dry-run.ts";
import type { ThingEvent } from "./hand-over.ts";
import { readyMadeRule, readyMadeRules } from "./ready-made.ts";
import { defaultRuleLimits } from "./rule-limits.ts";
import { RuleSet } from "./rule-set.ts";

const start = Date.UTC(2026, 10, 22);
const reading = (property: string, payload: unknown, seconds: number): ThingEvent => ({
  device: "dh1",
  name: "hall",
  topic: `telemetry/${property}`,
  payload: JSON.stringify(payload),
  atMs: start + seconds * 1000,
});

test.each(readyMadeRules().map(({ id }) => id))(
  "%s compiles with its defaults and hears the things",
  (id) => {
    const rule = new RuleSet(defaultRuleLimits).compile(
      id,
      readyMadeRule(id, {}, { property: "p", device: "hall" }),
    );
    expect(rule.sources.map(({ filter }) => filter)).toEqual(["telemetry/p"]);
  },
);

test("a threshold with hysteresis raises and clears an alarm from SenML", () => {
  const text = readyMadeRule("threshold", { high: 30, low: 28 }, { property: "temperature" });
  const values = [25, 31, 32, 29, 27, 31];
  const events = values.map((v, i) => reading("temperature", [{ n: "temperature", v }], i));
  const states = dryRun("hot", text, events, defaultRuleLimits).results.map(
    ({ result }) => JSON.parse(result.payload).event.state,
  );
  expect(states).toEqual(["raised", "cleared", "raised"]);
});

test("a room that something moves in is occupied, and free after the hold", () => {
  const text = readyMadeRule("occupancy", { hold: 60 }, { property: "motion" });
  const events = [
    reading("motion", [{ n: "motion", v: 1 }], 0),
    reading("motion", [{ n: "motion", v: 1 }], 30),
  ];
  const { results } = dryRun("room", text, events, defaultRuleLimits, { untilMs: start + 300_000 });
  expect(results.map(({ atMs, result }) => [(atMs - start) / 1000, JSON.parse(result.payload)])).toEqual([
    [0, { room: "hall", isOccupied: true }],
    [90, { room: "hall", isOccupied: false }],
  ]);
});

test.each([
  ["an unknown one", "nothing", {}, {}],
  ["a parameter out of range", "no-data", { silence: 0 }, {}],
  ["a source that would break out of its quotes", "no-data", {}, { device: "x', @map(type='json" }],
])("%s is refused", (_, id, values, from) => {
  expect(() => readyMadeRule(id, values, from)).toThrow(expect.objectContaining({ name: "CepError" }));
});
