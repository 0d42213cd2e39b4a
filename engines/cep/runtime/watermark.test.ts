import { expect, test } from "vitest";
import { below, seeded } from "../../testing/random.ts";
import { Bench } from "../testing.ts";

const app = (options: string) =>
  `@watermark(${options}) define stream S (device string, ts long, v int); from S select device, ts, v insert into Out; `;
const times = (rows: unknown[][] | undefined) => rows?.map((r) => r[1]);

test("events wait for the watermark and leave in order of event time", () => {
  const bench = new Bench(app("by='ts', max.delay='5 sec'")).watch("Out").start();
  bench.send("S", ["a", 10_000, 1], ["a", 8000, 2], ["a", 12_000, 3]).evict();
  expect(bench.rows.Out).toEqual([]);
  bench.send("S", ["a", 15_000, 4]);
  expect(times(bench.rows.Out)).toEqual([8000, 10_000]);
});

test("the other spelling, field and lateness, means the same", () => {
  const bench = new Bench(app("field='ts', lateness='1 sec'")).watch("Out").start();
  bench.send("S", ["a", 2000, 1], ["a", 1500, 2], ["a", 3000, 3]);
  expect(times(bench.rows.Out)).toEqual([1500, 2000]);
});

for (let seed = 1; seed <= 5; seed++) {
  test(`whatever is less out of order than the delay comes out sorted and whole (seed ${seed})`, () => {
    const random = seeded(seed);
    const bench = new Bench(app("by='ts', max.delay='1 sec'")).watch("Out").start();
    const all = Array.from({ length: 100 }, (_, i) => 10_000 + i * 100 + below(random, 999));
    for (const [i, ts] of all.entries()) {
      bench.send("S", ["a", ts, i]);
      if (i % 9 === 0) bench.evict();
    }
    bench.send("S", ["a", 1_000_000, 0]);
    expect(times(bench.rows.Out)).toEqual([...all].sort((x, y) => x - y));
  });
}

test("a late event is dropped, sent to the fault stream, or let through", () => {
  for (const [late, passed, faulty] of [
    ["drop", [1000, 5000], []],
    ["update", [1000, 5000, 2000], []],
    ["fault", [1000, 5000], [2000]],
  ] as const) {
    const bench = new Bench(
      `@OnError(action='stream') ${app(`by='ts', late='${late}'`)} from !S select device, ts insert into Late;`,
    )
      .watch("Out", "Late")
      .start();
    bench.send("S", ["a", 1000, 1], ["a", 5000, 2]).evict().send("S", ["a", 2000, 3]);
    expect(times(bench.rows.Out)).toEqual(passed);
    expect(times(bench.rows.Late)).toEqual(faulty);
  }
});

test("each key has its own newest time, and an idle one does not hold the others back", () => {
  const bench = new Bench(app("by='ts', key='device', idle='1 min'")).watch("Out").start();
  bench.send("S", ["a", 1000, 1], ["b", 9000, 1]);
  expect(times(bench.rows.Out)).toEqual([1000]);
  bench.advance(50_000).send("S", ["b", 10_000, 2]).evict();
  expect(times(bench.rows.Out)).toEqual([1000]);
  bench.advance(20_000).send("S", ["b", 11_000, 3]);
  expect(times(bench.rows.Out)).toEqual([1000, 9000, 10_000, 11_000]);
});

test("a silent stream lets its buffer go after the idle time", () => {
  const bench = new Bench(app("by='ts', max.delay='1 hour', idle='1 min'")).watch("Out").start();
  bench.send("S", ["a", 2000, 1], ["a", 1000, 2]).evict().advance(61_000);
  expect(times(bench.rows.Out)).toEqual([1000, 2000]);
});

test("what is wrong with a watermark is said at its place", () => {
  expect(() => new Bench(app("by='tz'"))).toThrow(
    expect.objectContaining({ code: "WRONG_ANNOTATION", expected: ["device", "ts", "v"] }),
  );
  expect(() => new Bench(app("by='v'"))).toThrow(expect.objectContaining({ expected: ["long"] }));
  expect(() => new Bench(app("by='ts', late='keep'"))).toThrow(
    expect.objectContaining({ expected: ["drop", "fault", "update"] }),
  );
});
