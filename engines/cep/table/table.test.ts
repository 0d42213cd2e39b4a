import { expect, test } from "vitest";
import { below, seeded } from "../../testing/random.ts";
import { Bench } from "../testing.ts";

const APP = (keys: string) =>
  `define stream Put (k int, g int, v int); define stream Upd (k int, g int, v int); define stream Ups (k int, g int, v int); define stream Del (g int, v int); define stream Ask (k int, g int);
${keys} define table T (k int, g int, v int);
from Put insert into T;
from Upd update T set T.v = v, T.g = g on T.k == k;
from Ups update or insert into T set T.v = v on T.k == k;
from Del delete T on T.g == g and T.v < v;
from Ask[(T.k == k and T.g == g) in T] select k insert into Known;
from Ask join T on T.g == Ask.g select T.k as k, T.g as g, T.v as v insert into Found;`;

type Row = [number, number, number];

/** The same table as a plain list. */
class NaiveTable {
  rows: Row[] = [];
  readonly #hasKey: boolean;
  constructor(hasKey: boolean) {
    this.#hasKey = hasKey;
  }
  put(row: Row): void {
    if (!this.#hasKey || !this.rows.some((r) => r[0] === row[0])) this.rows.push([...row]);
  }
  change(k: number, change: (row: Row) => void): number {
    const found = this.rows.filter((r) => r[0] === k);
    for (const r of found) change(r);
    return found.length;
  }
}

const sorted = (rows: readonly unknown[][]): string[] => rows.map((r) => JSON.stringify(r)).sort();

for (const [name, keys] of [
  ["no key", ""],
  ["a key", "@primaryKey('k')"],
  ["a key and an index", "@primaryKey('k') @index('g')"],
  ["an index", "@index('g')"],
] as const) {
  for (let seed = 1; seed <= 4; seed++) {
    test(`a table with ${name} agrees with a list (seed ${seed})`, () => {
      const random = seeded(seed);
      const bench = new Bench(APP(keys)).watch("Known", "Found").start();
      const naive = new NaiveTable(keys.includes("primaryKey"));
      for (let i = 0; i < 150; i++) {
        const [k, g, v] = [below(random, 12), below(random, 4), below(random, 100)] as Row; // three numbers
        const what = below(random, 5);
        if (what === 0) {
          bench.send("Put", [k, g, v]);
          naive.put([k, g, v]);
        } else if (what === 1) {
          bench.send("Upd", [k, g, v]);
          naive.change(k, (r) => r.splice(1, 2, g, v));
        } else if (what === 2) {
          bench.send("Ups", [k, g, v]);
          if (naive.change(k, (r) => r.splice(2, 1, v)) === 0) naive.put([k, g, v]);
        } else if (what === 3) {
          bench.send("Del", [g, v >> 2]);
          naive.rows = naive.rows.filter((r) => r[1] !== g || r[2] >= v >> 2);
        } else {
          for (const s of ["Known", "Found"]) bench.rows[s]?.splice(0);
          bench.send("Ask", [k, g]);
          expect(bench.rows.Known).toEqual(naive.rows.some((r) => r[0] === k && r[1] === g) ? [[k]] : []);
          expect(sorted(bench.rows.Found ?? [])).toEqual(sorted(naive.rows.filter((r) => r[1] === g)));
        }
        if (i % 40 === 39) bench.evict();
      }
      expect(sorted(bench.app.query("from T select k, g, v").rows?.map((r) => [...r]) ?? [])).toEqual(
        sorted(naive.rows),
      );
    });
  }
}

test("on-demand queries find, add up, insert, update and delete", () => {
  const bench = new Bench(APP("@primaryKey('k')")).start();
  bench.send("Put", [1, 1, 10], [2, 1, 20], [3, 2, 30]);
  const rows = (text: string) => bench.app.query(text).rows?.map((r) => [...r]) ?? [];
  expect(rows("from T on v > 15 select k, v order by v desc")).toEqual([
    [3, 30],
    [2, 20],
  ]);
  expect(rows("from T select g, sum(v) as total group by g having total > 25 order by g limit 1")).toEqual([
    [1, 30],
  ]);
  bench.app.query("select 9 as k, 9 as g, 9 as v insert into T");
  bench.app.query("update T set T.v = 11 on T.k == 1");
  bench.app.query("delete T on T.k == 2");
  expect(rows("from T select k, v order by k")).toEqual([
    [1, 11],
    [3, 30],
    [9, 9],
  ]);
  expect(() => bench.app.query("from TT select k")).toThrow(expect.objectContaining({ suggestion: "T" }));
});

test("a row whose primary key is taken is dropped and reported, and the rest of the app goes on", () => {
  const bench = new Bench(
    "define stream S (k int, v int); @primaryKey('k') define table T (k int, v int); from S insert into T; from S select k insert into Seen;",
  )
    .watch("Seen")
    .start();
  expect(bench.send("S", [1, 10], [1, 20], [2, 30]).rows.Seen).toEqual([[1], [1], [2]]);
  expect(bench.errors).toMatchObject([{ code: "RUNTIME", message: expect.stringContaining("'T'") }]);
  expect(bench.app.query("from T select k, v").rows).toEqual([
    [1, 10],
    [2, 30],
  ]);
});
