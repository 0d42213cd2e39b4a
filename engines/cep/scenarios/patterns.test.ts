import { describe } from "vitest";
import { type Row, refuses, type Step, scenario } from "./scenario.ts";

const S =
  "define stream A (id string, v int); define stream B (id string, v int); define stream C (id string, v int); ";

/** `from … select …` over streams A, B and C; an event is its stream and v, or stream, v and id. */
function matches(
  query: string,
  events: readonly (number | readonly [string, number, string?])[],
  rows: Row[],
): void {
  const steps = events.map(
    (e): Step => (typeof e === "number" ? e : ([e[0], e[2] ?? "x", e[1]] satisfies Step)),
  );
  scenario(query, `${S}@info(name = 'q') from ${query} insert into Out;`, steps, { Out: rows });
}
const all = (stream: string, values: number[]) => values.map((v) => [stream, v] as const);

describe("and, or", () => {
  matches(
    "e1=A[v > 20] or e2=B[v > 30] -> e3=B[id == 'b'] select e1.v as a, e2.v as b, e3.v as c",
    [["B", 72], 100, ["B", 4, "b"], ["A", 30], ["B", 5, "b"]],
    [[null, 72, 4]],
  );
  matches(
    "every e1=A -> e2=B[id == 'b'] and e3=C select e1.v as a, e2.v as b, e3.v as c",
    [
      ["A", 25],
      ["A", 59],
      ["C", 46],
      ["B", 1],
      ["B", 45, "b"],
    ],
    [
      [25, 45, 46],
      [59, 45, 46],
    ],
  );
  matches(
    "every e1=A -> e2=B or e3=C select e1.v as a, e2.v as b, e3.v as c",
    [
      ["A", 25],
      ["A", 59],
      ["B", 45],
      ["C", 46],
      ["A", 60],
      ["C", 47],
    ],
    [
      [25, 45, null],
      [59, 45, null],
      [60, null, 47],
    ],
  );
  const pairs = [
    ["A", 25],
    ["B", 35],
    ["A", 45],
    ["B", 55],
  ] as const;
  matches("e1=A and e2=B select e1.v as a, e2.v as b", pairs, [[25, 35]]);
  matches("every (e1=A and e2=B) select e1.v as a, e2.v as b", pairs, [
    [25, 35],
    [45, 55],
  ]);
  matches("e1=A or e2=B select e1.v as a, e2.v as b", pairs, [[25, null]]);
  matches("every (e1=A or e2=B) select e1.v as a, e2.v as b", pairs, [
    [25, null],
    [null, 35],
    [45, null],
    [null, 55],
  ]);
});

describe("every and groups", () => {
  matches(
    "every (e1=A[v > 20] -> e2=B[v > e1.v] or e3=B[id == 'b']) -> e4=B[v > e1.v] select e1.v as a, e2.v as b, e3.v as c, e4.v as d",
    [
      ["A", 556],
      ["B", 557],
      ["B", 550],
      ["A", 540],
      ["B", 577, "b"],
      ["B", 597, "b"],
    ],
    [
      [556, 557, null, 577],
      [540, 577, null, 597],
    ],
  );
  matches(
    "e1=A -> every e2=B select e1.v as a, e2.v as b",
    [
      ["A", 1],
      ["B", 2],
      ["B", 3],
      ["A", 4],
      ["B", 5],
    ],
    [
      [1, 2],
      [1, 3],
      [1, 5],
    ],
  );
  matches(
    "every e1=A -> every e2=B select e1.v as a, e2.v as b",
    [
      ["A", 1],
      ["B", 2],
      ["A", 3],
      ["B", 4],
    ],
    [
      [1, 2],
      [1, 4],
      [3, 4],
    ],
  );
  matches(
    "every (e1=A -> e2=A[id == e1.id] -> e3=A[id == e2.id]) within 5 sec select e1.v as a, e2.v as b, e3.v as c",
    [...all("A", [100, 150]), 6000, ["A", 200], 500, ...all("A", [250, 300, 350])],
    [[200, 250, 300]],
  );
  for (const query of [
    "every e1=A -> e2=B within 1 sec",
    "(every e1=A -> e2=B) within 1 sec",
    "every (e1=A -> e2=B) within 1 sec",
  ])
    matches(
      `${query} select e1.v as a, e2.v as b`,
      [["A", 1], 1500, ["A", 2], 500, ["B", 3], 500, ["B", 4]],
      [[2, 3]],
    );
  matches(
    "(every (e1=A -> e3=A) -> e2=B[v > e1.v]) within 2 sec select e1.v as a, e3.v as b, e2.v as c",
    [["A", 55], 600, ["A", 54], 600, ["A", 53], 900, ["A", 52], 600, ["B", 57]],
    [[53, 52, 57]],
  );
});

describe("counts", () => {
  matches(
    "every (e1=A -> e2=A<1:2>) -> e3=A[v > e1.v] select e1.v as a, e2[0].v as b, e2[1].v as c, e3.v as d",
    all("A", [55, 54, 53, 57]),
    [[55, 54, 53, 57]],
  );
  matches(
    "every e1=A[v >= 50] -> e2=B[v <= 40]<2:> -> e3=B[id == 'end'] select e1.v as a, e2[0].v as b, e2[last].v as c, e3.v as d",
    [
      ["A", 51],
      ["B", 1],
      ["B", 2],
      ["B", 30, "end"],
      ["A", 52],
      ["B", 3],
      ["B", 90, "end"],
      ["B", 4],
      ["B", 91, "end"],
    ],
    [
      [51, 1, 2, 30],
      [52, 3, 4, 91],
    ],
  );
  matches(
    "e1=A<3> -> e2=B select e1[0].v as a, e1[2].v as b, e1[3].v as c, e2.v as d",
    [...all("A", [1, 2, 3, 4]), ["B", 5]],
    [[1, 3, null, 5]],
  );
  matches(
    "e1=A -> e2=B<0:1> -> e3=C select e1.v as a, e2[0].v as b, e3.v as c",
    [
      ["A", 1],
      ["C", 2],
    ],
    [[1, null, 2]],
  );
  matches("e1=A<:5> -> e2=B select e1[0].v as a, e1[last].v as b, e2.v as c", [["B", 1]], [[null, null, 1]]);
  matches(
    "every e1=A<2:4> -> e2=B[v > e1[last].v] select e1[last].v as a, e1[last-1].v as b, e2.v as c",
    [
      ["A", 1],
      ["A", 2],
      ["B", 2],
      ["B", 3],
    ],
    [[2, 1, 3]],
  );
});

describe("sequences", () => {
  const run = [295, 250, 355, 255, 575, 585, 475, 275, 495, 455];
  matches(
    "every e1=A[e1[last].v is null or e1[last].v <= v]*, e2=A[v < e1[last].v] select e1.v as rising, e2.v as fall",
    all("A", run),
    [
      [[295], 250],
      [[250, 355], 255],
      [[255, 575, 585], 475],
      [[475], 275],
      [[275, 495], 455],
    ],
  );
  matches(
    "every e1=A, e2=A[ifThenElse(e2[last].v is null, e1.v <= v, e2[last].v <= v)]+, e3=A[e2[last].v > v] select e1.v as low, e2[last].v as peak, e3.v as fall",
    all("A", [295, 250, 156, 255, 575, 585, 475, 275, 495, 455, 375, 335, 276, 497, 457]),
    [
      [156, 585, 475],
      [275, 495, 455],
      [276, 497, 457],
    ],
  );
  matches(
    "every e1=A, e2=A[(e2[last].v is null and v >= e1.v) or (not (e2[last].v is null) and v >= e2[last].v)]+, e3=A[v < e2[last].v and v > e2[last-1].v] select e1.v as a, e2[0].v as b, e2[last-2].v as c, e2[last-20].v as d, e3.v as e",
    all("A", [295, 250, 355, 455, 575, 585, 577, 455]),
    [[250, 355, 455, null, 577]],
  );
  matches(
    "every e1=A, e2=A[v > e1.v]?, e3=B select e1.v as a, e2[0].v as b, e3.v as c",
    [
      ["A", 30],
      ["B", 11],
      ["A", 30],
      ["A", 40],
      ["B", 12],
    ],
    [
      [30, null, 11],
      [30, 40, 12],
    ],
  );
  matches(
    "every e1=A, e2=B select e1.v as a, e2.v as b",
    [
      ["A", 55],
      ["A", 57],
      ["B", 65],
      ["B", 66],
    ],
    [[57, 65]],
  );
  matches(
    "e1=A, e2=B select e1.v as a, e2.v as b",
    [
      ["A", 55],
      ["B", 65],
      ["A", 57],
      ["B", 66],
    ],
    [[55, 65]],
  );
  matches(
    "every e1=A, e2=B within 1 sec select e1.v as a, e2.v as b",
    [["A", 55], 1500, ["B", 65], ["A", 57], 500, ["B", 75]],
    [[57, 75]],
  );
  matches(
    "every e1=A, e2=B and e3=C select e1.v as a, e2.v as b, e3.v as c",
    [
      ["A", 1],
      ["C", 2],
      ["B", 3],
    ],
    [[1, 3, 2]],
  );
});

describe("aggregates over matches", () => {
  matches(
    "every e1=A<2> -> e2=B select sum(e1[0].v) as total, count() as n",
    [
      ["A", 1],
      ["A", 2],
      ["B", 2],
      ["A", 5],
      ["A", 6],
      ["B", 3],
    ],
    [
      [1, 1],
      [6, 2],
    ],
  );
});

refuses(
  "a pattern",
  ...[
    "e1=A -> not B",
    "not A -> e2=B",
    "every e1=A, every e2=B",
    "e1=A -> e2=B, e3=C",
    "e1=A<> -> e2=B",
    "e1=A<-1> -> e2=B",
    "e1=A* -> e2=B",
    "e1=A and e2=B and e3=C",
    "e1=A -> not e2=B for 1 sec",
    "e1=A#window.length(3) -> e2=B",
  ].map((pattern) => `${S}from ${pattern} select 1 as x insert into Out;`),
  `${S}from e1=A -> e2=B select e9.v as x insert into Out;`,
);
