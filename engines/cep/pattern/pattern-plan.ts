import type { Ev } from "../event.ts";
import type { LogicalOp } from "./logical-state.ts";
import type { StateFilter, StateType } from "./pre-state.ts";

/** A compiled state element, without state. Slots are numbered in the order Siddhi makes them. */
export type ElementPlan =
  | {
      kind: "state";
      slot: number;
      stream: string;
      filter: StateFilter | undefined;
      prepare: Prepare | undefined;
    }
  | {
      kind: "absent";
      slot: number;
      stream: string;
      filter: StateFilter | undefined;
      prepare: Prepare | undefined;
      forMs: number | undefined;
    }
  | { kind: "count"; state: ElementPlan & { kind: "state" }; min: number; max: number }
  | { kind: "logical"; op: LogicalOp; first: SinglePlan; second: SinglePlan }
  | { kind: "next"; left: ElementPlan; right: ElementPlan }
  | { kind: "every"; inner: ElementPlan };

/** A state of one stream, present or absent. */
export type SinglePlan = ElementPlan & { kind: "state" | "absent" };
/** Stream functions in front of the filters: a new event, or null to drop it. */
export type Prepare = (e: Ev) => Ev | null;

/** A compiled pattern or sequence. */
export interface PatternPlan {
  readonly type: StateType;
  readonly element: ElementPlan;
  readonly width: number;
  readonly withinMs: number | undefined;
}
