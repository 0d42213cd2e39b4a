import { describe } from "vitest";
import { type Row, refuses, type Step, scenario } from "./scenario.ts";

const T =
  "define stream A (room string, temp float, n long); define stream U (room string, temp float, n long); define table T (room string, temp float, n long); from A insert into T; ";
const ROWS: Step[] = [
  ["A", "hall", 55.5, 100],
  ["A", "attic", 75.5, 100],
  ["A", "hall", 57.5, 100],
];
const holds = (...rows: Row[]): Step => ({ ask: "from T select *", rows });

describe("updates", () => {
  const update = (set: string, select = "") => `${T}from U ${select} update T ${set} on T.room == room;`;
  const change: Step = ["U", "attic", 20, 7];
  for (const [set, select, row] of [
    ["", "", ["attic", 20, 7]],
    ["set T.temp = temp, T.room = room, T.n = n", "", ["attic", 20, 7]],
    ["set T.temp = 10", "", ["attic", 10, 100]],
    ["set temp = 2.75", "", ["attic", 2.75, 100]],
    ["set T.n = 3.9", "", ["attic", 75.5, 3]],
    ["set T.temp = warmer + 100", "select temp + 1 as warmer, room", ["attic", 121, 100]],
    ["set T.temp = T.temp + temp, T.n = T.n * 2", "", ["attic", 95.5, 200]],
  ] as const)
    scenario(`update T ${set} ${select}`, update(set, select), [
      ...ROWS,
      change,
      holds(["hall", 55.5, 100], row, ["hall", 57.5, 100]),
    ]);
  refuses(
    "an update",
    update("set T.zz = 1"),
    update("set T.room = 1"),
    update("set T.temp = room"),
    `${T}define stream V (room string, n long); from V select room, n update or insert into T on T.room == room;`,
  );
  scenario("update or insert", `${T}from U update or insert into T on T.room == room;`, [
    ["A", "hall", 55.5, 100],
    ["U", "attic", 77, 200],
    ["U", "hall", 1, 300],
    holds(["hall", 1, 300], ["attic", 77, 200]),
  ]);
  scenario(
    "update or insert with set",
    `${T}from U update or insert into T set T.n = n + T.n on T.room == room;`,
    [
      ["A", "hall", 55.5, 100],
      ["U", "attic", 77, 200],
      ["U", "hall", 1, 300],
      holds(["hall", 55.5, 400], ["attic", 77, 200]),
    ],
  );
  scenario("a delete by a comparison", `${T}from U delete T on T.temp < temp;`, [
    ...ROWS,
    ["U", "", 60, 0],
    holds(["attic", 75.5, 100]),
  ]);
});

describe("looking for a row", () => {
  for (const key of ["", "@Index('n') ", "@PrimaryKey('n') "])
    for (const [op, found] of [
      ["==", [100]],
      ["!=", [100, 170, 500]],
      [">", [170, 500]],
      [">=", [100, 170, 500]],
      ["<", [100, 170]],
      ["<=", [100, 170]],
    ] as const)
      scenario(
        `n ${op} T.n, table ${key || "without a key"}`,
        `define stream A (n long); define stream Q (n long); ${key}define table T (n long); from A insert into T; from Q[(n ${op} T.n) in T] insert into Out;`,
        [
          ["A", 200],
          ["A", 150],
          ["A", 100],
          ["Q", 100],
          ["Q", 170],
          ["Q", 500],
        ],
        { Out: found.map((n) => [n]) },
      );
});

describe("on-demand queries", () => {
  scenario("read and write a table", T, [
    ["A", "hall", 55, 100],
    ["A", "attic", 75, 100],
    { ask: "select 'den' as room, 1f as temp, 5L as n insert into T;", rows: [] },
    { ask: "delete T on T.room == 'hall';", rows: [] },
    { ask: "update T set T.temp = 9f on T.room == 'attic';", rows: [] },
    {
      ask: "select 'loft' as room, 2f as temp, 6L as n update or insert into T set T.temp = temp on T.room == room;",
      rows: [],
    },
    {
      ask: "from T select room, temp order by room desc limit 2",
      rows: [
        ["loft", 2],
        ["den", 1],
      ],
    },
    { ask: "from T on temp > 1 select count() as c, sum(temp) as s", rows: [[2, 11]] },
    { refused: "from T select zz" },
    { refused: "select 1 as a insert into T" },
    { refused: "from Nowhere select *" },
    { refused: "delete T on T.zz == 1" },
  ]);
  scenario(
    "read a window",
    "define stream A (room string, n long); define window W (room string, n long) length(3); from A insert into W;",
    [
      ["A", "gone", 1],
      ["A", "hall", 100],
      ["A", "attic", 50],
      ["A", "hall", 100],
      {
        ask: "from W",
        rows: [
          ["hall", 100],
          ["attic", 50],
          ["hall", 100],
        ],
      },
      { ask: "from W on n > 60 select room", rows: [["hall"], ["hall"]] },
      { ask: "from W select room, n having room == 'attic'", rows: [["attic", 50]] },
      { ask: "from W select room, sum(n) as total group by room having total > 150", rows: [["hall", 200]] },
      { refused: "from W2" },
      { refused: "from W select zz" },
    ],
  );
});

describe("comparisons find the same rows with and without indexes", () => {
  const rows: Step[] = [
    ["S", "w", 200],
    ["S", "b", 150],
    ["S", "i", 100],
  ];
  const turned: Record<string, string> = {
    ">": "<",
    ">=": "<=",
    "<": ">",
    "<=": ">=",
    "==": "==",
    "!=": "!=",
  };
  const found: Record<string, string[]> = {
    ">": ["w"],
    ">=": ["w", "b"],
    "<": ["i"],
    "<=": ["b", "i"],
    "==": ["b"],
    "!=": ["w", "i"],
  };
  for (const indexes of [
    "",
    "@Index('v') ",
    "@PrimaryKey('v') ",
    "@PrimaryKey('k') @Index('v') ",
    "@PrimaryKey('k', 'v') ",
  ])
    for (const [operator, keys] of Object.entries(found)) {
      const others = ["w", "b", "i"].filter((k) => !keys.includes(k));
      const ask = (on: string, expected: string[]): Step => ({
        ask: `from T on ${on} select k`,
        rows: expected.map((k) => [k]),
        inAnyOrder: true,
      });
      scenario(
        `v ${operator} 150 with ${indexes || "none"}`,
        `define stream S (k string, v long); define stream D (v long); ${indexes}define table T (k string, v long);
         from S insert into T; from D delete T on T.v ${operator} v;`,
        [
          ...rows,
          ask(`v ${operator} 150L`, keys),
          ask(`150L ${turned[operator]} v`, keys),
          ask(`not (v ${operator} 150L)`, others),
          ask(
            `v ${operator} 150L and k == 'w'`,
            keys.filter((k) => k === "w"),
          ),
          ask(`v ${operator} 150L or k == 'w'`, [...new Set([...keys, "w"])]),
          ["D", 150],
          ask("v > 0L", others),
        ],
      );
    }
});
