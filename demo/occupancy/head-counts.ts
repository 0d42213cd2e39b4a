import type { TraceRows } from "../../cli/sim/trace.ts";

/** The true number of people at each time of a trace, counted by hand when it was taken: seconds → people. */
export async function headCounts(
  trace: TraceRows,
  limit = Number.POSITIVE_INFINITY,
): Promise<ReadonlyMap<number, number>> {
  const counts = new Map<number, number>();
  let rows = 0;
  for await (const { timeSeconds, people } of trace.rows()) {
    if (rows === limit) break;
    rows += 1;
    if (people !== undefined) counts.set(timeSeconds, people);
  }
  return counts;
}
