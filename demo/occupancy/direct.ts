import { readFileSync } from "node:fs";
import path from "node:path";
import { Trace } from "../../cli/sim/trace.ts";
import type { ThingEvent } from "../../engines/streams/hand-over.ts";
import { defaultRuleLimits } from "../../engines/streams/rule-limits.ts";
import { RuleSet } from "../../engines/streams/rule-set.ts";
import type { Estimate } from "./accuracy.ts";

/** The rule's text. */
export const occupancyRule = readFileSync(path.join(import.meta.dirname, "occupancy.siddhi"), "utf8");

/** The readings that the rule takes, row by row, as the nodes publish them. */
export async function* readingsOf(
  file: string,
): AsyncGenerator<{ timeSeconds: number; events: ThingEvent[] }> {
  for await (const { timeSeconds, samples } of new Trace(file).rows()) {
    const events = samples
      .filter(({ property }) => property === "light" || property === "motion")
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

/** The rule over a trace without any of the platform: what it says after each row, and how often the room changed. */
export async function inferDirectly(file: string): Promise<{ estimates: Estimate[]; changes: number }> {
  const rules = new RuleSet(defaultRuleLimits);
  const rule = rules.compile("occupancy", occupancyRule);
  rules.add(rule);
  rule.start();
  const estimates: Estimate[] = [];
  let changes = 0;
  for await (const { timeSeconds, events } of readingsOf(file)) {
    for (const result of rules.apply({ atMs: timeSeconds * 1000, events })) {
      if (result.kind === "command") changes += 1;
      if (result.kind !== "stream") continue;
      estimates.push({ timeSeconds, people: peopleIn(result.payload) });
    }
  }
  if (rule.lastError !== undefined) throw new Error(`${rule.lastError.code}: ${rule.lastError.message}`);
  return { estimates, changes };
}

/** The number of people in a payload of `rules/occupancy/people`. */
export function peopleIn(payload: string): number {
  const pack = JSON.parse(payload) as readonly { n: string; v?: number }[]; // SenML, as the rule's sink maps it
  return pack.find(({ n }) => n === "people")?.v ?? 0;
}
