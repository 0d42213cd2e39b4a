import type { OutputRate } from "../parser/ast.ts";
import type { Host, Processor, Sink } from "../runtime/processor.ts";
import {
  AllPerEvents,
  FirstPerEvents,
  FirstPerEventsByGroup,
  LastPerEvents,
  LastPerEventsByGroup,
} from "./per-events.ts";
import {
  AllPerTime,
  FirstPerTime,
  FirstPerTimeByGroup,
  LastPerTime,
  LastPerTimeByGroup,
} from "./per-time.ts";
import { snapshotLimiter } from "./snapshot-limiter.ts";

/** What a limiter must know of its query. */
export interface RateContext {
  readonly isGrouped: boolean;
  readonly isWindowed: boolean;
  readonly aggregatePositions: readonly number[];
  readonly width: number;
}

/** The limiter of `output … every …`, or undefined when all output passes at once. */
export function rateLimiter(
  rate: OutputRate | undefined,
  host: Host,
  next: Sink,
  context: RateContext,
): Processor | undefined {
  if (rate === undefined) return undefined;
  let limiter: Processor;
  if (rate.kind === "snapshot") limiter = snapshotLimiter(rate.ms, host, context);
  else if (rate.kind === "events") {
    if (rate.type === "all") limiter = new AllPerEvents(rate.events);
    else if (rate.type === "first")
      limiter = context.isGrouped ? new FirstPerEventsByGroup(rate.events) : new FirstPerEvents(rate.events);
    else limiter = context.isGrouped ? new LastPerEventsByGroup(rate.events) : new LastPerEvents(rate.events);
  } else if (rate.type === "all") limiter = new AllPerTime(host, rate.ms);
  else if (rate.type === "first")
    limiter = context.isGrouped ? new FirstPerTimeByGroup(host, rate.ms) : new FirstPerTime(host, rate.ms);
  else limiter = context.isGrouped ? new LastPerTimeByGroup(host, rate.ms) : new LastPerTime(host, rate.ms);
  limiter.next = next;
  return limiter;
}
