import { expect, test } from "vitest";
import { Bench } from "./testing.ts";

const S = "define stream S (k string, v int); ";

test("a window, a table and a pattern stop growing at the limit, and say so", () => {
  for (const query of [
    "from S#window.time(1 hour) select k insert into Out;",
    "define table T (k string, v int); from S insert into T;",
    "from S#window.session(1 hour, k) select k insert into Out;",
    "from S#window.lengthBatch(1000) select k insert into Out;",
    "from S#window.expressionBatch('count() < 1000') select k insert into Out;",
    "from every e1=S -> e2=S[v < 0] select e1.k as k insert into Out;",
    "from S select k output all every 1 hour insert into Out;",
    "from S select v group by v output last every 1 hour insert into Out;",
    "from S select v group by v output snapshot every 1 hour insert all events into Out;",
    "from S#timeseries:regress(1, 1000, 0.95, v, v) select beta0 insert into Out;",
    "from S#streamingml:kMeansMiniBatch(2, 10, 1000, v) select k insert into Out;",
  ]) {
    const bench = new Bench(`${query.startsWith("define") ? query.replace("from", `${S}from`) : S + query}`, {
      limits: { maxRows: 10 },
    }).start();
    for (let i = 0; i < 30; i++) bench.send("S", ["a", i]);
    expect(bench.app.metrics().rows, query).toBeLessThanOrEqual(10);
    expect(bench.errors[0], query).toMatchObject({ code: "LIMIT" });
    expect(bench.evict().app.metrics().rows).toBeLessThanOrEqual(10);
  }
});

test("a full sliding window goes on, and what it passed stays right", () => {
  const bench = new Bench(`${S} from S#window.length(5) select sum(v) as total insert into Out;`, {
    limits: { maxRows: 5 },
  })
    .watch("Out")
    .start();
  for (let i = 1; i <= 7; i++) bench.send("S", ["a", i]);
  expect(bench.errors).toEqual([]);
  expect(bench.rows.Out?.at(-1)).toEqual([25]);
});

test("a chunk that goes beyond the limit passes what was kept before", () => {
  const bench = new Bench(
    `${S} from S#window.time(1 sec) select sum(v) as total insert all events into Out;`,
    { limits: { maxRows: 2 } },
  )
    .watch("Out")
    .start();
  bench.app.sendBatch("S", [{ row: ["a", 1] }, { row: ["a", 2] }, { row: ["a", 4] }]);
  expect(bench.errors).toHaveLength(1);
  bench.advance(2000).send("S", ["a", 8]);
  expect(bench.rows.Out?.at(-1)).toEqual([8]);
});

test("partition keys have a limit, and a purged key gives its rows back", () => {
  const bench = new Bench(
    `${S} @purge(enable='true', interval='1 sec', idle.period='1 sec') partition with (k of S) begin from S#window.length(5) select k insert into Out; end;`,
    { limits: { maxPartitionKeys: 2 } },
  ).start();
  bench.send("S", ["a", 1], ["b", 1], ["c", 1]);
  expect(bench.errors).toEqual([expect.objectContaining({ code: "LIMIT" })]);
  expect(bench.app.metrics().rows).toBe(2);
  bench.advance(5000).send("S", ["c", 1]);
  expect(bench.app.metrics().rows).toBe(1);
  expect(bench.app.metrics().partitions[0]?.keys).toEqual([{ key: "c", rows: 1, matches: 0 }]);
});

test("a limit comes out of the fault stream", () => {
  const bench = new Bench(
    "@OnError(action='stream') define stream S (k string, v int); from S#window.time(1 hour) select k insert into Out; from !S select k, v insert into Refused;",
    { limits: { maxRows: 1 } },
  )
    .watch("Refused")
    .start();
  bench.send("S", ["a", 1], ["b", 2]);
  expect(bench.rows.Refused).toEqual([["b", 2]]);
});

test("memory is told by query, table and partition key", () => {
  const bench = new Bench(
    `${S} define table T (k string, v int); @info(name='w') from S#window.length(100) select k insert into Out; from S insert into T; @info(name='p') partition with (k of S) begin from S#window.length(100) select k insert into Out2; end;`,
  ).start();
  bench.send("S", ["a", 1], ["b", 1]);
  const before = bench.app.memory();
  for (let i = 0; i < 50; i++) bench.send("S", ["a", i]);
  const after = bench.app.memory();
  for (const name of ["w", "T", "p/a"]) expect(after[name], name).toBeGreaterThan((before[name] ?? 0) + 300);
  expect(after["p/b"]).toBe(before["p/b"]);
});

test("what a query remembers of groups that are gone goes too", () => {
  for (const query of [
    "from S#window.length(5) select k, sum(v) as t group by k insert into O;",
    "from S#window.session(1 sec, k) select k, sum(v) as t group by k insert into O;",
    "from S select k, v group by k output first every 1 sec insert into O;",
    "from S#window.length(5) select k, sum(v) as t group by k output snapshot every 1 sec insert all events into O;",
    "from every e1=S -> e2=S[k == e1.k and v > e1.v] within 1 sec select e1.k as k insert into O;",
  ]) {
    const bench = new Bench(S + query).start();
    const grow = (from: number) => {
      for (let i = from; i < from + 500; i++) bench.advance(100).send("S", [`key${1000 + i}`, 1]);
      return bench.app.snapshot().length;
    };
    const first = grow(0);
    grow(500);
    expect(grow(1000), query).toBeLessThan(first + 1500);
  }
});
