import { CepError } from "../cep/cep-error.ts";
import type { Posting, Result, ThingEvent } from "./hand-over.ts";
import type { RuleError } from "./rule.ts";
import type { RuleLimits } from "./rule-limits.ts";
import { RuleSet } from "./rule-set.ts";
import { type Wire, wireOwners } from "./wiring.ts";

const maxTrace = 2_000;
const maxTraceCharacters = 4_000_000;

/** One result of a dry run, and the event (by its place in the input) that brought it, or a timer. */
export interface TestedResult {
  readonly after: number;
  readonly atMs: number;
  readonly result: Result | Posting;
}

/** What one query put out, and the events that it was made of: why a result came, or how far it got. */
export interface TestedStep {
  readonly after: number;
  readonly query: string;
  /** An output that left a window again. */
  readonly isExpired: boolean;
  readonly row: unknown;
  readonly inputs: unknown;
}

export interface DryRun {
  /** The first steps, if they were asked for. */
  readonly trace?: readonly TestedStep[];
  /** There were more than `maxTrace`, or too large ones. */
  readonly isTraceCut?: boolean;
  /** What each query still holds at the end: rows of its windows, partial matches of its patterns. */
  readonly holds: readonly { readonly name: string; readonly rows: number; readonly matches: number }[];
  readonly results: readonly TestedResult[];
  readonly eventsIn: number;
  readonly errors: number;
  readonly lastError?: RuleError;
}

/**
 * Runs a rule in virtual time over events, oldest first; nothing is sent anywhere.
 * `untilMs` is how long the clock goes on after the last event, for what waits for time.
 * @throws CepError when the text is wrong.
 */
export function dryRun(
  name: string,
  text: string,
  events: readonly ThingEvent[],
  limits: RuleLimits,
  {
    untilMs,
    isTraced = false,
    wire = wireOwners,
  }: { untilMs?: number | undefined; isTraced?: boolean; wire?: Wire } = {},
): DryRun {
  const rules = new RuleSet(limits, wire);
  const first = events[0]?.atMs ?? untilMs ?? 0;
  rules.setClock(first);
  const rule = rules.compile(name, text);
  rules.add(rule);
  const results: TestedResult[] = [];
  const trace: TestedStep[] = [];
  let current = -1;
  let traceCharacters = 0;
  let isTraceCut = false;
  if (isTraced) {
    rule.onTrace(({ query, isExpired, row, inputs }) => {
      isTraceCut ||= trace.length >= maxTrace || traceCharacters > maxTraceCharacters;
      if (isTraceCut) return;
      const step = plainJson({ row, inputs });
      traceCharacters += step.length;
      // `plainJson` wrote it.
      const { row: plainRow, inputs: plainInputs } = JSON.parse(step) as { row: unknown; inputs: unknown };
      trace.push({ after: current, query, isExpired, row: plainRow, inputs: plainInputs });
    });
  }
  const collect = (after: number) => {
    const put = [...rules.takeResults(), ...rules.takePostings()].sort((a, b) => a.number - b.number);
    for (const result of put) results.push({ after, atMs: rules.nowMs, result });
  };
  rule.start();
  collect(-1);
  let timers = 0;
  const step = (after: number, atMs: number, taken: readonly ThingEvent[]) => {
    // A timer is a step of its own, so that its results have its time.
    for (let due = rules.nextDue(); due !== undefined && due < atMs; due = rules.nextDue()) {
      timers += 1;
      if (timers > limits.maxTestTimers) {
        throw new CepError("LIMIT", `A dry run has at most ${limits.maxTestTimers} timers`);
      }
      current = after - 1;
      rules.runDue(due);
      collect(current);
    }
    current = after;
    rules.give({ atMs, events: taken });
    collect(after);
  };
  for (const [i, event] of events.entries()) step(i, Math.max(rules.nowMs, event.atMs), [event]);
  if (untilMs !== undefined && untilMs > rules.nowMs) step(events.length, untilMs, []);
  const { eventsIn, errors } = rule.counters;
  const lastError = rules.failures.get(name) ?? rule.lastError;
  return {
    results,
    eventsIn,
    errors,
    holds: rule.metrics().queries,
    ...(isTraced && { trace, isTraceCut }),
    ...(lastError !== undefined && { lastError }),
  };
}

/** As JSON has it: a long beyond 2^53 as text. */
function plainJson(step: { row: unknown; inputs: unknown }): string {
  return JSON.stringify(step, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}
