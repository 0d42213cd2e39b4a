import { readFileSync } from "node:fs";
import path from "node:path";
import type { TraceRows } from "../../cli/sim/trace.ts";
import type { ThingEvent } from "../../engines/streams/hand-over.ts";
import { defaultRuleLimits } from "../../engines/streams/rule-limits.ts";
import { RuleSet } from "../../engines/streams/rule-set.ts";
import type { Estimate } from "./accuracy.ts";

/** The rule's text. */
export const occupancyRule = readFileSync(path.join(import.meta.dirname, "occupancy.siddhi"), "utf8");

/** What the rule takes, row by row, as the nodes publish it; whoever counts heads comes last. */
export async function* readingsOf(
  trace: TraceRows,
): AsyncGenerator<{ timeSeconds: number; events: ThingEvent[] }> {
  for await (const { timeSeconds, samples, people } of trace.rows()) {
    const count =
      people === undefined ? [] : [{ node: "Counter", property: "people", value: people, timeSeconds }];
    const events = [...samples, ...count]
      .filter(({ property }) => ["light", "motion", "people"].includes(property))
      .map(
        ({ node, property, value }): ThingEvent => ({
          device: node,
          name: node,
          topic: `telemetry/${property}`,
          payload: JSON.stringify([{ n: property, v: value, t: timeSeconds }]),
          atMs: timeSeconds * 1000,
        }),
      );
    yield { timeSeconds, events };
  }
}

/** What the rule said and did over a trace. */
export interface Inference {
  readonly estimates: readonly Estimate[];
  /** Every command to the sign at the door, in order. */
  readonly commands: readonly {
    readonly timeSeconds: number;
    readonly action: string;
    readonly value: unknown;
  }[];
}

/** The rule over a trace without any of the platform. */
export async function inferDirectly(trace: TraceRows, rows = Number.POSITIVE_INFINITY): Promise<Inference> {
  const rules = new RuleSet(defaultRuleLimits);
  const rule = rules.compile("occupancy", occupancyRule);
  rules.add(rule);
  rule.start();
  const estimates: Estimate[] = [];
  const commands: { timeSeconds: number; action: string; value: unknown }[] = [];
  let taken = 0;
  for await (const { timeSeconds, events } of readingsOf(trace)) {
    if (taken === rows) break;
    taken += 1;
    for (const result of rules.apply({ atMs: timeSeconds * 1000, events })) {
      if (result.kind === "command") {
        const { value } = JSON.parse(result.payload) as { value: unknown }; // written by the rule's own sink
        commands.push({ timeSeconds, action: result.action, value });
      }
      if (result.kind === "stream") estimates.push({ timeSeconds, people: peopleIn(result.payload) });
    }
  }
  if (rule.lastError !== undefined) throw new Error(`${rule.lastError.code}: ${rule.lastError.message}`);
  return { estimates, commands };
}

/** The number of people in a payload of `rules/occupancy/people`. */
export function peopleIn(payload: string): number {
  const pack = JSON.parse(payload) as readonly { n: string; v?: number }[]; // SenML, as the rule's sink maps it
  return pack.find(({ n }) => n === "people")?.v ?? 0;
}
