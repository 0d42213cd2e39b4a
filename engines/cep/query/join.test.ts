import { describe, expect, test } from "vitest";
import { below, seeded } from "../../testing/random.ts";
import { Bench } from "../testing.ts";

const S = "define stream A (k int, v int); define stream B (k int, v int); ";

interface Side {
  readonly k: number;
  readonly v: number;
}

/** What a join of two length windows puts out, worked out by hand. */
function naive(
  kind: string,
  events: readonly { side: "A" | "B"; k: number; v: number }[],
  length: number,
  triggers: "both" | "A",
): unknown[][] {
  const held: Record<"A" | "B", Side[]> = { A: [], B: [] };
  const out: unknown[][] = [];
  for (const { side, k, v } of events) {
    const other = side === "A" ? "B" : "A";
    if (triggers === "both" || side === "A") {
      const found = held[other].filter((o) => o.k === k);
      for (const o of found) out.push(side === "A" ? [v, o.v] : [o.v, v]);
      const keepsAlone =
        kind === "full" || (kind === "left" && side === "A") || (kind === "right" && side === "B");
      if (found.length === 0 && keepsAlone) out.push(side === "A" ? [v, null] : [null, v]);
    }
    held[side].push({ k, v });
    if (held[side].length > length) held[side].shift();
  }
  return out;
}

describe.each(["inner", "left", "right", "full"])("%s join", (kind) => {
  for (let seed = 1; seed <= 4; seed++) {
    test(`agrees with a nested loop (seed ${seed})`, () => {
      const random = seeded(seed);
      const events = Array.from({ length: 60 }, (_, v) => ({
        side: random() < 0.5 ? ("A" as const) : ("B" as const),
        k: below(random, 5),
        v,
      }));
      const words = kind === "inner" ? "join" : `${kind} outer join`;
      for (const triggers of ["both", "A"] as const) {
        if (triggers === "A" && kind !== "inner" && kind !== "left") continue;
        const bench = new Bench(
          `${S}from A#window.length(6) ${triggers === "A" ? "unidirectional " : ""}${words} B#window.length(6) on A.k == B.k select A.v as a, B.v as b insert into Out;`,
        )
          .watch("Out")
          .start();
        for (const [i, { side, k, v }] of events.entries()) {
          bench.send(side, [k, v]);
          if (i % 13 === 12) bench.evict();
        }
        expect(bench.rows.Out).toEqual(naive(kind, events, 6, triggers));
      }
    });
  }
});

test("a join with a range condition and a group adds up both sides", () => {
  const bench = new Bench(
    `${S}from A#window.length(3) as a join B#window.length(3) as b on a.v > b.v select a.k as k, sum(b.v) as total group by a.k insert into Out;`,
  )
    .watch("Out")
    .start();
  bench.send("B", [1, 1], [1, 5], [1, 9]).send("A", [7, 6]);
  expect(bench.rows.Out).toEqual([[7, 6]]);
});

test("a table joins by its key and takes part in an outer join", () => {
  const bench = new Bench(
    "define stream A (k int, v int); define stream In (k int, name string); @primaryKey('k') define table T (k int, name string); from In insert into T;" +
      "from A left outer join T on A.k == T.k select A.v as v, T.name as name insert into Out;",
  )
    .watch("Out")
    .start();
  bench.send("In", [1, "one"]).evict().send("A", [1, 10], [2, 20]);
  expect(bench.rows.Out).toEqual([
    [10, "one"],
    [20, null],
  ]);
});

test("a join of an unknown attribute says where and what", () => {
  expect(
    () =>
      new Bench(
        `${S}\nfrom A#window.length(1) join B#window.length(1) on A.kk == B.k select A.v insert into Out;`,
      ),
  ).toThrow(
    expect.objectContaining({
      code: "UNKNOWN_ATTRIBUTE",
      suggestion: "k",
      position: expect.objectContaining({ line: 2, column: 52 }),
    }),
  );
});
