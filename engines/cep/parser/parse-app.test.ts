import { expect, test } from "vitest";
import { CepApp } from "../app.ts";
import { CepError } from "../cep-error.ts";
import { parseApp, parseExpressionText, parseStoreQuery } from "./parse-app.ts";

function errorOf(run: () => unknown): CepError {
  try {
    run();
  } catch (error) {
    if (error instanceof CepError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const S = "define stream S (a int, b string);";

test("a syntax error has code, line, column, expectation and suggestion", () => {
  const error = errorOf(() => parseApp("define stream S (a int);\nform S select a insert into T;"));
  expect(error.code).toBe("SYNTAX");
  expect(error.position).toMatchObject({ line: 2, column: 1, length: 4 });
  expect(error.expected).toContain("from");
  expect(error.suggestion).toBe("from");
});

test("an unknown attribute points at itself and names the nearest", () => {
  const error = errorOf(
    () =>
      new CepApp("define stream S (temperature double);\nfrom S select temprature insert into T;", {
        clock: { now: () => 0 },
      }),
  );
  expect(error).toMatchObject({ code: "UNKNOWN_ATTRIBUTE", suggestion: "temperature" });
  expect(error.position).toMatchObject({ line: 2, column: 15 });
});

test("an unknown window and an unknown stream name the nearest", () => {
  const make = (text: string) => errorOf(() => new CepApp(text, { clock: { now: () => 0 } }));
  expect(make(`${S} from S#window.lenght(5) select a insert into T;`)).toMatchObject({
    code: "UNKNOWN_EXTENSION",
    suggestion: "length",
  });
  expect(make("define stream Sensor (a int); from Sensr select a insert into T;")).toMatchObject({
    code: "UNKNOWN_STREAM",
    suggestion: "Sensor",
  });
});

test("what Siddhi's grammar refuses is refused", () => {
  expect(errorOf(() => parseApp(`${S} from S select a insert into T; define stream U (a int);`)).code).toBe(
    "SYNTAX",
  );
  expect(
    errorOf(() => parseApp(`${S} from S#window.length(1) outer join S as t select 1 as x insert into T;`))
      .expected,
  ).toContain("left");
  expect(
    errorOf(() => parseApp(`${S} from S#window.length(1)[a > 1] as s join S as t select s.a insert into T;`))
      .code,
  ).toBe("SYNTAX");
  expect(errorOf(() => parseApp("@info() define stream S (a int)")).code).toBe("SYNTAX");
  expect(
    errorOf(() => parseApp(`${S} define aggregation A from S select a aggregate every sec...fortnight;`))
      .expected,
  ).toContain("years");
  expect(errorOf(() => parseApp("define stream S (a int, a long);")).code).toBe("DUPLICATE_ATTRIBUTE");
  expect(errorOf(() => parseApp(`${S} from S select a + 1 insert into T;`)).expected).toContain("as");
  expect(errorOf(() => parseApp(`${S} from S[a > 99999999999] select a insert into T;`)).suggestion).toBe(
    "99999999999L",
  );
  expect(errorOf(() => parseApp(`${S} from S[b == 'x] select a insert into T;`)).message).toContain(
    "not closed",
  );
});

test("precedence is SiddhiQL's: not, then times, plus, comparison, equality, in, and, or", () => {
  const e = parseExpressionText("a + b * 2 > 3 and not c or d");
  expect(e.kind).toBe("or");
  expect(e.kind === "or" && e.left.kind).toBe("and");
  expect(e.kind === "or" && e.left.kind === "and" && e.left.left.kind).toBe("compare");
  const n = parseExpressionText("not a == b");
  expect(n.kind === "compare" && n.left.kind).toBe("not");
});

test("keywords are names too, and comments are passed over", () => {
  const app = parseApp(
    "/* x */ define stream `define` (`string` string, output int, last long); -- end\nfrom `define` select output, last insert into events;",
  );
  expect(app.definitions[0]).toMatchObject({
    id: "define",
    attributes: [{ name: "string" }, { name: "output" }, { name: "last" }],
  });
});

test("times add up, in falling units", () => {
  expect(parseExpressionText("1 hour 30 min 5 sec")).toMatchObject({ value: 5_405_000, isTime: true });
  expect(parseExpressionText("2 years")).toMatchObject({ value: 63_113_800_000 });
});

test("an on-demand query takes alias, condition and selection", () => {
  const q = parseStoreQuery(
    "from T as t on t.a > 5 select a, sum(b) as total group by a having total > 1 order by a desc limit 2 offset 1",
  );
  expect(q).toMatchObject({ kind: "find", source: { id: "T", alias: "t" } });
  expect(q.selector?.orderBy[0]?.descending).toBe(true);
});

test("every prefix of an app is refused with an error of ours, never otherwise", () => {
  const text =
    "@app:name('x') define stream S (a int, b string); @info(name='q') from every e1=S[a > 1]<2:3> -> not S[b == 'x'] for 1 sec within 5 min select e1[0].a as x, e1[last].b as y output last every 2 events insert all events into T;";
  for (let end = 0; end < text.length; end++) {
    try {
      parseApp(text.slice(0, end));
    } catch (error) {
      expect(error).toBeInstanceOf(CepError);
    }
  }
});
