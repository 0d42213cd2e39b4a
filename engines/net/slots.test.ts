import { expect, test } from "vitest";
import { Slots } from "./slots.ts";

test("so many are taken at once; one that comes back is free, twice is no more than once", () => {
  const slots = new Slots(2, 1000, () => 0);
  const [first, second] = [slots.take(), slots.take()];
  expect(slots.take()).toBeUndefined();
  first?.();
  first?.();
  expect(slots.take()).toBeTypeOf("function");
  expect(slots.take()).toBeUndefined();
  second?.();
  expect(slots.take()).toBeTypeOf("function");
});

test("a slot whose holder has vanished is free after its time, and its late return takes nobody else's", () => {
  let nowMs = 0;
  const slots = new Slots(1, 1000, () => nowMs);
  const vanished = slots.take();
  nowMs = 999;
  expect(slots.take()).toBeUndefined();
  nowMs = 1000;
  expect(slots.take()).toBeTypeOf("function");
  vanished?.();
  expect(slots.take()).toBeUndefined();
});
