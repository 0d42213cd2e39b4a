import { expect, test } from "vitest";
import { Bench } from "../testing.ts";

const run = (rate: string, group = "", type = "") =>
  new Bench(
    `define stream S (k string, v int); from S select k, v ${group} output ${rate} insert ${type} into Out;`,
  )
    .watch("Out")
    .start();

const EVENTS = [
  ["a", 1],
  ["b", 2],
  ["a", 3],
  ["b", 4],
  ["a", 5],
  ["c", 6],
];

test.each([
  [
    "every 3 events",
    "",
    [
      ["a", 1],
      ["b", 2],
      ["a", 3],
      ["b", 4],
      ["a", 5],
      ["c", 6],
    ],
  ],
  [
    "first every 3 events",
    "",
    [
      ["a", 1],
      ["b", 4],
    ],
  ],
  [
    "last every 3 events",
    "",
    [
      ["a", 3],
      ["c", 6],
    ],
  ],
  // Each group counts its own events.
  [
    "first every 3 events",
    "group by k",
    [
      ["a", 1],
      ["b", 2],
      ["c", 6],
    ],
  ],
  [
    "last every 3 events",
    "group by k",
    [
      ["b", 2],
      ["a", 3],
      ["b", 4],
      ["a", 5],
      ["c", 6],
    ],
  ],
])("output %s %s", (rate, group, wanted) => {
  const bench = run(rate, group);
  for (const e of EVENTS) bench.send("S", [...e]).evict();
  expect([...(bench.rows.Out ?? [])].map(String).sort()).toEqual(wanted.map(String).sort());
});

test.each([
  [
    "all every 1 sec",
    [
      ["a", 1],
      ["b", 2],
      ["a", 3],
    ],
  ],
  ["first every 1 sec", [["a", 1]]],
  ["last every 1 sec", [["a", 3]]],
])("output %s", (rate, wanted) => {
  const bench = run(rate);
  for (const e of EVENTS.slice(0, 3))
    bench
      .send("S", [...e])
      .advance(100)
      .evict();
  bench.advance(2000);
  expect(bench.rows.Out).toEqual(wanted);
});

test("a snapshot sends what the window holds, again and again", () => {
  const bench = new Bench(
    "define stream S (k string, v int); from S#window.length(2) select k, v output snapshot every 1 sec insert all events into Out;",
  )
    .watch("Out")
    .start();
  bench.send("S", ["a", 1], ["b", 2], ["c", 3]).evict().advance(2000);
  expect(bench.rows.Out).toEqual([
    ["b", 2],
    ["c", 3],
    ["b", 2],
    ["c", 3],
  ]);
});
