import { describe } from "vitest";
import { type Row, refuses, type Step, scenario } from "./scenario.ts";

const S = "define stream S (id string, v int); ";
/** `b7` is an event of id b and value 7. */
const events = (text: string): Step[] =>
  text.split(" ").map((e): Step => ["S", e.slice(0, 1), Number(e.slice(1))]);

describe("output … every …", () => {
  const limited = (name: string, rest: string, steps: Step[], wanted: Row[] | number) =>
    scenario(name, `${S}@info(name='q') from S${rest} into Out;`, steps, { "query:q": wanted });
  const ids = (text: string) => events([...text].map((id) => `${id}1`).join(" "));
  const two: Step[] = [...ids("aabcd"), 1100, ...ids("dde"), 1100];

  limited(
    "first of a group by events",
    " select id group by id output first every 5 events insert",
    ids("aabcdddddd"),
    [["a"], ["b"], ["c"], ["d"], ["d"]],
  );
  limited(
    "last of a group by events",
    " select id group by id output last every 5 events insert",
    ids("aabcdddebe"),
    [...[["a"], ["b"], ["c"], ["d"]], ...[["d"], ["e"], ["b"]]],
  );
  const batch = "#window.lengthBatch(4) select id, count() as n";
  const twelve = ids("abbcbdddefgh");
  limited("last of a group of batches", `${batch} group by id output last every 5 events insert`, twelve, [
    ["a", 1],
    ["b", 1],
    ["c", 1],
    ["d", 3],
  ]);
  limited("last of batches", `${batch} output last every 2 events insert`, twelve, [["d", 4]]);
  limited("last of expired batches", `${batch} output last every 2 events insert expired events`, twelve, 1);
  limited("all of expired batches", `${batch} output all every 2 events insert expired events`, twelve, 2);
  limited("the first of every one", " select id output first every 1 events insert", ids("aab"), [
    ["a"],
    ["a"],
    ["b"],
  ]);
  limited(
    "the first of every one of a group",
    " select id group by id output first every 1 events insert",
    ids("aab"),
    [...[["a"], ["a"], ["b"]]],
  );
  limited("first of a group by time", " select id group by id output first every 1 sec insert", two, [
    ...[["a"], ["b"], ["c"], ["d"]],
    ...[["d"], ["e"]],
  ]);
  limited(
    "all by time",
    " select id output all every 1 sec insert",
    [...ids("ab"), 900, ...ids("c"), 200, ...ids("d"), 1000],
    [["a"], ["b"], ["c"], ["d"]],
  );
  limited(
    "last by time",
    " select id output last every 1 sec insert",
    [...ids("ab"), 1100, ...ids("cd"), 1100],
    [["b"], ["d"]],
  );
  const pairs = "#window.lengthBatch(2) select id, count() as n group by id";
  limited("last of a group of pairs by time", `${pairs} output last every 1 sec insert all events`, two, 7);
  limited("all of a group of pairs by time", `${pairs} output all every 1 sec insert all events`, two, 9);
  scenario(
    "a partition limits each key on its own",
    `${S}partition with (id of S) begin from S select id, v group by id output last every 1 sec insert into Out; end;`,
    [...events("a5 a3 b1"), 1100, ...events("a9 a4"), 1100],
    {
      Out: [
        ["a", 3],
        ["b", 1],
        ["a", 4],
      ],
    },
  );
  refuses(
    "a rate",
    ...["last every 3 event", "snapshot every 3 events", "every -1 events", "some every 1 sec"].map(
      (rate) => `${S}from S select id output ${rate} insert all events into Out;`,
    ),
    `${S}from S select id output snapshot every 5 sec insert into Out;`,
  );
});

describe("order, limit, offset", () => {
  const over = (name: string, rest: string, steps: Step[], rows: Row[]) =>
    scenario(name, `${S}from S#window.${rest} insert into Out;`, steps, { Out: rows });
  const eight = events("a7 b1 b2 b3 a8 b5 b6 b4");
  over("a limit goes by batch", "lengthBatch(4) select id, v limit 2", eight, [
    ["a", 7],
    ["b", 1],
    ["a", 8],
    ["b", 5],
  ]);
  over(
    "equal ones keep their order",
    "lengthBatch(4) select id, v order by id limit 3",
    events("m7 z1 a6 m3 m4 z5 m1 b7"),
    [
      ["a", 6],
      ["m", 7],
      ["m", 3],
      ["b", 7],
      ["m", 4],
      ["m", 1],
    ],
  );
  over("an aggregated batch is one row", "lengthBatch(4) select id, sum(v) as total limit 2", eight, [
    ["b", 13],
    ["b", 23],
  ]);
  over(
    "groups are ordered by their totals",
    "lengthBatch(4) select id, sum(v) as total group by id order by total desc limit 1",
    eight,
    [
      ["a", 7],
      ["b", 15],
    ],
  );
  over(
    "an offset comes before the limit",
    "lengthBatch(4) select id, v order by v desc limit 2 offset 1",
    eight,
    [
      ["b", 3],
      ["b", 2],
      ["b", 6],
      ["b", 5],
    ],
  );
  over("a sliding window has one row at a time", "length(4) select id, v order by v limit 2", eight, [
    ...[
      ["a", 7],
      ["b", 1],
      ["b", 2],
      ["b", 3],
    ],
    ...[
      ["a", 8],
      ["b", 5],
      ["b", 6],
      ["b", 4],
    ],
  ]);
  refuses(
    "a limit or an offset",
    ...["limit -1", "offset -2", "limit 'a'", "limit 2.5", "limit v"].map(
      (x) => `${S}from S select id ${x} insert into Out;`,
    ),
  );
});
