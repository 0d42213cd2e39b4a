import type { Ev } from "../event.ts";
import { Ring } from "./ring.ts";

/** A ring of events that can be searched by one column without leaving the ring's memory order. */
export class EventRing extends Ring<Ev> {
  /** Adds the events whose column has the value, oldest first; with column -1 all of them. */
  collect(column: number, value: unknown, into: Ev[]): void {
    const { items, mask, head, length } = this;
    for (let i = 0; i < length; i++) {
      const e = items[(head + i) & mask] as Ev; // in range
      if (column < 0 || e.row[column] === value) into.push(e);
    }
  }
}
