/** The kinds of event inside a query: new, leaving a window, a timer, or "forget all aggregates". */
export type EventType = 0 | 1 | 2 | 3;
export const CURRENT = 0;
export const EXPIRED = 1;
export const TIMER = 2;
export const RESET = 3;

/** A SiddhiQL attribute type. */
export type AttributeType = "int" | "long" | "float" | "double" | "bool" | "string" | "object";

/**
 * One event inside the engine. `row` holds the attributes; in a join or a pattern it holds one slot per input
 * (an `Ev`, a chain `Ev[]` of a counted state, or null). `out` is what the selector made of it, `key` its group.
 * Always made by this constructor, so that every event has the same hidden class.
 */
export class Ev {
  ts: number;
  type: EventType;
  row: unknown[];
  out: unknown[] | null;
  key: unknown;
  constructor(ts: number, type: EventType, row: unknown[]) {
    this.ts = ts;
    this.type = type;
    this.row = row;
    this.out = null;
    this.key = undefined;
  }
}

/** A copy with another type and the same row; rows are never written to once an event is under way. */
export function copyAs(e: Ev, type: EventType): Ev {
  return new Ev(e.ts, type, e.row);
}

/** An attribute of a definition. */
export interface Attribute {
  readonly name: string;
  readonly type: AttributeType;
}

/** What comes out of the engine or goes into it: a timestamp (ms) and one value per attribute. */
export interface OutputEvent {
  readonly timestamp: number;
  readonly row: readonly unknown[];
  readonly isExpired: boolean;
}
