/** A queue in a power-of-two ring: push, shift and indexed reads in O(1), removal anywhere in O(n). */
export class Ring<T> {
  protected items: (T | undefined)[];
  protected mask: number;
  protected head = 0;
  length = 0;

  /** `capacity` is what it has room for before it grows: a power of two. */
  constructor(items: readonly T[] = [], capacity = 8) {
    let room = capacity;
    while (room < items.length) room *= 2;
    this.items = [...items, ...new Array<T | undefined>(room - items.length).fill(undefined)];
    this.mask = room - 1;
    this.length = items.length;
  }

  push(item: T): void {
    if (this.length > this.mask) this.#grow();
    this.items[(this.head + this.length++) & this.mask] = item;
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.items[this.head];
    this.items[this.head] = undefined;
    this.head = (this.head + 1) & this.mask;
    this.length--;
    return item;
  }

  peek(): T | undefined {
    return this.length === 0 ? undefined : this.items[this.head];
  }

  /** The item at position `i` from the head; `i` must be below `length`. */
  at(i: number): T {
    return this.items[(this.head + i) & this.mask] as T; // in range by contract
  }

  clear(): void {
    this.items.fill(undefined);
    this.head = 0;
    this.length = 0;
  }

  toArray(): T[] {
    const list: T[] = [];
    for (let i = 0; i < this.length; i++) list.push(this.at(i));
    return list;
  }

  #grow(): void {
    const list = this.toArray();
    this.items = [...list, ...new Array<T | undefined>(list.length).fill(undefined)];
    this.mask = this.items.length - 1;
    this.head = 0;
  }
}
