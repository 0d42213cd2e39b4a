import { expect, test } from "vitest";
import { forEachConcurrently, Gate } from "./concurrency.ts";

const forever = new AbortController().signal;
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("no more than the limit are inside, everybody gets in, and a failure frees its place", async () => {
  const gate = new Gate(3);
  let inside = 0;
  let most = 0;
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) =>
      gate.pass(async () => {
        inside += 1;
        most = Math.max(most, inside);
        await turn();
        inside -= 1;
        if (index % 4 === 0) throw new Error("refused");
        return index;
      }),
    ),
  );
  expect(most).toBe(3);
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(15);
});

test("every item is worked on once, some at a time; an abort starts no more", async () => {
  const seen: number[] = [];
  await forEachConcurrently([1, 2, 3, 4, 5], 2, forever, async (item) => {
    await turn();
    seen.push(item);
  });
  expect(seen.toSorted()).toEqual([1, 2, 3, 4, 5]);

  const stop = new AbortController();
  const begun: number[] = [];
  await forEachConcurrently([1, 2, 3, 4, 5], 2, stop.signal, async (item) => {
    begun.push(item);
    await turn();
    stop.abort();
  });
  expect(begun).toEqual([1, 2]);
});
