import { expect, test } from "vitest";
import { below, seeded } from "../../testing/random.ts";
import { Ev } from "../event.ts";
import { EventRing } from "./event-ring.ts";

for (const seed of [1, 2, 3]) {
  test(`a search finds what reading through finds, long and short, by either column (seed ${seed})`, () => {
    const random = seeded(seed);
    const ring = new EventRing();
    const plain: Ev[] = [];
    const values = [0, 1, "a", "b", null, Number.NaN, 2n ** 60n, true];
    for (let step = 0; step < 3000; step++) {
      // Grows to some hundreds, then shrinks, and again.
      const isGrowing = step % 1000 < 600;
      if (random() < (isGrowing ? 0.8 : 0.2)) {
        const e = new Ev(step, 0, [values[below(random, values.length)], below(random, 5)]);
        ring.push(e);
        plain.push(e);
      } else expect(ring.shift()).toBe(plain.shift());
      if (random() > 0.2) continue;
      const column = below(random, 3) - 1;
      const value = column === 1 ? below(random, 6) : values[below(random, values.length)];
      const found: Ev[] = [];
      ring.collect(column, value, found);
      expect(found).toEqual(plain.filter((e) => column < 0 || e.row[column] === value));
    }
    ring.clear();
    const none: Ev[] = [];
    ring.collect(0, 0, none);
    expect([none, ring.length]).toEqual([[], 0]);
  });
}
