import { expect, test } from "vitest";
import { below, seeded } from "../../testing/random.ts";
import { Bench } from "../testing.ts";

const S = "define stream S (k string, v int); ";

for (let seed = 1; seed <= 4; seed++) {
  test(`a partition is a copy of its queries for each key (seed ${seed})`, () => {
    const random = seeded(seed);
    const events = Array.from({ length: 80 }, () => [["x", "y", "z"][below(random, 3)], below(random, 10)]);
    const inner =
      "from S#window.length(3) select k, sum(v) as total, max(v) as hi insert into Out; from every e1=S -> e2=S[v > e1.v] select e1.v as a, e2.v as b insert into Pairs;";
    const together = new Bench(`${S}partition with (k of S) begin ${inner} end;`)
      .watch("Out", "Pairs")
      .start();
    const alone = new Map<unknown, Bench>();
    const wanted: Record<"Out" | "Pairs", unknown[][]> = { Out: [], Pairs: [] };
    for (const [i, e] of events.entries()) {
      together.send("S", [...e]);
      if (i % 11 === 10) together.evict();
      const own = alone.get(e[0]) ?? new Bench(S + inner).watch("Out", "Pairs").start();
      alone.set(e[0], own);
      own.send("S", [...e]);
      for (const s of ["Out", "Pairs"] as const) wanted[s].push(...(own.rows[s]?.splice(0) ?? []));
    }
    expect(together.rows).toEqual(wanted);
  });
}

test("ranges name their partitions, and an event can be in several", () => {
  const bench = new Bench(
    `${S}partition with (v < 10 as 'small' or v < 100 as 'two digits' of S) begin from S select k, count() as n insert into Out; end;`,
  )
    .watch("Out")
    .start();
  bench.send("S", ["a", 5], ["b", 50], ["c", 500], ["d", 7]);
  expect(bench.rows.Out).toEqual([
    ["a", 1],
    ["a", 1],
    ["b", 2],
    ["d", 2],
    ["d", 3],
  ]);
});

test("an inner stream stays in its partition", () => {
  const bench = new Bench(
    `${S}partition with (k of S) begin from S select k, v * 2 as v insert into #Twice; from #Twice#window.length(2) select k, sum(v) as total insert into Out; end;`,
  )
    .watch("Out")
    .start();
  bench.send("S", ["a", 1], ["b", 10], ["a", 2]).evict().send("S", ["b", 20], ["a", 3]);
  expect(bench.rows.Out).toEqual([
    ["a", 2],
    ["b", 20],
    ["a", 6],
    ["b", 60],
    ["a", 10],
  ]);
  expect(() => new Bench(`${S}from #Twice select k insert into Out;`)).toThrow(
    expect.objectContaining({ name: "CepError" }),
  );
});

test("an idle key is purged, a used one stays", () => {
  const bench = new Bench(
    `${S}@purge(enable='true', interval='1 sec', idle.period='2 sec') partition with (k of S) begin from S select k, count() as n insert into Out; end;`,
  )
    .watch("Out")
    .start();
  bench
    .send("S", ["a", 1], ["b", 1])
    .advance(1500)
    .send("S", ["a", 1])
    .evict()
    .advance(1600)
    .send("S", ["a", 1], ["b", 1]);
  expect(bench.rows.Out).toEqual([
    ["a", 1],
    ["b", 1],
    ["a", 2],
    ["a", 3],
    ["b", 1],
  ]);
});
