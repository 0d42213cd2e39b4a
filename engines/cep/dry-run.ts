import { type AppOptions, CepApp, type TracedOutput } from "./app.ts";

/** One event of a history, in order of time. */
export interface HistoryEvent {
  readonly stream: string;
  readonly timestamp: number;
  readonly row: readonly unknown[];
}

/** Why a query put out what it did, or nothing: what reached it and what it still holds. */
export interface QueryAccount {
  readonly query: string;
  readonly outputs: number;
  /** Rows in its windows at the end. */
  readonly rows: number;
  /** Partial matches that still wait at the end. */
  readonly matches: number;
}

export interface DryRunResult {
  /** Outputs in order, each with the events it came from. */
  readonly trace: readonly TracedOutput[];
  readonly queries: readonly QueryAccount[];
  /** Events per stream, those that queries made included. */
  readonly streams: Readonly<Record<string, number>>;
  readonly errors: number;
}

/**
 * Runs an app over a history in its own time, without any effect outside: the clock is the history's, timers run
 * where they fall, and after the last event for `settleMs` more.
 * @throws CepError when the app is wrong
 */
export function dryRun(
  text: string,
  history: Iterable<HistoryEvent>,
  options: Omit<AppOptions, "clock"> & { settleMs?: number; limit?: number } = {},
): DryRunResult {
  let now = 0;
  const app = new CepApp(text, { ...options, clock: { now: () => now } });
  const trace: TracedOutput[] = [];
  const outputs = new Map<string, number>();
  app.onTrace((t) => {
    outputs.set(t.query, (outputs.get(t.query) ?? 0) + 1);
    if (trace.length < (options.limit ?? 10_000)) trace.push(t);
  });
  let isStarted = false;
  for (const event of history) {
    now = isStarted ? Math.max(now, event.timestamp) : event.timestamp;
    if (!isStarted) {
      app.start();
      isStarted = true;
    }
    app.runDue();
    app.send(event.stream, event.row, event.timestamp);
  }
  now += options.settleMs ?? 0;
  app.runDue();
  const metrics = app.metrics();
  const queries = metrics.queries.map((q) => ({
    query: q.name,
    outputs: outputs.get(q.name) ?? 0,
    rows: q.rows,
    matches: q.matches,
  }));
  app.shutdown();
  return { trace, queries, streams: metrics.streams, errors: metrics.errors };
}
