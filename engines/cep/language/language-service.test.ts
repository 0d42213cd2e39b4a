import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fullName } from "../extension.ts";
import { Registry } from "../registry.ts";
import { LanguageService } from "./language-service.ts";
import { referenceMarkdown } from "./reference.ts";

const service = new LanguageService();
const APP =
  "define stream Rooms (room string, temperature double);\ndefine table Limits (room string, high double);\n";

/** Completions at the `|` of a text. */
function complete(marked: string): string[] {
  const offset = marked.indexOf("|");
  return service.completions(marked.replace("|", ""), offset).map((c) => c.label);
}

describe("diagnostics", () => {
  test.each([
    ["from Roms select room insert into Out;", "UNKNOWN_STREAM", "Roms", "Rooms"],
    ["from Rooms select rom insert into Out;", "UNKNOWN_ATTRIBUTE", "rom", "room"],
    ["from Rooms select summ(temperature) as x insert into Out;", "UNKNOWN_FUNCTION", "summ", "sum"],
    ["from Rooms#window.lenght(3) select room insert into Out;", "UNKNOWN_WINDOW", "lenght", "length"],
    ["from Rooms[temperature] select room insert into Out;", "TYPE_MISMATCH", "temperature", undefined],
    ["from Rooms select room insrt into Out;", "SYNTAX", "insrt", undefined],
  ])("%s", (query, code, word, suggestion) => {
    const [found, ...more] = service.diagnostics(APP + query);
    expect(more).toEqual([]);
    expect(found).toMatchObject({
      line: 3,
      column: query.indexOf(`${word}`, code === "UNKNOWN_ATTRIBUTE" ? 10 : 0) + 1,
      suggestion,
    });
    if (code !== "UNKNOWN_FUNCTION" && code !== "UNKNOWN_WINDOW") expect(found?.code).toBe(code);
  });

  test("each query's first mistake is told, and what follows from one is not", () => {
    const wrong = (text: string) => service.diagnostics(APP + text).map((d) => [d.code, d.line]);
    expect(
      wrong(`from Rooms select rom as room insert into Out;
from Out select room insert into Other;
@info(name='third') from Rooms select room where insert into Out3;
from Roms select room insert into Out4;
partition with (room of Rooms) begin
from Rooms select romm insert into Out5;
from Rooms#window.length('x') select room insert into Out6;
end;`),
    ).toEqual([
      ["UNKNOWN_ATTRIBUTE", 3],
      ["SYNTAX", 5],
      ["UNKNOWN_STREAM", 6],
      ["UNKNOWN_ATTRIBUTE", 8],
      ["WRONG_PARAMETERS", 9],
    ]);
    expect(wrong("from Rooms select rom insert into Out;\nfrom Out select x insert into Y;")).toEqual([
      ["UNKNOWN_ATTRIBUTE", 3],
    ]);
    expect(wrong("define stream X (a flot);\nfrom Roms select x insert into Y;").length).toBe(1);
  });

  test("an app that runs has none", () => {
    expect(service.diagnostics(`${APP}from Rooms select room insert into Out;`)).toEqual([]);
  });
});

describe("completion", () => {
  test.each([
    [`${APP}from |`, ["Rooms", "Limits"]],
    [`${APP}from Ro|`, ["Rooms"]],
    [`${APP}from Rooms select te|`, ["temperature"]],
    [`${APP}from Rooms#window.le|`, ["length", "lengthBatch"]],
    [`${APP}from Rooms as r join Limits as l on r.room == l.|`, ["room", "high"]],
    [`${APP}from Rooms select room insert into |`, ["Rooms", "Limits"]],
    ["define |", ["stream", "table", "window", "trigger", "aggregation"]],
    ["define stream S (v int); from e1=S -> e2=S[v > e1.|", ["v"]],
  ])("%s", (text, wanted) => {
    expect(complete(text)).toEqual(wanted);
  });

  test("statements at the start, functions and aggregators in a select, and sinks after type", () => {
    expect(complete("|")).toContain("define stream");
    expect(complete(`${APP}from Rooms select |`)).toEqual(
      expect.arrayContaining(["room", "sum", "str:concat"]),
    );
    expect(complete("@sink(type=|")).toEqual(expect.arrayContaining(["alarm", "webhook"]));
  });

  test("never throws, wherever the text ends", () => {
    const text = `${APP}@info(name = 'q') from every e1=Rooms[temperature > 3.5] -> e2=Rooms#window.time(5 sec) select str:concat(e1.room, "x") as y insert into Out;`;
    for (let i = 0; i <= text.length; i++) {
      service.completions(text.slice(0, i), i);
      service.diagnostics(text.slice(0, i));
      service.hover(text, i);
    }
  });
});

describe("hover", () => {
  const at = (text: string, word: string) => service.hover(text, text.lastIndexOf(word) + 1);
  test("a function, a window, a stream and an attribute", () => {
    const text = `${APP}from Rooms#window.length(3) select avg(temperature) as mean insert into Out;`;
    expect(at(text, "avg")?.title).toMatch(/^avg\(.*: double/);
    expect(at(text, "length")?.title).toContain("#window.length(");
    expect(at(text, "Rooms")).toMatchObject({
      title: "stream Rooms",
      text: "room string, temperature double",
    });
    expect(at(text, "temperature")?.title).toBe("temperature double");
    expect(service.hover(text, text.indexOf(" insert"))).toBeUndefined();
  });
});

describe("reference", () => {
  test("every entry says what it does, with types and an example", () => {
    for (const e of new Registry().all()) {
      const name = `${e.kind} ${fullName(e)}`;
      expect(e.description, name).toMatch(/\.$/);
      for (const p of e.parameters) expect(p.types.length, `${name} ${p.name}`).toBeGreaterThan(0);
      if (e.kind === "function" || e.kind === "aggregator") expect(e.returns.length, name).toBeGreaterThan(0);
      expect(e.examples.length, name).toBeGreaterThan(0);
    }
  });

  test("the examples of windows, aggregators and stream functions run", () => {
    const definitions =
      "define stream S (symbol string, price double, temp double, eventTime long, room string, isOpen bool, kwh double); define stream Purchases (user string, cardNo string, price double); define stream Polar (theta double, rho double);";
    for (const e of new Registry()
      .all()
      .filter((x) => ["window", "aggregator", "stream-function"].includes(x.kind)))
      for (const { syntax } of e.examples)
        expect(service.diagnostics(`${definitions} ${syntax}`), syntax).toEqual([]);
  });

  const at = (marked: string) => [marked.replace("|", ""), marked.indexOf("|")] as const;
  const labels = (marked: string) => service.completions(...at(marked)).map(({ label }) => label);
  const rest = "define stream S (a int);";

  test.each([
    ["@source(type='things', |)", ["topic", "property", "event", "device", "@map(type='')"]],
    ["@source(type='things', property='t', |)", ["topic", "event", "device", "@map(type='')"]],
    ["@sink(type='webhook', u|)", ["url"]],
    ["@sink(|)", ["type", "@map(type='')"]],
    ["@source(type='|')", ["inMemory", "things"]],
    ["@sink(type='stream', @map(type='|'))", ["passThrough", "json", "senml", "text", "keyvalue"]],
    ["@sink(type='stream', @|)", ["map(type='')"]],
  ])("in %s come the connector's own options", (annotation, expected) => {
    expect(labels(`${annotation} ${rest}`)).toEqual(expected);
  });

  test.each([
    ["@source(type='thi|ngs', property='a')", "source things"],
    ["@source(type='things', prop|erty='a')", "property (optional)"],
    ["@sink(type='webhook', ur|l='https://example.org/')", "url (needed)"],
    ["@sink(type='stream', @map(type='sen|ml'))", "mapper senml"],
  ])("%s says what it is", (annotation, title) => {
    expect(service.hover(...at(`${annotation} ${rest}`))?.title).toBe(title);
  });

  test("a misspelt option is refused with those that there are", () => {
    expect(service.diagnostics(`@source(type='things', proprty='a') ${rest}`)).toMatchObject([
      { code: "WRONG_ANNOTATION", line: 1, expected: ["type", "topic", "property", "event", "device"] },
    ]);
  });

  test("the page in docs is the registry's", () => {
    const page = new URL("../../../docs/rules-reference.md", import.meta.url);
    expect(existsSync(page), "docs/rules-reference.md is there").toBe(true);
    expect(readFileSync(page, "utf8")).toBe(referenceMarkdown(new Registry()));
  });
});
