import type { Ev, EventType } from "../event.ts";

/** A condition over the running aggregates of a window's events, with `first` and `last` at hand. */
export interface WindowExpression {
  readonly text: string;
  make(): RunningExpression;
}

/** One instance of it: adds (CURRENT), takes back (EXPIRED) or forgets (RESET) an event and gives the condition. */
export interface RunningExpression {
  evaluate(type: EventType, event: Ev, first: Ev, last: Ev): boolean;
  save(): unknown;
  load(saved: unknown): void;
}
