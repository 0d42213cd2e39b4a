import type { Attribute, Ev } from "../event.ts";
import { type BaseScope, SingleScope, StateScope } from "./scope.ts";

/** An event that went into an output: its input's name, its time and its attributes. */
export interface TracedInput {
  readonly input: string;
  readonly timestamp: number;
  readonly values: Readonly<Record<string, unknown>>;
}

/** Names the events behind an output of a query with this scope: one, or one per slot of a join or pattern. */
export function describeInputs(scope: BaseScope, e: Ev): TracedInput[] {
  if (scope instanceof SingleScope)
    return [traced(scope.slot.ref ?? scope.slot.id, scope.slot.attributes, e)];
  if (!(scope instanceof StateScope)) return [];
  return scope.slots.flatMap((slot, i) => {
    const held = e.row[i] as Ev | Ev[] | null | undefined; // slots hold events or chains
    if (held === null || held === undefined) return [];
    const events = Array.isArray(held) ? held : [held];
    return events.filter((x) => x.row.length > 0).map((x) => traced(slot.ref ?? slot.id, slot.attributes, x));
  });
}

function traced(input: string, attributes: readonly Attribute[], e: Ev): TracedInput {
  return {
    input,
    timestamp: e.ts,
    values: Object.fromEntries(attributes.map((a, i) => [a.name, e.row[i] ?? null])),
  };
}
