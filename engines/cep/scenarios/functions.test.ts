import { describe } from "vitest";
import { refuses, scenario } from "./scenario.ts";

const S = "define stream S (s string, f float, d double, i int, l long, b bool, o object); ";
const select = (what: string) => `${S}from S select ${what} insert into Out;`;
const TYPES = ["string", "float", "double", "int", "long", "bool"];
const toAll = (x: string) => TYPES.map((t, at) => `convert(${x}, '${t}') as ${x}${at}`).join(", ");

describe("conversion", () => {
  scenario(
    "from every type to every type",
    select(["s", "f", "d", "i", "l", "b"].map(toAll).join(", ")),
    [["S", "hot", 2, 3, 4, 5, true, null]],
    {
      Out: [
        [
          ...["hot", null, null, null, null, false],
          ...["2.0", 2, 2, 2, 2, false],
          ...["3.0", 3, 3, 3, 3, false],
          ...["4", 4, 4, 4, 4, false],
          ...["5", 5, 5, 5, 5, false],
          ...["true", 1, 1, 1, 1, true],
        ],
      ],
    },
  );
  const text = (s: string) => ["S", s, 1, 1, 1, 1, true, null] as const;
  scenario(
    "text is read as Java reads it: blanks only around decimals, whole numbers in their range",
    select("convert(s, 'int') as i, convert(s, 'long') as l, convert(s, 'double') as d"),
    ["12", "12.75", " 12", "1e3", "99999999999", "+7", ""].map(text),
    {
      Out: [
        [12, 12, 12],
        [null, null, 12.75],
        [null, null, 12],
        [null, null, 1000],
        [null, 99999999999, 99999999999],
        [7, 7, 7],
        [null, null, null],
      ],
    },
  );
  scenario(
    "only 1 and 'true' are true",
    select(
      "convert(s, 'bool') as a, convert(f, 'bool') as b, convert(d, 'bool') as c, convert(l, 'bool') as e",
    ),
    [
      ["S", "True", 1, 1, 1, 1, true, null],
      ["S", "yes", 0.5, -1, 2, 0, true, null],
    ],
    {
      Out: [
        [true, true, true, true],
        [false, false, false, false],
      ],
    },
  );
});

describe("nulls", () => {
  const missing = ["S", null, null, null, null, null, null, null] as const;
  scenario(
    "no comparison with null holds, but its negation does",
    `${S}from S[l > 1 or l < 1 or l == 1 or l != 1] select 'compared' as x insert into Out; from S[not (l == 1)] select 'negated' as x insert into Out;`,
    [missing],
    { Out: [["negated"]] },
  );
  scenario(
    "arithmetic with null, and division by zero, are null",
    select("l + 1 as a, 2 * f as b, i / 0 as c, i % 0 as d, d / 0.0 as e"),
    [missing, ["S", "x", 1, 1, 1, 1, true, null]],
    { Out: [Array(5).fill(null), [2, 2, null, null, null]] },
  );
  scenario(
    "the greatest and the least pass over null",
    select("maximum(f, 3f) as a, minimum(i, 2, 7) as b, coalesce(s, 'none') as c, default(l, 9L) as d"),
    [missing, ["S", "x", 4, 1, 1, 1, true, null]],
    {
      Out: [
        [3, 2, "none", 9],
        [4, 1, "x", 1],
      ],
    },
  );
});

describe("choice and type tests", () => {
  scenario(
    "ifThenElse",
    select("ifThenElse(b, s, 'no') as a, ifThenElse(i > 2, i, 0) as c, ifThenElse(f is null, 1.0, d) as e"),
    [
      ["S", "x", 1, 4, 3, 1, true, 5],
      ["S", "x", null, 2, 1, 1, false, 5],
      ["S", "x", null, 2, null, 1, null, 5],
    ],
    {
      Out: [
        ["x", 3, 4],
        ["no", 0, 1],
        ["no", 0, 1],
      ],
    },
  );
  scenario(
    "instanceOf goes by the declared type",
    select(
      "instanceOfFloat(f) as a, instanceOfLong(l) as b, instanceOfLong(i) as c, instanceOfString(o) as d, instanceOfInteger(o) as e",
    ),
    [["S", "x", 1, 4, 3, 1, true, 5]],
    { Out: [[true, true, false, false, true]] },
  );
  refuses(
    "a call",
    ...[
      "convert(s)",
      "convert(s, 'nothing')",
      "convert(s, 123)",
      "convert(o, o)",
      "cast(s)",
      "coalesce(s, i)",
      "ifThenElse(s, i, i)",
      "ifThenElse(b, i, l)",
      "maximum(s, s)",
      "minimum(i, s)",
      "maximum()",
      "UUID(1)",
      "currentTimeMillis(1)",
      "default(i, l)",
      "instanceOfString(s, s)",
      "sizeOfSet(s)",
      "sum(s)",
      "avg(b)",
      "count(1, 2)",
      "and(i)",
      "or(s)",
      "stdDev(s)",
      "distinctCount()",
      "unionSet(s)",
      "minForever(b)",
      "nosuch(i)",
      "foo:bar(i)",
      "i + s",
      "s > i",
      "b > b",
      "not i",
      "b and i",
      "i in S",
      "S2.i",
    ].map((x) => select(`${x} as x`)),
  );
});

describe("aggregators of the extension namespaces", () => {
  const rooms = ["attic", "hall", "attic", null, "bath"].map(
    (s) => ["S", s, 1, 1, 1, 1, true, null] as const,
  );
  const last3 = (what: string) => `${S}from S#window.length(3) select ${what} as x insert into Out;`;
  scenario(
    "str:groupConcat keeps equal texts together and passes over null",
    last3("str:groupConcat(s)"),
    rooms,
    { Out: [["attic"], ["attic,hall"], ["attic,attic,hall"], ["attic,hall"], ["attic,bath"]] },
  );
  scenario("str:groupConcat with a separator takes null as a text", last3("str:groupConcat(s, '-')"), rooms, {
    Out: [["attic"], ["attic-hall"], ["attic-attic-hall"], ["attic-hall-null"], ["attic-null-bath"]],
  });
  scenario(
    "str:groupConcat each once, in order, by group, from a batch",
    `${S}from S#window.lengthBatch(5) select b, str:groupConcat(s, str:concat(i, ''), true, 'desc') as x group by b insert into Out;`,
    ["k", "z", "k", "a", "m"].map((s, n) => ["S", s, 1, 1, 7, 1, n < 3, null] as const),
    {
      Out: [
        [true, "z7k"],
        [false, "m7a"],
      ],
    },
  );
  scenario(
    "math:percentile over a sliding window, of ints",
    last3("math:percentile(i, 50.0)"),
    [5, 1, 9, 3, null].map((i) => ["S", "x", 1, 1, i, 1, true, null] as const),
    { Out: [[5], [3], [5], [3], [6]] },
  );
  scenario(
    "math:percentile(…, 100.0) is the greatest",
    last3("math:percentile(d, 100.0)"),
    [5, 1, 0.5, 0.25].map((d) => ["S", "x", 1, d, 1, 1, true, null] as const),
    { Out: [[5], [5], [5], [1]] },
  );
  refuses(
    "an aggregator",
    ...["str:groupConcat(i)", "str:groupConcat(s, ',', b)", "str:groupConcat(s, ',', true, 'up')"].map((x) =>
      select(`${x} as x`),
    ),
  );
});

describe("math:rand", () => {
  const any = ["S", "x", 1, 1, 1, 1, true, null] as const;
  scenario("goes through the sequence of java.util.Random", select("math:rand(42) as x"), [any, any, any], {
    Out: [[0.7275636800328681], [0.6832234717598454], [0.30871945533265976]],
  });
  scenario(
    "without a seed it is the same again for the same app and stays below 1",
    `@app:name('dice') ${S}from S[math:rand() >= 0.0 and math:rand() < 1.0] select 'in' as x insert into Out;`,
    [any, any],
    { Out: [["in"], ["in"]] },
  );
});

describe("str:tokenize", () => {
  const text = (s: string | null) => ["S", s, 1, 1, 1, 1, true, null] as const;
  scenario(
    "makes an event of every part",
    `${S}from S#str:tokenize(s, ',\\s*')[token != 'b']#window.length(2) select token, count() as n insert into Out;`,
    [text("a, b,c"), text("d"), text(null), text(",")],
    {
      Out: [
        ["a", 1],
        ["c", 2],
        ["d", 2],
      ],
    },
  );
  scenario(
    "each once when asked",
    `${S}from S#str:tokenize(s, '-', true) select token insert into Out;`,
    [text("x-y-x")],
    {
      Out: [["x"], ["y"]],
    },
  );
  scenario(
    "in a join, each part by itself",
    `${S}define table T (k string, v int); from S[i == 0] select s as k, 7 as v insert into T; from S[i == 1]#str:tokenize(s, '-') join T on T.k == token select token, T.v as v insert into Out;`,
    [["S", "y", 1, 1, 0, 1, true, null], text("x-y")],
    { Out: [["y", 7]] },
  );
  refuses(
    "tokenize",
    `${S}from S#str:tokenize(s, '(') select token insert into Out;`,
    `${S}from S#str:tokenize(s, s) select token insert into Out;`,
    `${S}from S#str:tokenize(i, ',') select token insert into Out;`,
    `${S}from every e1=S#str:tokenize(s, ',') -> e2=S select e1.token insert into Out;`,
  );
});
