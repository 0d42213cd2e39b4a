import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { Trace } from "../../cli/sim/trace.ts";
import { accuracyOf, accuracyTable } from "./accuracy.ts";
import { type Inference, inferDirectly } from "./direct.ts";
import { headCounts } from "./head-counts.ts";
import { MadeUpRoom } from "./made-up-room.ts";
import { sharedTrace } from "./room-source.ts";

const root = path.resolve(import.meta.dirname, "../..");
const madeUp = new Trace(path.join(root, "tests/e2e/fixtures/rooms.csv"));

test.skipIf(!existsSync(sharedTrace))(
  "on the real trace the rule does as well as docs/streams.md says",
  async () => {
    const trace = new Trace(sharedTrace);
    const { estimates, commands } = await inferDirectly(trace);
    const accuracies = accuracyOf(estimates, await headCounts(trace));
    expect(readFileSync(path.join(root, "docs/streams.md"), "utf8")).toContain(accuracyTable(accuracies));
    expect(accuracies.at(-1)?.count).toBeGreaterThan(0.95);
    // The rule counts for itself how often it was right, and comes to the same.
    expect(lastOf(commands, "counts")).toBe(accuracies.at(-1)?.rows);
    expect(lastOf(commands, "agreement")).toBeCloseTo(100 * (accuracies.at(-1)?.count ?? 0), 6);
  },
  60_000,
);

test("on a made-up trace it finds the people that the lamps show", async () => {
  const { estimates } = await inferDirectly(madeUp);
  const counts = await headCounts(madeUp);
  const [first] = counts;
  expect(estimates.filter(({ timeSeconds }) => timeSeconds === first?.[0]).at(-1)?.people).toBe(first?.[1]);
});

test("in the made-up room somebody sits down, is noticed, and most of the time counted right", async () => {
  const rows = 1440; // half a day
  const room = new MadeUpRoom("demo");
  const counts = await headCounts(room, rows);
  expect(new Set(counts.values())).toEqual(new Set([0, 1, 2]));
  const { estimates, commands } = await inferDirectly(room, rows);
  const [all] = accuracyOf(estimates, counts).slice(-1);
  expect(all?.count).toBeGreaterThan(0.85);
  expect(all?.count).toBeLessThan(1);
  expect(all?.count).toBeGreaterThan(all?.baseline ?? 1);
  expect(lastOf(commands, "agreement")).toBeCloseTo(100 * (all?.count ?? 0), 6);
});

test("what is left out at the beginning changes nothing of the rest", async () => {
  const seen = async (trace: Trace | MadeUpRoom, skip: number, count: number) => {
    const rows: unknown[] = [];
    for await (const row of trace.rows(skip)) if (rows.push(row) === count) break;
    return rows;
  };
  for (const trace of [madeUp, new MadeUpRoom("demo")])
    expect(await seen(trace, 7, 5)).toEqual((await seen(trace, 0, 12)).slice(7));
});

test("the sign is told every change once, and nothing that is none", async () => {
  const { commands } = await inferDirectly(new MadeUpRoom("demo"), 2880);
  for (const action of ["people", "led"]) {
    const told = commands.filter((command) => command.action === action).map(({ value }) => value);
    expect(told.length).toBeGreaterThan(2);
    expect(told.filter((value, i) => value === told[i - 1])).toEqual([]);
  }
});

test("accuracy is counted from the last estimate at or before each row", () => {
  const counts = new Map([
    [0, 0],
    [30, 1],
    [60, 2],
    [90, 2],
  ]);
  const estimates = [
    { timeSeconds: 0, people: 1 },
    { timeSeconds: 0, people: 0 },
    { timeSeconds: 60, people: 1 },
    { timeSeconds: 90, people: 2 },
  ];
  expect(accuracyOf(estimates, counts)[0]).toEqual({
    part: "first day (thresholds)",
    rows: 4,
    count: 0.5,
    occupied: 0.75,
    meanError: 0.5,
    baseline: 0.25,
  });
});

function lastOf(commands: Inference["commands"], wanted: string): unknown {
  return commands.findLast(({ action }) => action === wanted)?.value;
}
