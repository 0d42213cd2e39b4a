import type { Clock } from "../../sdk/clock.ts";
import type { TraceRow, TraceRows } from "./trace.ts";

/** How a trace's time becomes ours. */
export interface Pace {
  /** How many seconds of the trace pass in one of ours. */
  readonly speed?: number;
  /** Rows a second, whatever their times say; instead of `speed`. */
  readonly rate?: number;
  /** Stop after so many rows. */
  readonly limit?: number;
  /** Begin again at the end, the times going on from there. */
  readonly loop?: boolean;
  /** Leave out so many rows at the beginning. */
  readonly skip?: number;
}

/**
 * Gives a trace's rows when they are due. A row that the consumer takes late delays nothing after it: the schedule
 * is kept against the start, not against the row before.
 */
export async function* play(
  trace: TraceRows,
  { speed = 1, rate, limit = Number.POSITIVE_INFINITY, loop = false, skip = 0 }: Pace,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<TraceRow> {
  const startedMs = clock.now();
  let first: number | undefined;
  let shiftSeconds = 0;
  let count = 0;
  do {
    let last = 0;
    let previous = 0;
    const before = count;
    for await (const original of trace.rows(shiftSeconds === 0 ? skip : 0)) {
      if (count >= limit || signal.aborted) return;
      const row = shiftSeconds === 0 ? original : shifted(original, shiftSeconds);
      first ??= row.timeSeconds;
      const dueMs =
        startedMs + (rate === undefined ? ((row.timeSeconds - first) * 1000) / speed : (count * 1000) / rate);
      if (dueMs > clock.now()) await clock.sleep(dueMs - clock.now(), signal);
      if (signal.aborted) return;
      count += 1;
      previous = last;
      last = row.timeSeconds;
      yield row;
    }
    if (count === before) return; // a trace without rows would be read for ever
    const gap = Math.max(1, previous === 0 ? 1 : last - previous);
    shiftSeconds = last + gap - (first ?? 0);
  } while (loop);
}

function shifted({ timeSeconds, samples, ...row }: TraceRow, seconds: number): TraceRow {
  return {
    ...row,
    timeSeconds: timeSeconds + seconds,
    samples: samples.map((sample) => ({ ...sample, timeSeconds: sample.timeSeconds + seconds })),
  };
}
