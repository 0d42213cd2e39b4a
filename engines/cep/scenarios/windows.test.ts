import { describe } from "vitest";
import { type Row, refuses, START, type Step, scenario } from "./scenario.ts";

const left = (...rows: Row[]): Row[] => rows.map((row) => ["expired", ...row]);
const single = (...values: unknown[]): Row[] => values.map((v) => [v]);

describe("timeLength", () => {
  const S = "define stream S (id string, v int); @info(name = 'q') ";
  const every = (ms: number, count: number): Step[] =>
    Array.from({ length: count }, (_, i): Step[] => [["S", `e${i + 1}`, 1], ms]).flat();
  scenario(
    "the length is full before the time is over",
    `${S}from S#window.timeLength(10 sec, 2) select id insert all events into Out;`,
    every(500, 4),
    { "query:q": [...single("e1", "e2"), ["e3"], ...left(["e1"]), ["e4"], ...left(["e2"])] },
  );
  scenario(
    "the time is over before the length is full",
    `${S}from S#window.timeLength(1 sec, 9) select id, sum(v) as n insert all events into Out;`,
    [...every(600, 3), 2000],
    {
      "query:q": [["e1", 1], ["e2", 2], ...left(["e1", 1]), ["e3", 2], ...left(["e2", 1], ["e3", null])],
    },
  );
});

describe("sort", () => {
  const S = "define stream S (k string, p int, v long); @info(name = 'q') ";
  const rows = (...values: [number, number][]): Step[] => values.map(([p, v]) => ["S", "a", p, v]);
  scenario(
    "keeps the smallest",
    `${S}from S#window.sort(2, v, 'asc') select v insert all events into Out;`,
    rows([1, 10], [1, 30], [1, 20], [1, 2]),
    { "query:q": [...single(10, 30, 20), ...left([30]), [2], ...left([20])] },
  );
  scenario(
    "equal by the first, the second tells",
    `${S}from S#window.sort(2, v, 'asc', p, 'desc') select p, v insert all events into Out;`,
    rows([50, 100], [20, 100], [40, 50]),
    { "query:q": [[50, 100], [20, 100], [40, 50], ...left([20, 100])] },
  );
  scenario(
    "joins with what it keeps",
    `define stream A (k string, i int); define stream B (id int, k string); @info(name = 'q')
     from A#window.sort(2, i) join B#window.sort(2, id) on A.k == B.k select A.i as i, B.id as id insert into Out;`,
    [
      ["A", "w", 100],
      ["A", "i", 101],
      ["B", 10, "w"],
      ["B", 15, "w"],
      ["A", "i", 90],
      ["B", 5, "i"],
    ],
    {
      "query:q": [
        [100, 10],
        [100, 15],
        [90, 5],
      ],
    },
  );
  refuses(
    "a sort window without a whole length, an attribute and a known order",
    ...[
      "sort(2.5)",
      "sort(2, 8)",
      "sort(2, v, 'up')",
      "sort(2)",
      "sort('2', v)",
      "sort(2, v, 'asc', 'desc')",
    ].map((w) => `${S}from S#window.${w} select k insert into Out;`),
  );
});

describe("session", () => {
  const S = "define stream S (u string, n int); @info(name = 'q') ";
  const at = (ms: number, n: number): Step => ({ at: START + ms, send: ["S", "a", n] });
  const app = (w: string) => `${S}from S#window.session(${w}) select n insert all events into Out;`;
  const gone = (...n: number[]) => left(...single(...n));
  scenario(
    "keys have sessions of their own, and leave in the order of their ends",
    app("1 sec, u"),
    [["S", "a", 1], 10, ["S", "b", 2], ["S", "b", 3], 500, ["S", "a", 4], 3000],
    { "query:q": [...single(1, 2, 3, 4), ...gone(2, 3, 1, 4)] },
  );
  scenario(
    "a late event enters the session it is near enough to, and else none",
    app("2 sec, u"),
    [at(0, 1), at(10, 2), at(-1000, 3), at(-3500, 4), 5000],
    { "query:q": [...single(1, 2, 3), ...gone(3, 1, 2)] },
  );
  scenario(
    "with a latency late events also enter the session before, and may join the two",
    app("2 sec, u, 1 sec"),
    [at(0, 1), at(10, 2), 2030, at(2030, 3), at(1930, 4), at(-470, 5), at(-370, 6), at(-3170, 7), 8000],
    { "query:q": [...single(1, 2, 3, 4, 5, 6), ...gone(4, 1, 2, 5, 3, 6)] },
  );
  refuses(
    "a session without a constant gap, a text key and a constant latency",
    ...[
      "session('4')",
      "session(n)",
      "session(5 sec, n)",
      "session(5 sec, 'x')",
      "session(5 sec, 2 sec)",
    ].map(app),
    ...["session(5 sec, u, n)", "session(5 sec, u, 6 sec)"].map(app),
  );
});
