import type { Ev } from "../event.ts";
import { Ring } from "./ring.ts";

/** From this length on a search by value goes through an index: below it, reading on is quicker. */
const INDEXED_FROM = 128;

/**
 * A ring of events that can be searched by one column. A short one is read through; a long one keeps the events by
 * value from the first search on, so that a search costs what it finds. Cost of the index: O(1) per event.
 */
export class EventRing extends Ring<Ev> {
  #column = -1;
  #byValue: Map<unknown, Ring<Ev>> | undefined;

  override push(e: Ev): void {
    super.push(e);
    if (this.#byValue !== undefined) this.#enter(e, this.#byValue);
  }

  override shift(): Ev | undefined {
    const e = super.shift();
    if (e !== undefined && this.#byValue !== undefined) this.#leave(e, this.#byValue);
    return e;
  }

  override clear(): void {
    super.clear();
    this.#byValue = undefined;
  }

  /** Adds the events whose column has the value, oldest first; with column -1 all of them. */
  collect(column: number, value: unknown, into: Ev[]): void {
    const { items, mask, head, length } = this;
    if (column < 0 || length < INDEXED_FROM) {
      for (let i = 0; i < length; i++) {
        const e = items[(head + i) & mask] as Ev; // in range
        if (column < 0 || e.row[column] === value) into.push(e);
      }
      return;
    }
    // A map finds NaN, which equals nothing.
    if (Number.isNaN(value)) return;
    const found = this.#indexOf(column).get(value);
    for (let i = 0; found !== undefined && i < found.length; i++) into.push(found.at(i));
  }

  #indexOf(column: number): Map<unknown, Ring<Ev>> {
    if (this.#byValue !== undefined && this.#column === column) return this.#byValue;
    const byValue = new Map<unknown, Ring<Ev>>();
    this.#column = column;
    this.#byValue = byValue;
    for (let i = 0; i < this.length; i++) this.#enter(this.at(i), byValue);
    return byValue;
  }

  #enter(e: Ev, byValue: Map<unknown, Ring<Ev>>): void {
    const value = e.row[this.#column];
    let same = byValue.get(value);
    if (same === undefined) {
      same = new Ring([], 2);
      byValue.set(value, same);
    }
    same.push(e);
  }

  /** The oldest event is the oldest of its value. */
  #leave(e: Ev, byValue: Map<unknown, Ring<Ev>>): void {
    const value = e.row[this.#column];
    const same = byValue.get(value);
    same?.shift();
    if (same?.length === 0) byValue.delete(value);
  }
}
