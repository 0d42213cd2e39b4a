import { describe, expect, test } from "vitest";
import { below, seeded } from "../../testing/random.ts";
import { Bench } from "../testing.ts";

const BASE = Date.UTC(2024, 1, 28, 22, 0, 0);
const APP = `define stream S (k string, v double, ts long);
define aggregation G from S select k, sum(v) as total, avg(v) as mean, min(v) as lo, max(v) as hi, count() as n group by k aggregate by ts every sec ... year;`;

const SIZES = { seconds: 1000, minutes: 60_000, hours: 3_600_000, days: 86_400_000 } as const;

function ask(bench: Bench, text: string): unknown[][] {
  return bench.app.query(text).rows?.map((r) => [...r]) ?? [];
}

describe.each(Object.entries(SIZES))("per %s", (per, size) => {
  for (let seed = 1; seed <= 3; seed++) {
    test(`agrees with adding up by hand, out of order too (seed ${seed})`, () => {
      const random = seeded(seed);
      const bench = new Bench(APP).start();
      const buckets = new Map<string, { at: number; k: string; vs: number[] }>();
      for (let i = 0; i < 120; i++) {
        const ts = BASE + below(random, 5 * size);
        const k = ["x", "y"][below(random, 2)] ?? "x";
        const v = below(random, 400) / 4;
        bench.send("S", [k, v, ts]);
        if (i % 40 === 20) bench.evict();
        const at = Math.floor(ts / size) * size;
        const bucket = buckets.get(`${at}${k}`) ?? { at, k, vs: [] };
        bucket.vs.push(v);
        buckets.set(`${at}${k}`, bucket);
      }
      const wanted = [...buckets.values()]
        .sort((a, b) => a.at - b.at || (a.k < b.k ? -1 : 1))
        .map(({ at, k, vs }) => {
          const total = vs.reduce((a, b) => a + b, 0);
          return [at, k, total, total / vs.length, Math.min(...vs), Math.max(...vs), vs.length];
        });
      const found = ask(
        bench,
        `from G within ${BASE - 86_400_000 * 2}L, ${BASE + 86_400_000 * 9}L per '${per}' select AGG_TIMESTAMP as at, k, total, mean, lo, hi, n order by at, k`,
      );
      expect(found.map((r) => r.map((x) => (typeof x === "bigint" ? Number(x) : x)))).toEqual(wanted);
    });
  }
});

test("months and years begin where the calendar says", () => {
  const bench = new Bench(APP).start();
  for (const at of ["2024-02-29T23:59:59Z", "2024-03-01T00:00:00Z", "2025-01-01T00:00:00Z"])
    bench.send("S", ["x", 1, Date.parse(at)]);
  const starts = (per: string) =>
    ask(bench, `from G within '20**-**-** **:**:**' per '${per}' select AGG_TIMESTAMP as at order by at`).map(
      (r) => new Date(Number(r[0])).toISOString().slice(0, 10),
    );
  expect(() => starts("months")).toThrow(expect.objectContaining({ name: "CepError" }));
  const all = (per: string) =>
    ask(bench, `from G within 0L, 9000000000000L per '${per}' select AGG_TIMESTAMP as at order by at`).map(
      (r) => new Date(Number(r[0])).toISOString().slice(0, 10),
    );
  expect(all("months")).toEqual(["2024-02-01", "2024-03-01", "2025-01-01"]);
  expect(all("years")).toEqual(["2024-01-01", "2025-01-01"]);
});

test("a pattern of time picks a day", () => {
  const bench = new Bench(APP).start();
  for (const at of ["2024-02-28T10:00:00Z", "2024-02-29T10:00:00Z", "2024-02-29T11:00:00Z"])
    bench.send("S", ["x", 2, Date.parse(at)]);
  expect(ask(bench, "from G within '2024-02-29 **:**:**' per 'hours' select k, total, n")).toEqual([
    ["x", 2, 1],
    ["x", 2, 1],
  ]);
});

test("old buckets are purged", () => {
  const bench = new Bench(
    "define stream S (k string, v double); @purge(enable='true', interval='10 sec', @retentionPeriod(sec='120 sec', min='24 hours')) define aggregation G from S select k, sum(v) as total group by k aggregate every sec ... min;",
  ).start();
  bench.send("S", ["x", 1]);
  const before = bench.app.metrics().rows;
  for (let i = 0; i < 40; i++) bench.advance(10_000).send("S", ["x", 1]);
  expect(
    ask(bench, "from G within 0L, 9000000000000L per 'seconds' select total").length,
  ).toBeLessThanOrEqual(14);
  expect(
    ask(bench, "from G within 0L, 9000000000000L per 'minutes' select total").length,
  ).toBeGreaterThanOrEqual(7);
  expect(bench.evict().app.metrics().rows).toBeLessThan(before + 40);
});
