import { describe } from "vitest";
import { type Row, type Step, scenario } from "./scenario.ts";

const S = "define stream S (room string, v float); ";
const keyed = (query: string) => `${S}partition with (room of S) begin ${query} end;`;
const sum = (window: string, type: string) =>
  keyed(`from S#window.${window} select room, sum(v) as total insert ${type} into Out;`);

describe("partitions", () => {
  const mixed: Step[] = [
    ["S", "a", 70],
    ["S", "b", 700],
    ["S", "a", 100],
    ["S", "a", 200],
    ["S", "b", 1000],
    ["S", "b", 500],
  ];
  scenario("each key has its window", sum("length(2)", "current events"), mixed, {
    Out: [
      ["a", 70],
      ["b", 700],
      ["a", 170],
      ["a", 300],
      ["b", 1700],
      ["b", 1500],
    ],
  });
  scenario("and its expired events", sum("length(2)", "expired events"), mixed, {
    Out: [
      ["a", 100],
      ["b", 1000],
    ],
  });
  scenario("each key has its batch", sum("lengthBatch(2)", "all events"), mixed, {
    Out: [
      ["a", 170],
      ["b", 1700],
    ],
  });
  scenario(
    "each key has its clock",
    keyed("from S#window.time(1 sec) select room, default(sum(v), 0.0) as total insert all events into Out;"),
    [["S", "a", 70], 100, ["S", "b", 700], 100, ["S", "a", 100], 3000, ["S", "a", 200], 2000],
    {
      Out: [
        ["a", 70],
        ["b", 700],
        ["a", 170],
        ["a", 100],
        ["b", 0],
        ["a", 0],
        ["a", 200],
        ["a", 0],
      ],
    },
  );
  const pair = (room: string): Step[] => [
    ["S", room, 1],
    ["S", room, 2],
  ];
  scenario(
    "a stream from outside goes to every key there is",
    keyed(
      "from S#window.lengthBatch(2) select room, v insert into Shared; from Shared select room insert into Out;",
    ),
    [...pair("a"), ...pair("b"), ...pair("c")],
    { Out: ["a", "b", "c"].flatMap((room, i): Row[] => Array(2 * (i + 1)).fill([room])) },
  );
  scenario(
    "an inner stream stays with its key",
    keyed(
      "from S#window.lengthBatch(2) select room, v insert into #Own; from #Own select room insert into Out;",
    ),
    [...pair("a"), ...pair("b")],
    { Out: [["a"], ["a"], ["b"], ["b"]] },
  );
  scenario(
    "a table is one for all keys",
    "define stream A (k string); define stream B (k string, of string); define table T (k string); partition with (k of A, k of B) begin from A insert into T; from B[(of == T.k) in T] select k insert into Out; end;",
    [
      ["A", "a"],
      ["B", "x", "a"],
      ["B", "y", "b"],
      ["A", "b"],
      ["B", "y", "b"],
    ],
    { Out: [["x"], ["y"]] },
  );
  scenario(
    "ranges are tried in turn, each that fits takes the event",
    "define stream S (v int); partition with (v < 10 as 'low' or v < 100 as 'middle' or v >= 1000 as 'high' of S) begin from S select v, count() as n insert into Out; end;",
    [5, 50, 7, 500, 5000].map((v): Step => ["S", v]),
    {
      Out: [
        [5, 1],
        [5, 1],
        [50, 2],
        [7, 2],
        [7, 3],
        [5000, 1],
      ],
    },
  );
  scenario(
    "a key that was idle is purged",
    `${S}@purge(enable='true', interval='1 sec', idle.period='1 sec') partition with (room of S) begin from S#window.length(3) select room, avg(v) as mean insert into Out; end;`,
    [["S", "a", 100], 600, ["S", "b", 4], 1500, ["S", "a", 40], ["S", "b", 8]],
    {
      Out: [
        ["a", 100],
        ["b", 4],
        ["a", 40],
        ["b", 8],
      ],
    },
  );
  scenario(
    "no key, no event",
    keyed("from S select v insert into Out;"),
    [
      ["S", null, 1],
      ["S", "", 2],
    ],
    { Out: [[2]] },
  );
});
