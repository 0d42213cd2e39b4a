import { describe, expect, test } from "vitest";
import { dryRun } from "../dry-run.ts";
import { LanguageService } from "../language/language-service.ts";
import { appOfRule, type RuleValues, ruleTemplates } from "./templates.ts";

const T0 = 1_600_000_000_000;

/** Rows that a rule's last stream gets, with seconds since the start. */
function alarms(
  id: string,
  stream: string,
  values: RuleValues,
  events: readonly [number, ...unknown[]][],
  settleMs = 0,
): unknown[][] {
  const text = `${appOfRule(id, values)}@info(name='watched') from ${stream} select * insert into Watched;`;
  const history = events.map(([s, ...row]) => ({ stream: "Measurements", timestamp: T0 + s * 1000, row }));
  const { trace, errors } = dryRun(text, history, { settleMs });
  expect(errors).toBe(0);
  return trace.filter((t) => t.query === "watched").map((t) => [(t.timestamp - T0) / 1000, ...t.row]);
}

describe.each(ruleTemplates.map((t) => [t.id, t] as const))("%s", (id, template) => {
  test("compiles with its defaults, puts out what it says, and has forms for all it asks", () => {
    expect(new LanguageService().diagnostics(appOfRule(id, {}))).toEqual([]);
    for (const p of template.parameters) expect(p.default, p.name).toBeDefined();
    expect(appOfRule(id, {})).toMatch(
      new RegExp(`\\(${template.output.map((o) => `${o.name} ${o.type}`).join(", ")}\\)`),
    );
  });
});

test("threshold: raised above, cleared only below the second limit, per thing", () => {
  const events = [20, 31, 32, 29, 31, 27, 26, 33].map((v, s) => [s, "a", v] as [number, ...unknown[]]);
  events.push([8, "b", 40]);
  expect(alarms("threshold", "Alarms", { high: 30, low: 28 }, events)).toEqual([
    [1, "a", 31, "raised"],
    [5, "a", 27, "cleared"],
    [7, "a", 33, "raised"],
    [8, "b", 40, "raised"],
  ]);
});

test("no data: once per silence, with the time of the last event", () => {
  expect(
    alarms(
      "no-data",
      "Alarms",
      { silence: 10 },
      [
        [0, "a"],
        [5, "a"],
        [40, "a"],
      ],
      60_000,
    ),
  ).toEqual([
    [15, "a", T0 + 5000],
    [50, "a", T0 + 40_000],
  ]);
});

test("rate of change: the spread within the time", () => {
  expect(
    alarms("rate-of-change", "Alarms", { change: 5, within: 10 }, [
      [0, "a", 20],
      [2, "a", 22],
      [4, "a", 26],
      [40, "a", 32],
    ]),
  ).toEqual([[4, "a", 20, 26]]);
});

test("geofence: leaves and enters", () => {
  const at = [50, 50.0001, 50.1, 50.2, 50].map(
    (latitude, s) => [s, "a", latitude, 8] as [number, ...unknown[]],
  );
  expect(alarms("geofence", "Alarms", { latitude: 50, longitude: 8, radius: 100 }, at)).toEqual([
    [2, "a", false],
    [4, "a", true],
  ]);
});

test("occupancy: at once, and free after the hold", () => {
  const seen = [0, 2, 4, 30].map((s) => [s, "hall", true] as [number, ...unknown[]]);
  expect(alarms("occupancy", "Occupancy", { hold: 10 }, seen, 60_000)).toEqual([
    [0, "hall", true],
    [14, "hall", false],
    [30, "hall", true],
    [40, "hall", false],
  ]);
});

test("energy per day: watt-hours by thing and day", () => {
  const day = 86_400;
  const start = Math.ceil(T0 / 86_400_000) * day - T0 / 1000;
  const events = Array.from({ length: 30 }, (_, h) => [start + h * 3600, "a", 100] as [number, ...unknown[]]);
  const rows = alarms("energy-per-day", "Energy", { interval: 3600 }, events, day * 1000);
  expect(rows.map((r) => r.slice(1))).toEqual([
    ["a", 2400, "2020-09-14"],
    ["a", 600, "2020-09-15"],
  ]);
});

describe("values", () => {
  test.each([
    ["threshold", { high: "x" }, "'high' must be a number"],
    ["no-data", { silence: 0 }, "'silence' must be at least 1"],
    ["no-data", { silence: 1.5 }, "'silence' must be a whole number of seconds"],
    ["geofence", { latitude: 91 }, "'latitude' must be at most 90"],
    ["threshold", { device: "a; drop" }, "'device' must be a name of letters, digits and _"],
    ["threshold", { stream: "a`b" }, "'stream' must be a name of letters, digits and _"],
  ])("%s %j: %s", (id, values, message) => {
    expect(() => appOfRule(id, values)).toThrow(
      expect.objectContaining({ code: "WRONG_PARAMETERS", message }),
    );
  });

  test("an unknown rule names those there are", () => {
    expect(() => appOfRule("treshold", {})).toThrow(
      expect.objectContaining({ code: "NOT_FOUND", expected: ruleTemplates.map((t) => t.id) }),
    );
  });
});
