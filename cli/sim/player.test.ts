import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { EagerClock } from "../../sdk/testing/manual-clock.ts";
import { type Pace, play } from "./player.ts";
import { Trace } from "./trace.ts";

const trace = new Trace(fileURLToPath(new URL("fixtures/three-rows.csv", import.meta.url)));
const forever = new AbortController().signal;

/** When each row came, in ms from the start, and its time in the trace, in s from the first. */
async function played(pace: Pace, workMs = 0): Promise<[number, number][]> {
  const clock = new EagerClock();
  const start = clock.now();
  const rows: [number, number][] = [];
  for await (const row of play(trace, pace, clock, forever)) {
    rows.push([clock.now() - start, row.timeSeconds - 1_709_164_770]);
    if (workMs > 0) await clock.sleep(workMs);
  }
  return rows;
}

test("at speed 1 rows come as they were measured, at speed 30 thirty times as fast", async () => {
  expect(await played({})).toEqual([
    [0, 0],
    [30_000, 30],
    [91_000, 91],
  ]);
  expect((await played({ speed: 30 })).map(([at]) => Math.round(at))).toEqual([0, 1000, 3033]);
});

test("a slow consumer is given late rows at once and is not thrown further back", async () => {
  expect((await played({ speed: 30 }, 1500)).map(([at]) => Math.round(at))).toEqual([0, 1500, 3033]);
});

test("with a rate, rows come evenly", async () => {
  expect((await played({ rate: 4 })).map(([at]) => at)).toEqual([0, 250, 500]);
});

test("a limit ends it, also in the middle of a repetition", async () => {
  expect(await played({ rate: 1000, limit: 2 })).toHaveLength(2);
  expect((await played({ rate: 1000, loop: true, limit: 7 })).map(([, time]) => time)).toEqual([
    0, 30, 91, 152, 182, 243, 304,
  ]);
});

test("an abort ends it at once", async () => {
  const stop = new AbortController();
  const rows = [];
  for await (const row of play(trace, { loop: true }, new EagerClock(), stop.signal)) {
    rows.push(row);
    if (rows.length === 2) stop.abort();
  }
  expect(rows).toHaveLength(2);
});
