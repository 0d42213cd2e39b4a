import { describe } from "vitest";
import { accepts, refuses, scenario } from "./scenario.ts";

const S = "define stream S (room string, temp float, n int, t long); ";
const over = (window: string) =>
  `${S}from S#window.${window} select room, sum(temp) as total insert into Out;`;

describe("definitions", () => {
  accepts("a table told twice alike", "define table T (a int, b string); define table T (a int, b string);");
  accepts("a stream told twice alike", "define stream A (a int); define stream A (a int);");
  refuses(
    "one name for two things",
    "define table T (a int); define table T (b int);",
    "define stream T (a int); define table T (a int);",
    "define table T (a int); define stream T (a int);",
    "define window T (a int) length(1); define stream T (a int);",
    "define stream A (a int); define trigger A at 'start';",
  );
  refuses(
    "a window definition",
    "define window W (a int) length(1) output;",
    "define window W (a int) output;",
    "define window W (a int) sum(a);",
    "define stream I (a int, b string); define window W (a int, c long) externalTimeBatch(c, 1 sec); from I select a, b insert into W;",
  );
  refuses(
    "a query that does not fit its target",
    "define stream A (a int, b string); define table T (a int); from A select a, b insert into T;",
    "define stream A (a int); define table T (a long); from A select a insert into T;",
    "define stream A (a int); define stream B (a string); from A select a insert into B;",
    "define stream A (a int); define table T (a int); from T select a insert into A;",
    "define stream A (a int); from B select a insert into Out;",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what the text holds
    "define stream ${name} (a int); from A select a insert into Out;",
  );
  refuses(
    "a key",
    "@PrimaryKey('zz') define table T (a int);",
    "@PrimaryKey('a') @PrimaryKey('b') define table T (a int, b int);",
    "@Index('zz') define table T (a int);",
    "@Index('a', 'a') define table T (a int);",
    "@Index('a', 'b') define table T (a int, b int);",
    "@Index('a') @Index('a') define table T (a int, b int);",
    "@Index() define table T (a int);",
    "@IndexBy('a') define table T (a int);",
    "@Index('') define table T (a int);",
  );
});

describe("parameters of windows", () => {
  for (const window of [
    "timeBatch(1 sec, 123L, true)",
    "timeBatch(1 sec, true)",
    "session(5 sec, room, 2 sec)",
    "lengthBatch(4, true)",
    "time(1 min 30 sec)",
    "sort(2, n, 'ASC', temp, 'desc')",
    "sort(2, room, temp)",
    "frequent(2)",
    "frequent(2, room, n)",
    "lossyFrequent(0.1, 0.01, room)",
    "externalTimeBatch(t, 1 sec, t)",
    "externalTimeBatch(t, 1 sec, 0, 5 sec, true)",
    "cron('*/5 * * * * ?')",
    "batch(5)",
    "expression('sum(temp) < 100 and eventTimestamp(last) - eventTimestamp(first) < 3000')",
    "expressionBatch('count() <= 2', false, true)",
    "hopping(5 sec, 1 sec)",
  ])
    accepts(window, over(window));
  refuses(
    "the call of a window",
    ...[
      "length()",
      "length(n)",
      "length('1')",
      "length(1, 2)",
      "lengthBatch(4, 4)",
      "time(n)",
      "time('1')",
      "timeBatch(1 sec, true, 100)",
      "timeBatch(1 sec, 0, 1/2)",
      "timeBatch(1 sec, 123L, 'true')",
      "timeLength(1 sec)",
      "timeLength(1 sec, n)",
      "session(n, room, 2 sec)",
      "session(5 sec, 'room', 2 sec)",
      "session(5 sec, n)",
      "session(5 sec, room, '4')",
      "session(1 sec, room, 5 sec)",
      "sort(2)",
      "sort(2, 'n')",
      "sort(2, n, 'up')",
      "frequent()",
      "frequent(n)",
      "frequent('1')",
      "frequent(2, 'room')",
      "lossyFrequent()",
      "lossyFrequent(1)",
      "lossyFrequent(0.1, 'a')",
      "lossyFrequent(0.1, 0.01, 'room')",
      "externalTime(t)",
      "externalTime(room, 1 sec)",
      "externalTime(5L, 1 sec)",
      "externalTime(t, n)",
      "externalTimeBatch(5L, 1 sec)",
      "externalTimeBatch(t, 1 sec, 0, 1 sec, 1)",
      "cron('nope')",
      "delay(n)",
      "batch(-1)",
      "expression('temp')",
      "expression('zz > 1')",
      "expressionBatch('count() < 3', 1)",
      "hopping(1 sec)",
      "nope()",
    ].map(over),
  );
});

describe("text", () => {
  scenario(
    "a string in three quotes is taken as it stands",
    `define stream S (a int); from S select """say "\\n" twice""" as text insert into Out;`,
    [["S", 1]],
    { Out: [[`say "\\n" twice`]] },
  );
  for (const [name, inner] of [
    ["in parentheses", "(from S[a > 1] select a, a * 2 as b return)"],
    ["bare", "from S[a > 1] select a, a * 2 as b return"],
  ] as const)
    scenario(
      `a query in place of a stream, ${name}`,
      `define stream S (a int); from ${inner} select b insert into Out;`,
      [
        ["S", 1],
        ["S", 4],
      ],
      { Out: [[8]] },
    );
});
