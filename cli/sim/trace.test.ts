import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Trace, TraceError, type TraceRow } from "./trace.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const ours = new Trace(path("fixtures/three-rows.csv"));
const roomOccupancy = path("../../../shared/datasets/room-occupancy/room_occupancy.csv");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "edgenym-trace-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function traceOf(text: string): Promise<Trace> {
  const file = join(
    folder,
    `${Math.abs(text.length)}-${Buffer.from(text).toString("base64url").slice(0, 40)}.csv`,
  );
  await writeFile(file, text);
  return new Trace(file);
}

async function collect(rows: AsyncIterable<TraceRow>): Promise<readonly TraceRow[]> {
  const all: TraceRow[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

test("a node's columns make it a product, and columns of no node are left out", async () => {
  expect([...(await ours.nodes())]).toEqual([
    ["S1", "room-node"],
    ["S2", "room-node"],
    ["S5", "co2-node"],
    ["S6", "motion-node"],
  ]);
});

test("a row is every value of its line at the line's own time, read as UTC", async () => {
  const rows = await collect(ours.rows());
  expect(rows.map(({ timeSeconds }) => timeSeconds)).toEqual([1_709_164_770, 1_709_164_800, 1_709_164_861]);
  expect(rows[2]?.samples.map(({ node, property, value }) => `${node} ${property} ${value}`)).toEqual([
    "S1 temperature -0.5",
    "S2 temperature 20.19",
    "S1 light 102",
    "S2 light 0",
    "S1 sound 0",
    "S2 sound 0.05",
    "S5 co2 420",
    "S6 motion 1",
  ]);
});

test("dashes in dates, CRLF, a byte order mark and blank lines are fine", async () => {
  const trace = await traceOf("\uFEFFDate,Time,S1_Temp\r\n2024-02-28,23:59:30, 21.5 \r\n\r\n");
  expect(await collect(trace.rows())).toEqual([
    {
      timeSeconds: 1_709_164_770,
      samples: [{ node: "S1", property: "temperature", value: 21.5, timeSeconds: 1_709_164_770 }],
    },
  ]);
});

test.each([
  ["a file without nodes", "Date,Time,Temperature\n", "line 1"],
  ["a value that is no number", "Date,Time,S1_Temp\n2024/02/28,23:59:30,x\n", "line 2: column 3"],
  ["a missing value", "Date,Time,S1_Temp,S2_Temp\n2024/02/28,23:59:30,1\n", "line 2: column 4"],
  ["a line without a date", "Date,Time,S1_Temp\n2024/02/28,00:00:00,1\n,,2\n", "line 3"],
])("%s is refused by its line", async (_, text, message) => {
  const trace = await traceOf(text);
  await expect(collect(trace.rows())).rejects.toThrow(message);
});

test("a trace that does not exist is told by its name", async () => {
  await expect(new Trace("/nowhere/x.csv").nodes()).rejects.toThrow(TraceError);
  await expect(new Trace("/nowhere/x.csv").nodes()).rejects.toThrow("/nowhere/x.csv");
});

test.runIf(existsSync(roomOccupancy))("the real trace: seven nodes, 10,129 rows of 15 values", async () => {
  const trace = new Trace(roomOccupancy);
  expect([...(await trace.nodes()).keys()]).toEqual(["S1", "S2", "S3", "S4", "S5", "S6", "S7"]);
  let rows = 0;
  for await (const { samples, timeSeconds } of trace.rows()) {
    if (rows === 0) {
      expect(timeSeconds).toBe(1_513_939_781);
      expect(samples[0]).toEqual({ node: "S1", property: "temperature", value: 24.94, timeSeconds });
    }
    expect(samples).toHaveLength(15);
    rows += 1;
  }
  expect(rows).toBe(10_129);
});
