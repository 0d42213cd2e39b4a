import { describe, expect, test } from "vitest";
import { CepApp } from "../app.ts";
import { Registry } from "../registry.ts";
import { Bench } from "../testing.ts";

const HEAD =
  "define stream S (s string, t string, i int, l long, f float, d double, o object, none string, nothing long); ";

/** The value of an expression over one event; what fails is thrown. */
function evaluate(expression: string, row: readonly unknown[] = []): unknown {
  let failed: unknown;
  const got: unknown[] = [];
  const app = new CepApp(`${HEAD}from S select ${expression} as x insert into Out;`, {
    clock: { now: () => Date.UTC(2024, 1, 29, 13, 4, 5, 678) },
    onError: (_, error) => {
      failed = error;
    },
  });
  app.onStream("Out", (events) => got.push(...events.map((e) => e.row[0])));
  app.start();
  const given = ["sea", "a-b-c", 7, 9, 1.5, 2.5, null, null, null];
  app.send(
    "S",
    given.map((v, at) => (row[at] === undefined ? v : row[at])),
  );
  if (failed !== undefined) throw failed;
  expect(got).toHaveLength(1);
  return got[0];
}

function gives(cases: Readonly<Record<string, unknown>>): void {
  test.each(Object.entries(cases))("%s", (expression, wanted) => {
    expect(evaluate(expression)).toEqual(wanted);
  });
}

function fails(...expressions: string[]): void {
  test.each(expressions)("%s fails the event", (expression) => {
    expect(() => evaluate(expression)).toThrow(expect.objectContaining({ code: "RUNTIME" }));
  });
}

function refuses(...expressions: string[]): void {
  test.each(expressions)("%s is refused", (expression) => {
    expect(() => evaluate(expression)).toThrow(
      expect.objectContaining({ code: "WRONG_PARAMETERS", position: expect.anything() }),
    );
  });
}

describe("every example of the namespaces gives the result that it names", () => {
  const examples = new Registry()
    .all()
    .filter((e) => e.kind === "function" && ["str", "math", "time"].includes(e.namespace))
    .flatMap((e) => e.examples)
    .filter((x) => /^It is ('.*'|-?[\d.]+|true|false)\.$/.test(x.description));
  test("there are many", () => expect(examples.length).toBeGreaterThan(60));
  test.each(examples.map((x) => [x.syntax, x.description.slice(6, -1)]))("%s is %s", (syntax, wanted) => {
    const value = evaluate(syntax);
    if (wanted.startsWith("'")) expect(value).toBe(wanted.slice(1, -1));
    else if (/^[-\d]/.test(wanted)) expect(value).toBeCloseTo(Number(wanted), 9);
    else expect(String(value)).toBe(wanted);
  });
});

describe("str", () => {
  gives({
    "str:length('')": 0,
    "str:trim('\t x ')": "x",
    "str:substr(s, 3)": "",
    "str:substr('room 12, room 15', '[0-9]+')": "12",
    "str:substr('room 12', '(\\w+) (\\d+)', 2)": "12",
    "str:substr('room', '[0-9]+')": "",
    "str:replaceAll('a1b22', '[0-9]+', '#')": "a#b#",
    "str:replaceAll('x.y', '\\.', '$0$0')": "x..y",
    "str:replaceAll('k=v', '(\\w)=(?<right>\\w)', '${right}=$1')": "v=k",
    "str:replaceAll('5', '5', '\\$5')": "$5",
    "str:replaceFirst('a1b22', '[0-9]+', '')": "ab22",
    "str:split('a, b,,', ',\\s*', 1)": "b",
    "str:split('abc', '', 2)": "c",
    "str:split(s, 'x', 0)": "sea",
    "str:regexp('SEA', '(?i)sea')": true,
    "str:regexp('seaside', 'sea')": false,
    "str:regexp('a]b}', '\\p{Alpha}].\\}')": true,
    "str:regexp('a.b', '\\Qa.b\\E')": true,
    "str:regexp('x\u00a0y', 'x\\sy')": false,
    "str:regexp(s, str:concat('s', '.*'))": true,
    "str:strcmp('abc', 'abcd')": -1,
    "str:strcmp('b', 'a')": 1,
    "str:equalsIgnoreCase(s, none)": false,
    "str:contains(none, 'x')": false,
    "str:concat(s, none, i, d, f, true)": "sea72.51.5true",
    "str:coalesce(none, s)": "sea",
    "str:locate('s', 'sees', 1)": 3,
    "str:charFrequency(t, '-')": 2,
    "str:hex('\u20ac')": "20ac",
    "str:unhex(str:hex('sea'))": "sea",
    "str:repeat(s, 0)": "",
    "str:fillTemplate('{{ 2 }} of {{1}}, {{3}}', s, 2.0, none)": "2.0 of sea, 3",
    "str:startsWith(s, 'se')": true,
    "str:indexOf(s, 'a')": 2,
  });
  test("fillTemplate takes a map, and leaves the keys that it has not", () => {
    const at = (o: unknown) =>
      evaluate("str:fillTemplate('{{k}}/{{toString}}', o)", [
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        o,
      ]);
    expect(at({ k: 5 })).toBe("5/toString");
    expect(at(new Map([["k", "v"]]))).toBe("v/toString");
  });
  fails(
    "str:upper(none)",
    "str:length(none)",
    "str:substr(s, 4)",
    "str:substr(s, 1, 3)",
    "str:substr(s, -1)",
    "str:substr('a', '(a)', 2)",
    "str:charAt(s, 3)",
    "str:split(s, 'x', 1)",
    "str:contains(s, none)",
    "str:equalsIgnoreCase(none, s)",
    "str:regexp(s, str:concat('(', s))",
    "str:replaceAll(s, 's', '$1')",
    "str:charFrequency(s, 'ea')",
    "str:unhex('4')",
    "str:fillTemplate('{{3}}', s)",
    "str:fillTemplate('{{x}}', s)",
    "str:repeat(s, 2000000)",
  );
  refuses(
    "str:regexp(s, '(')",
    "str:regexp(s, 'a++')",
    "str:regexp(s, '[a[b]]')",
    "str:regexp(s, '\\G')",
    "str:concat(s)",
    "str:coalesce(s, i)",
    "str:charAt(s, l)",
    "str:length(i)",
  );
});

describe("math", () => {
  gives({
    "math:abs(nothing)": null,
    "math:acos(1.5)": Number.NaN,
    "math:bin(-1)": "1".repeat(32),
    "math:bin(-1L)": "1".repeat(64),
    "math:oct(8L)": "10",
    "math:hex(-2)": "fffffffe",
    "math:hex(1.0)": "0x1.0p0",
    "math:hex(-0.1)": "-0x1.999999999999ap-4",
    "math:hex(0.1f)": "0x1.99999ap-4",
    "math:hex(d)": "0x1.4p1",
    "math:conv('-zz', 36, 10)": "-1295",
    "math:copySign(2, -0.0)": -2,
    "math:getExponent(0.5f)": -1,
    "math:getExponent(0)": -1023,
    "math:round(2.5)": 3,
    "math:round(-2.5)": -2,
    "math:round(0.49999999999999994)": 0,
    "math:round(f)": 2,
    "math:round(2.345, 2)": 2.35,
    "math:signum(0.0)": 0,
    "math:max(i, d)": 7,
    "math:min(i, nothing)": null,
    "math:parseInt('-12')": -12,
    "math:parseInt(none)": null,
    "math:parseLong('9223372036854775807')": 9223372036854775807n,
    "math:parseFloat('0.1')": Math.fround(0.1),
    "math:parseDouble(' 1.5e3d ')": 1500,
    "math:parseDouble('-Infinity')": Number.NEGATIVE_INFINITY,
    "math:isNan(math:sqrt(-1))": true,
    "instanceOfLong(math:round(d))": true,
    "instanceOfInteger(math:round(f))": true,
    "instanceOfDouble(math:abs(i))": true,
  });
  fails(
    "math:atan(nothing)",
    "math:log(nothing, 2)",
    "math:log(d, 1)",
    "math:isNan(math:abs(nothing))",
    "math:isInfinite(math:abs(nothing))",
    "math:copySign(1.0, nothing)",
    "math:getExponent(nothing)",
    "math:conv('9', 8, 10)",
    "math:conv('9', 1, 10)",
    "math:conv('80000000', 16, 10)",
    "math:parseInt('12.5')",
    "math:parseInt(' 12')",
    "math:parseInt('2147483648')",
    "math:parseLong('x')",
    "math:parseDouble('')",
    "math:parseDouble('1,5')",
  );
  refuses(
    "math:percentile(d, 0.0)",
    "math:percentile(d, 101.0)",
    "math:percentile(d, d)",
    "math:rand(l)",
    "math:bin(d)",
    "math:sqrt(s)",
    "math:power(2)",
  );
});

describe("time, in UTC", () => {
  gives({
    "time:currentDate()": "2024-02-29",
    "time:currentTime()": "13:04:05",
    "time:currentTimestamp()": "2024-02-29 13:04:05",
    "time:currentTimestamp('Asia/Kolkata')": "2024-02-29 18:34:05",
    "time:currentTimestamp('PST')": "2024-02-29 05:04:05",
    "time:utcTimestamp(\"yyyy/MM/dd'T'HH.mm.ss.SSS ''\")": "2024/02/29T13.04.05.678 '",
    "time:utcTimestamp('EEE, d MMM yy h a')": "Thu, 29 Feb 24 1 PM",
    "time:utcTimestamp('EEEE MMMM D u Z X XXX z G')": "Thursday February 60 4 +0000 Z Z UTC AD",
    "time:timestampInMilliseconds()": Date.UTC(2024, 1, 29, 13, 4, 5, 678),
    "time:date('2023-11-14 22:13:20.5')": "2023-11-14",
    "time:date('13:23:44', 'HH:mm:ss')": "1970-01-01",
    "time:date(none)": null,
    "time:date(1700000000000L)": "2023-11-14",
    "time:dateFormat(1700000000000L)": "2023-11-14T22:13:20.000Z",
    "time:dateFormat(1700000000000L, 'yyyyMMdd HHmm')": "20231114 2213",
    "time:dateFormat('20231114', 'dd.MM.yyyy', 'yyyyMMdd')": "14.11.2023",
    "time:dateFormat('7 March 99, 11 PM', 'yyyy-MM-dd HH', 'd MMMM yy, h a')": "1999-03-07 23",
    "time:dateFormat('2023-11-14T22:13:20+0530', 'HH:mm', \"yyyy-MM-dd'T'HH:mm:ssZ\")": "16:43",
    "time:dateAdd('2024-01-31', 1, 'MONTH', 'yyyy-MM-dd')": "2024-02-29",
    "time:dateAdd('2023-11-14 22:13:20.123', 2, 'hour')": "2023-11-15 00:13:20.123",
    "time:dateAdd(1700000000000L, 1, 'SECOND')": "1700000001000",
    "time:dateAdd('2023-12-31', 1, 'QUARTER', 'yyyy-MM-dd')": "2024-03-31",
    "time:dateSub('2024-02-29', 1, 'YEAR', 'yyyy-MM-dd')": "2023-02-28",
    "time:dateSub('2024-03-01', 1, 'WEEK', 'yyyy-MM-dd')": "2024-02-23",
    "time:dateDiff('2023-11-14 00:00:00', '2023-11-09 13:00:00')": 4,
    "time:dateDiff('14.11.2023', '2023-11-19', 'dd.MM.yyyy', 'yyyy-MM-dd')": -5,
    "time:dateDiff(none, '2023-11-19')": null,
    "time:dayOfWeek('2023-11-14')": "Tuesday",
    "time:extract('QUARTER', '2023-11-14')": 4,
    "time:extract('week', '2023-01-01')": 1,
    "time:extract('WEEK', '2023-01-01', 'yyyy-MM-dd', 'fr_FR')": 52,
    "time:extract(1700000000000L, 'HOUR')": 22,
    "time:extract(1700000000000L, 'WEEK', 'en_US')": 46,
    "time:extract('weekday', 1700000000000L)": 2,
    "time:timestampInMilliseconds('2023-11-14T22:13:20Z')": 1700000000000,
    "time:timestampInMilliseconds('14/11/2023 22:13', 'dd/MM/yyyy HH:mm')": 1699999980000,
    "time:timestampInMilliseconds('2023-13-01', 'yyyy-MM-dd')": Date.UTC(2024, 0, 1),
    "time:timezoneConvert('2024-07-01 12:00', 'yyyy-MM-dd HH:mm', 'Europe/Paris')": "2024-07-01 14:00",
    "time:timezoneConvert('2024-03-31 02:30', 'yyyy-MM-dd HH:mm', 'UTC', 'Europe/Paris')": "2024-03-31 01:30",
    "time:timezoneConvert('2024-10-27 02:30', 'yyyy-MM-dd HH:mm', 'UTC', 'Europe/Paris')": "2024-10-27 00:30",
    "time:startOfDay(-1)": -86_400_000,
  });
  fails(
    "time:date('yesterday')",
    "time:date('2023', 'yyyy-MM-dd')",
    "time:dateAdd('x', 1, 'DAY')",
    "time:timestampInMilliseconds(s, t)",
    "time:date(9223372036854775807L)",
    "time:dateFormat(9223372036854775807L)",
    "time:dateFormat(9223372036854775807L, 'yyyy')",
    "time:extract(9223372036854775807L, 'YEAR')",
    "time:dateAdd('2024-01-31', 2147483647, 'YEAR')",
    "time:dayOfWeek('999999999999-01-01', 'yyyy-MM-dd')",
    "time:timezoneConvert('999999999999', 'yyyy', 'UTC')",
    "time:currentTimestamp(s)",
    "time:timezoneConvert('2024', 'yyyy-MM', 'UTC')",
  );
  refuses(
    "time:dateAdd('2024-01-31', 1, 'MONTHS')",
    "time:dateAdd('2024-01-31', 1, s)",
    "time:extract('CENTURY', '2024-01-31')",
    "time:extract('WEEK', '2024-01-31', 'yyyy-MM-dd', 'english')",
    "time:dateFormat(l, 'yyyy-bb')",
    "time:currentTimestamp('Mars/Olympus')",
    "time:dateDiff(l, s)",
    "time:date()",
  );
});

test("a failing function goes to the fault stream", () => {
  const bench = new Bench(
    "@OnError(action = 'stream') define stream S (s string); from S select math:parseInt(s) as n insert into Out; from !S select s, 'bad' as why insert into Bad;",
  )
    .watch("Out", "Bad")
    .start();
  expect(bench.send("S", ["12"], ["twelve"], ["13"]).rows).toEqual({
    Out: [[12], [13]],
    Bad: [["twelve", "bad"]],
  });
});
