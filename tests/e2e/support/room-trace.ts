import { existsSync } from "node:fs";
import path from "node:path";
import { Trace } from "../../../cli/sim/trace.ts";

const real = path.resolve(
  import.meta.dirname,
  "../../../../shared/datasets/room-occupancy/room_occupancy.csv",
);
const own = path.resolve(import.meta.dirname, "../fixtures/rooms.csv");

/** The real trace of seven wireless nodes where the shared folder is there, else a made-up one of the same form. */
export function roomTraceFile(): string {
  if (existsSync(real)) return real;
  console.warn(
    "!! ../shared/datasets is absent: the main path runs on the made-up trace of tests/e2e/fixtures",
  );
  return own;
}

/** What one node measured of one property, by time: ISO time → value as text. */
export type NodeSeries = ReadonlyMap<string, string>;

/** The first `rows` rows of a trace, per node of one property. */
export async function seriesOf(
  file: string,
  property: string,
  rows: number,
): Promise<ReadonlyMap<string, NodeSeries>> {
  const series = new Map<string, Map<string, string>>();
  let count = 0;
  for await (const row of new Trace(file).rows()) {
    if (count === rows) break;
    count += 1;
    for (const sample of row.samples) {
      if (sample.property !== property) continue;
      const node = series.get(sample.node) ?? new Map<string, string>();
      series.set(
        sample.node,
        node.set(new Date(sample.timeSeconds * 1000).toISOString(), String(sample.value)),
      );
    }
  }
  return series;
}
