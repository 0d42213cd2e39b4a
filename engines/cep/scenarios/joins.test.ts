import { describe } from "vitest";
import { type Row, refuses, type Step, scenario } from "./scenario.ts";

const S = "define stream L (id string, v int); define stream R (id string, w int); ";
const join = (what: string, on = "on L.id == R.id") =>
  `${S}@info(name='q') from ${what} ${on} select L.id as l, v, R.id as r, w insert all events into Out;`;
const steps: Step[] = [
  ["L", "a", 1],
  ["R", "a", 10],
  ["L", "b", 2],
  ["R", "c", 30],
  ["L", "a", 3],
];

describe("joins of windows", () => {
  const current = (name: string, what: string, rows: Row[]) =>
    scenario(
      name,
      `${S}from ${what} on L.id == R.id select L.id as l, v, R.id as r, w insert into Out;`,
      steps,
      { Out: rows },
    );
  const both = (kind: string) => `L#window.length(3) ${kind} R#window.length(2)`;
  const inner: Row[] = [
    ["a", 1, "a", 10],
    ["a", 3, "a", 10],
  ];
  current("join", both("join"), inner);
  current("inner join", both("inner join"), inner);
  current("left outer join", both("left outer join"), [
    ["a", 1, null, null],
    ["a", 1, "a", 10],
    ["b", 2, null, null],
    ["a", 3, "a", 10],
  ]);
  current("right outer join", both("right outer join"), [
    ["a", 1, "a", 10],
    [null, null, "c", 30],
    ["a", 3, "a", 10],
  ]);
  current("full outer join", both("full outer join"), [
    ["a", 1, null, null],
    ["a", 1, "a", 10],
    ["b", 2, null, null],
    [null, null, "c", 30],
    ["a", 3, "a", 10],
  ]);
  current("only the left side triggers", "L#window.length(3) unidirectional join R#window.length(2)", [
    ["a", 3, "a", 10],
  ]);
  current("only the right side triggers", "L#window.length(3) join R#window.length(2) unidirectional", [
    ["a", 1, "a", 10],
  ]);
  current("a stream without a window is not kept", "L left outer join R#window.length(2)", [
    ["a", 1, null, null],
    ["b", 2, null, null],
    ["a", 3, "a", 10],
  ]);
  scenario(
    "what leaves a window leaves the join",
    join("L#window.length(1) join R#window.length(5)"),
    [
      ["R", "a", 10],
      ["L", "a", 1],
      ["L", "b", 2],
    ],
    {
      "query:q": [
        ["a", 1, "a", 10],
        ["expired", "a", 1, "a", 10],
      ],
    },
  );
  scenario(
    "without a condition all meet all",
    join("L#window.length(2) join R#window.length(2)", ""),
    [
      ["L", "a", 1],
      ["L", "b", 2],
      ["R", "c", 3],
    ],
    {
      Out: [
        ["a", 1, "c", 3],
        ["b", 2, "c", 3],
      ],
    },
  );
});

describe("joins of tables and named windows", () => {
  scenario(
    "a table, outer",
    `${S}define table T (id string, name string); from R select id, 'known' as name insert into T; from L left outer join T on T.id == L.id select v, name insert into Out;`,
    [
      ["R", "a", 1],
      ["L", "a", 5],
      ["L", "b", 6],
    ],
    {
      Out: [
        [5, "known"],
        [6, null],
      ],
    },
  );
  scenario(
    "a named window with itself",
    "define stream S (id string, v int); define window W (id string, v int) length(3); from S insert into W; from W as x join W as y on x.v > y.v select x.v as high, y.v as low insert into Out;",
    [
      ["S", "a", 1],
      ["S", "a", 2],
      ["S", "a", 3],
    ],
    {
      Out: [
        [2, 1],
        [3, 1],
        [3, 2],
      ],
    },
  );
});

describe("chains of joins", () => {
  scenario(
    "a path through a table, joined again and again",
    `define stream R (a string, b string); define stream L (a string, b string, t int); define table T (a string, b string, t int);
     from L insert into T;
     from R join T on T.a == R.a select T.b as b, T.t as t, R.b as goal insert into Way;
     from Way join T on Way.b == T.a select T.b as b, Way.t + T.t as t, Way.goal as goal insert into Way;
     from Way[b == goal] select t insert into Out;`,
    [
      ["L", "a", "b", 10],
      ["L", "b", "c", 20],
      ["L", "c", "d", 30],
      ["R", "a", "d"],
      ["R", "b", "c"],
    ],
    { Out: [[60], [20]] },
  );
  scenario(
    "without a window nothing is counted twice, with one the old event leaves the count",
    `define stream D (id int); define table T (id int); define stream I (id int); from I insert into T; from D delete T on T.id == id;
     from D select id insert into C;
     @info(name = 'none') from C#window.length(0) as c join T as d select count() as n insert into A;
     @info(name = 'one') from C#window.length(1) as c join T as d select count() as n insert into B;`,
    [
      ["I", 1],
      ["I", 2],
      ["I", 3],
      ["I", 4],
      ["C", 1],
      ["D", 1],
    ],
    { "query:none": [[4], [3]], "query:one": [[4], [4]] },
  );
});

refuses(
  "a join",
  `${S}from L#window.length(1) outer join R#window.length(1) on L.id == R.id select v insert into Out;`,
  `${S}from L#window.length(1) full outer join R#window.length(1) on L.id == R.id select * insert into Out;`,
  `${S}from L#window.length(1) join R#window.length(1) on L.id == R.w select v insert into Out;`,
  `${S}from L#window.length(1) join R#window.length(1) on v select v insert into Out;`,
  `${S}from L#window.length(1) join R#window.length(1) on L.id == X.id select v insert into Out;`,
  `${S}from L#window.length(1) join R#window.length(1) select id insert into Out;`,
  `${S}from L#window.length(1) unidirectional join R#window.length(1) unidirectional select v insert into Out;`,
);
