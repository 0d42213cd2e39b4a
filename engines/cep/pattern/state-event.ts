import { Ev } from "../event.ts";

/**
 * A partial match: its `row` has one slot per state, each an event, a chain (counted states) or null. `ts` is -1
 * until an event has matched.
 */
export function newStateEvent(width: number): Ev {
  return new Ev(-1, 0, slotsOf(width));
}

/** Empty slots; written out where it is quick to. */
function slotsOf(width: number): unknown[] {
  if (width === 2) return [null, null];
  if (width === 3) return [null, null, null];
  return new Array<unknown>(width).fill(null);
}

/** A copy that shares the matched events but not the slots, nor the chains. */
export function copyStateEvent(e: Ev): Ev {
  const copy = new Ev(e.ts, e.type, e.row.slice());
  for (let i = 0; i < copy.row.length; i++) {
    const slot = copy.row[i];
    if (Array.isArray(slot)) copy.row[i] = slot.slice();
  }
  return copy;
}

/** The first event of a slot, be it single or a chain. */
export function firstOf(e: Ev, slot: number): Ev | null {
  const value = e.row[slot] as Ev | Ev[] | null | undefined; // slots hold events or chains
  if (value === null || value === undefined) return null;
  return Array.isArray(value) ? (value[0] ?? null) : value;
}
