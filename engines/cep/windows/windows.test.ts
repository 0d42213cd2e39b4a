import { expect, test } from "vitest";
import { below, seeded } from "../../testing/random.ts";
import { Bench } from "../testing.ts";
import { CronExpression } from "./cron-expression.ts";

const S = "define stream S (id int, v long, t long); ";

/** Random sends and waits; after each event the sum over the window must be that over `live`. */
function property(
  name: string,
  window: string,
  live: (all: readonly Sent[], now: number) => readonly Sent[],
  options: { order?: (id: number) => number } = {},
): void {
  for (const seed of [1, 2, 3]) {
    test(`${name} keeps what a recomputation keeps, also when evicted (seed ${seed})`, () => {
      const random = seeded(seed);
      const bench = new Bench(
        `${S}@info(name='q') from S${window} select id, sum(v) as total, count() as n insert into Out;`,
      )
        .watch("Out")
        .start();
      const all: Sent[] = [];
      for (let i = 0; i < 150; i++) {
        bench.advance(below(random, 4) * 250);
        if (random() < 0.1) bench.evict();
        const e = { id: i, v: below(random, 100), at: bench.now };
        all.push(e);
        bench.send("S", [e.id, e.v, options.order?.(i) ?? bench.now]);
        const wanted = live(all, bench.now);
        const total = wanted.reduce((sum, x) => sum + x.v, 0);
        expect(bench.rows.Out?.at(-1)).toEqual([i, total, wanted.length]);
      }
    });
  }
}

interface Sent {
  readonly id: number;
  readonly v: number;
  readonly at: number;
}

property("length", "#window.length(7)", (all) => all.slice(-7));
property("time", "#window.time(1 sec)", (all, now) => all.filter((e) => e.at > now - 1000));
property("timeLength", "#window.timeLength(1 sec, 3)", (all, now) =>
  all.filter((e) => e.at > now - 1000).slice(-3),
);
property("externalTime", "#window.externalTime(t, 1 sec)", (all, now) =>
  all.filter((e) => e.at > now - 1000),
);
property("expression", "#window.expression('count() <= 4')", (all) => all.slice(-4));

for (const seed of [4, 5]) {
  test(`lengthBatch sends the sum of each batch (seed ${seed})`, () => {
    const random = seeded(seed);
    const bench = new Bench(`${S}from S#window.lengthBatch(5) select sum(v) as total insert into Out;`)
      .watch("Out")
      .start();
    const values = Array.from({ length: 103 }, () => below(random, 50));
    for (const [i, v] of values.entries()) {
      bench.send("S", [i, v, 0]);
      if (random() < 0.2) bench.evict();
    }
    const sums = Array.from({ length: 20 }, (_, b) => [
      values.slice(b * 5, b * 5 + 5).reduce((x, y) => x + y, 0),
    ]);
    expect(bench.rows.Out).toEqual(sums);
  });

  test(`timeBatch sends one row per batch that has events (seed ${seed})`, () => {
    const random = seeded(seed);
    const bench = new Bench(`${S}from S#window.timeBatch(1 sec) select sum(v) as total insert into Out;`)
      .watch("Out")
      .start();
    const sums: number[] = [];
    for (let b = 0; b < 30; b++) {
      let sum = 0;
      const count = b === 0 ? 1 : below(random, 4);
      for (let i = 0; i < count; i++) {
        const v = below(random, 50);
        sum += v;
        bench.send("S", [i, v, 0]);
        if (random() < 0.2) bench.evict();
      }
      if (count > 0) sums.push(sum);
      bench.advance(1000);
    }
    expect(bench.rows.Out?.map((r) => r[0])).toEqual(sums);
  });

  test(`sort keeps the smallest, in any order of arrival (seed ${seed})`, () => {
    const random = seeded(seed);
    const bench = new Bench(
      `${S}@info(name='q') from S#window.sort(3, v) select v insert all events into Out;`,
    )
      .watchQuery("q")
      .start();
    const kept: number[] = [];
    for (let i = 0; i < 60; i++) {
      const v = below(random, 1000);
      kept.push(v);
      bench.send("S", [i, v, 0]);
      if (random() < 0.2) bench.evict();
      if (kept.length <= 3) continue;
      kept.sort((a, b) => a - b);
      expect(bench.expired.q?.at(-1)).toEqual([kept.pop()]);
    }
  });

  test(`session expires each run of events as a whole (seed ${seed})`, () => {
    const random = seeded(seed);
    const bench = new Bench(
      `${S}@info(name='q') from S#window.session(1 sec) select id insert expired events into Out;`,
    )
      .watch("Out")
      .start();
    for (let i = 0; i < 40; i++) {
      bench.send("S", [i, 0, 0]);
      if (random() < 0.2) bench.evict();
      const seen = bench.rows.Out?.length ?? 0;
      const gap = below(random, 3) * 600;
      bench.advance(gap);
      expect(bench.rows.Out?.length).toBe(gap > 1000 ? i + 1 : seen);
    }
    expect(bench.rows.Out?.map((r) => r[0])).toEqual(bench.rows.Out?.map((_, i) => i));
  });
}

test("delay holds each event back by its time", () => {
  const bench = new Bench(`${S}from S#window.delay(1 sec) select id insert into Out;`).watch("Out").start();
  bench.send("S", [1, 0, 0]).advance(600).send("S", [2, 0, 0]).evict().advance(400);
  expect(bench.rows.Out).toEqual([[1]]);
  expect(bench.advance(600).rows.Out).toEqual([[1], [2]]);
});

test("hopping sends overlapping batches", () => {
  const bench = new Bench(`${S}from S#window.hopping(2 sec, 1 sec) select sum(v) as total insert into Out;`)
    .watch("Out")
    .start();
  bench
    .send("S", [1, 1, 0])
    .advance(500)
    .send("S", [2, 10, 0])
    .advance(1000)
    .send("S", [3, 100, 0])
    .evict()
    .advance(3000);
  expect(bench.rows.Out).toEqual([[11], [110], [100]]);
});

test("batch takes each chunk as a batch, frequent and lossyFrequent pass the frequent", () => {
  const bench = new Bench(`${S}from S#window.batch() select sum(v) as total insert into Out;`)
    .watch("Out")
    .start();
  bench.app.sendBatch("S", [{ row: [1, 1, 0] }, { row: [2, 2, 0] }]);
  bench.app.sendBatch("S", [{ row: [3, 5, 0] }]);
  expect(bench.rows.Out).toEqual([[3], [5]]);
  const often = new Bench(
    "define stream S (k string); from S#window.frequent(1, k) select k insert into Out;",
  )
    .watch("Out")
    .start();
  often.send("S", ["a"], ["a"], ["b"], ["a"]).evict().send("S", ["c"]);
  expect(often.rows.Out).toEqual([["a"], ["a"], ["a"]]);
});

test("cron fires at its times in UTC", () => {
  const at = (text: string, after: string) =>
    new Date(new CronExpression(text).next(Date.parse(after)) ?? 0).toISOString();
  expect(at("*/5 * * * * ?", "2023-11-14T22:13:20Z")).toBe("2023-11-14T22:13:25.000Z");
  expect(at("0 0 12 * * ?", "2023-11-14T22:13:20Z")).toBe("2023-11-15T12:00:00.000Z");
  expect(at("0 15 10 ? * MON-FRI", "2023-11-17T22:00:00Z")).toBe("2023-11-20T10:15:00.000Z");
  expect(at("0 0 0 L * ?", "2024-02-10T00:00:00Z")).toBe("2024-02-29T00:00:00.000Z");
  expect(at("0 0 9 ? * 6#3", "2023-11-01T00:00:00Z")).toBe("2023-11-17T09:00:00.000Z");
  expect(() => new CronExpression("* * *")).toThrow(expect.objectContaining({ code: "WRONG_PARAMETERS" }));
});

test("a named window feeds queries and joins", () => {
  const bench = new Bench(
    "define stream S (k string, v int); define stream Q (k string); define window W (k string, v int) length(2) output all events;" +
      "from S select k, v insert into W; @info(name='q') from W select k, sum(v) as total insert into Sums;" +
      "from Q join W on Q.k == W.k select W.k as k, W.v as v insert into Found;",
  )
    .watch("Sums", "Found")
    .start();
  bench.send("S", ["a", 1], ["a", 2]).evict().send("S", ["b", 4]).send("Q", ["a"]);
  expect(bench.rows.Sums?.map((r) => r[1])).toEqual([1, 3, 6]);
  expect(bench.rows.Found).toEqual([["a", 2]]);
});
