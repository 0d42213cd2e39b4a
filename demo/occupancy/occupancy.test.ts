import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { accuracyOf, accuracyTable } from "./accuracy.ts";
import { inferDirectly } from "./direct.ts";
import { headCounts } from "./head-counts.ts";

const root = path.resolve(import.meta.dirname, "../..");
const shared = path.join(root, "../shared/datasets/room-occupancy/room_occupancy.csv");
const madeUp = path.join(root, "tests/e2e/fixtures/rooms.csv");

test.skipIf(!existsSync(shared))(
  "on the real trace the rule does as well as docs/streams.md says",
  async () => {
    const { estimates } = await inferDirectly(shared);
    const accuracies = accuracyOf(estimates, await headCounts(shared));
    expect(readFileSync(path.join(root, "docs/streams.md"), "utf8")).toContain(accuracyTable(accuracies));
    expect(accuracies.at(-1)?.count).toBeGreaterThan(0.95);
  },
  60_000,
);

test("on a made-up trace it finds the people that the lamps show", async () => {
  const { estimates } = await inferDirectly(madeUp);
  const counts = await headCounts(madeUp);
  const [first] = counts;
  expect(estimates.filter(({ timeSeconds }) => timeSeconds === first?.[0]).at(-1)?.people).toBe(first?.[1]);
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
