import { percentile } from "./statistics.ts";

/** Something that takes messages on one side and gives each back on the other. */
export interface Path {
  /** Sends message number `sequence`. */
  send(sequence: number): void;
  /** Called with the number of each message that arrives, in order. */
  onArrival: (sequence: number) => void;
}

export interface PathResult {
  /** Messages per second. */
  readonly rate: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly n: number;
}

/**
 * Sends `count` messages with at most `inFlight` on the way, after `warmUp` that do not count.
 * @throws Error when nothing arrives for 10 s: a lost message ends the run.
 */
export async function measurePath(
  path: Path,
  count: number,
  inFlight: number,
  warmUp: number,
): Promise<PathResult> {
  await run(path, warmUp, inFlight);
  const startedAt = performance.now();
  const latencies = await run(path, count, inFlight);
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    rate: count / seconds,
    p50_ms: percentile(latencies, 0.5),
    p99_ms: percentile(latencies, 0.99),
    n: count,
  };
}

function run(path: Path, count: number, inFlight: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const sentAt: number[] = [];
    const latencies: number[] = [];
    let watchdog = setTimeout(() => reject(new Error("nothing arrives")), 10_000);
    const send = () => {
      sentAt.push(performance.now());
      path.send(sentAt.length - 1);
    };
    path.onArrival = (sequence) => {
      latencies.push(performance.now() - (sentAt[sequence] ?? Number.NaN));
      if (latencies.length % 1000 === 0) {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => reject(new Error("nothing arrives")), 10_000);
      }
      if (latencies.length === count) {
        clearTimeout(watchdog);
        resolve(latencies);
      } else if (sentAt.length < count) send();
    };
    for (let index = 0; index < Math.min(inFlight, count); index += 1) send();
  });
}
