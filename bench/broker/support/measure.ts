import { percentile, report } from "../../support/statistics.ts";
import { processorSeconds } from "./process-facts.ts";
import type { Target } from "./targets.ts";

/** What a measurement costs both sides, beside what it yields. */
export interface Cost {
  /** Processor time of the system for one message, all its threads, in microseconds. */
  readonly server_us: number;
  /** The same of the driver: this process. */
  readonly driver_us: number;
  /** The driver's share of one core. Near 1 it is the driver that is measured. */
  readonly driver_core: number;
}

/** Runs `work` and says what each of its messages cost. `work` returns how many those were. */
export async function costOf(target: Target, work: () => Promise<number>): Promise<Cost> {
  const [server, driver, startedAt] = [processorSeconds(target.pid), process.cpuUsage(), performance.now()];
  const messages = await work();
  const { user, system } = process.cpuUsage(driver);
  const elapsedMs = performance.now() - startedAt;
  return {
    server_us: ((processorSeconds(target.pid) - server) * 1e6) / messages,
    driver_us: (user + system) / messages,
    driver_core: (user + system) / 1000 / elapsedMs,
  };
}

/** The middle one of each number over the rounds. */
export function medians<T extends object>(rounds: readonly T[]): T {
  const middle = (name: string) =>
    percentile(
      rounds.map((round) => Number(Reflect.get(round, name))),
      0.5,
    );
  // The same names with a number each, as every round has.
  return Object.fromEntries(Object.keys(rounds[0] ?? {}).map((name) => [name, middle(name)])) as T;
}

export function mean(samples: readonly number[]): number {
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
}

/** Mean, median and tail of latencies in milliseconds. */
export function latencies(samples: readonly number[]) {
  return {
    mean_ms: mean(samples),
    p50_ms: percentile(samples, 0.5),
    p99_ms: percentile(samples, 0.99),
    max_ms: percentile(samples, 1),
    n: samples.length,
  };
}

/** What is known of one question, for the table at the end. */
export type Result = Readonly<Record<string, string | number>>;

const results: Result[] = [];

/** One JSON line, kept for the table. */
export function tell(result: Result): void {
  results.push(result);
  report(result);
}

/** @returns that number of the result that has all of `wanted`; `NaN` if it was not measured. */
export function resultOf(wanted: Result, number: string): number {
  const found = results.find((result) =>
    Object.entries(wanted).every(([name, value]) => result[name] === value),
  );
  return Number(found?.[number] ?? Number.NaN);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
