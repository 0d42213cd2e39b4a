import { expect, test } from "vitest";
import { parseApp } from "../cep/parser/parse-app.ts";
import type { Result, ThingEvent } from "../streams/hand-over.ts";
import { defaultRuleLimits } from "../streams/rule-limits.ts";
import { RuleSet } from "../streams/rule-set.ts";
import type { Wire } from "../streams/wiring.ts";
import { fleetConnectors } from "./fleet-connectors.ts";
import { spreadOf } from "./fleet-hand-over.ts";
import { fleetReport } from "./fleet-report.ts";
import { crossingTopic, wireCombined, wireShard, wireWhole } from "./fleet-wiring.ts";
import { placementOf } from "./placement.ts";
import { routesOf } from "./routes.ts";

const start = Date.UTC(2026, 10, 22);

function granted(user: string, device: string, property: string, value: number, seconds: number): ThingEvent {
  const atMs = start + seconds * 1000;
  const payload = JSON.stringify([{ n: property, v: value, t: atMs / 1000 }]);
  return { user, device, name: "", topic: `telemetry/${property}`, payload, atMs };
}

function running(wire: Wire, text: string): RuleSet {
  const set = new RuleSet(defaultRuleLimits, wire);
  set.setClock(start);
  const rule = set.compile("r", text);
  set.add(rule);
  rule.start();
  return set;
}

/** What one event brings; between different streams there is no order. */
const told = (results: readonly Result[]) =>
  results
    .map(({ number: _n, id: _i, payload, ...rest }) => {
      const { id: _, ...content } = JSON.parse(payload);
      return JSON.stringify([rest, content]);
    })
    .sort();

/** Runs a rule in one piece. */
function whole(text: string, events: readonly ThingEvent[]): string[] {
  const set = running(wireWhole, text);
  return events.flatMap((event) => told(set.apply({ atMs: event.atMs, events: [event] })));
}

/** Runs the same in shards and a combining object. */
function split(text: string, events: readonly ThingEvent[], shards: number): string[] {
  const parts = Array.from({ length: shards }, (_, i) => running(wireShard(i, shards), text));
  const combined = running(wireCombined, text);
  return events.flatMap((event) => {
    const rows = parts.flatMap((part) => part.apply({ atMs: event.atMs, events: [event] }));
    const crossed = rows.flatMap((row): ThingEvent[] =>
      row.kind === "row"
        ? [
            {
              device: "",
              name: "",
              topic: crossingTopic("r", row.stream),
              payload: row.payload,
              atMs: event.atMs,
            },
          ]
        : [],
    );
    return told(combined.apply({ atMs: event.atMs, events: crossed }));
  });
}

const source = (more = "") => `
  @source(type='things', property='temperature')
  define stream T (user string, device string, value double${more});`;

const rules: Record<string, string> = {
  "a filter": `${source()}
    @sink(type='stream') define stream Out (device string, value double);
    from T[value > 20] select device, value insert into Out;`,
  "a partition by device, its means counted over the fleet": `
    @app:name('fleet')
    ${source()}
    @PrimaryKey('device') define table Known (device string, mean double);
    @sink(type='stream', topic='means') define stream Means (device string, mean double);
    @sink(type='stream', topic='crowd') define stream Crowd (users long, mean double);
    from T[value > -100] select user, device as d, value insert into Valid; -- renamed
    partition with (d of Valid) begin
      from Valid#window.length(3) select user, d as device, avg(value) as mean insert into Inner;
    end
    ;
    from Inner select device, mean insert into Means;
    from Inner#window.lengthBatch(10) select distinctCount(user) as users, avg(mean) as mean insert into Crowd;
    from Inner select device, mean update or insert into Known on Known.device == device;`,
  "a pattern for each user, commands back to the user": `${source()}
    @sink(type='command', user='{{user}}', device='{{device}}', action='fan', value='{{on}}')
    define stream Fan (user string, device string, on bool);
    partition with (user of T) begin
      from every e1=T[value > 20] -> e2=T[value > 25] within 1 min
      select e2.user as user, e2.device as device, true as on insert into Fan;
    end;`,
  "a partition by what was measured, over users": `
    @source(type='things', topic='devices/+/telemetry/+')
    define stream R (user string, property string, value double);
    @sink(type='stream', topic='sum') define stream Sums (property string, users long, total double);
    partition with (property of R) begin
      from R#window.length(5) select property, distinctCount(user) as users, sum(value) as total insert into Sums;
    end;`,
  "a table in a partition, two keys for one source": `${source()}
    define table Seen (device string);
    @sink(type='stream', topic='a') define stream A (user string, n long);
    @sink(type='stream', topic='b') define stream B (value double, n long);
    partition with (user of T) begin
      from T[not (device == Seen.device in Seen)] select user, device insert into Fresh;
      from T select user, count() as n insert into A;
    end;
    partition with (value of T) begin
      from T select value, count() as n insert into B;
    end;`,
};

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

test.each(Object.entries(rules))(
  "%s: split over shards it puts out what it puts out in one piece",
  (_, text) => {
    const next = random(7);
    const events = Array.from({ length: 300 }, (__, i) => {
      const user = Math.floor(next() * 9);
      const property = next() < 0.8 ? "temperature" : "humidity";
      return granted(
        `user${user}`,
        `dev${user}${Math.floor(next() * 2)}`,
        property,
        Math.round(next() * 30),
        i,
      );
    });
    const expected = whole(text, events);
    expect(expected.length).toBeGreaterThan(5);
    for (const shards of [1, 2, 5]) expect(split(text, events, shards)).toEqual(expected);
  },
);

test("partitions run in the shards where each key is in one of them, all else in the combining object", () => {
  const placed = Object.entries(rules).map(([, text]) => {
    const app = parseApp(text);
    const { shardElements, crossing, keys } = placementOf(app, fleetConnectors);
    const where = app.elements.map((element) => (shardElements.has(element) ? "s" : "c")).join("");
    return [where, crossing.join(), [...keys]];
  });
  expect(placed).toEqual([
    ["s", "Out", []],
    ["ssscc", "Inner,Means", [["T", ""]]],
    ["s", "Fan", [["T", ""]]],
    ["s", "Sums", [["R", "property"]]],
    ["cs", "B,T", [["T", "value"]]],
  ]);
});

test.each([
  ["an alarm", "@sink(type='alarm') define stream O (device string);", /alarms are raised by the owner/],
  [
    "a command for nobody",
    "@sink(type='command', device='{{device}}', action='a') define stream O (device string);",
    /needs 'user'/,
  ],
  [
    "a webhook of a user's",
    "@sink(type='webhook', user='{{device}}', url='https://hook.example/') define stream O (device string);",
    /no 'user/,
  ],
  [
    "a webhook to the inside",
    "@sink(type='webhook', url='http://127.0.0.1:1/') define stream O (device string);",
    /https/,
  ],
  ["a retained stream", "@sink(type='stream', retain='true') define stream O (device string);", /retained/],
  [
    "too few for a minimum",
    "@sink(type='stream', min.users='0') define stream O (device string);",
    /above 0/,
  ],
  ["a minimum of nothing", "@sink(type='stream', min.users='5') define stream O (device string);", /'users'/],
])("%s is refused", (_, sink, message) => {
  const text = `${source()} ${sink} from T select device insert into O;`;
  expect(() => running(wireWhole, text)).toThrow(message);
  expect(() => running(wireCombined, text)).toThrow(message);
});

test("an owner's name for a device is nothing that an app's rule can read", () => {
  const text = `${source(", name string")} @sink(type='stream') define stream O (name string);
    from T select name insert into O;`;
  expect(() => running(wireWhole, text)).toThrow(/knows no 'name'/);
});

test("below its minimum of users a result is withheld", () => {
  const text = `${source()} @sink(type='stream', min.users='3') define stream O (users long, mean double);
    from T#window.length(10) select distinctCount(user) as users, avg(value) as mean insert into O;`;
  const events = ["a", "a", "b", "c"].map((user, i) => granted(user, `d${user}`, "temperature", 20 + i, i));
  expect(whole(text, events)).toEqual([expect.stringContaining('"users":3')]);
});

test("the report says which columns leave, whether they are grouped over users, and what keeps rows of many users", () => {
  const [, , , byProperty] = Object.values(rules);
  expect(fleetReport(byProperty ?? "").outputs).toMatchObject([
    {
      stream: "Sums",
      goesTo: "developer",
      isGroupedOverUsers: false, // the property is a reading as it came
      columns: [
        { name: "property", from: ["reading"], isOverUsers: false },
        { name: "users", from: ["user"], isOverUsers: true },
        { name: "total", from: ["reading"], isOverUsers: true },
      ],
    },
  ]);
  const [, means = ""] = Object.values(rules);
  const report = fleetReport(means.replace("topic='crowd'", "topic='crowd', min.users='4'"));
  expect(
    report.outputs.map(({ stream, isGroupedOverUsers, minimumUsers }) => [
      stream,
      isGroupedOverUsers,
      minimumUsers,
    ]),
  ).toEqual([
    ["Means", false, undefined],
    ["Crowd", true, 4],
  ]);
  // A mean of one device is one user's, whatever it is the mean of.
  expect(report.outputs[0]?.columns).toMatchObject([
    { name: "device", from: ["device"], isOverUsers: false },
    { name: "mean", from: ["reading"], isOverUsers: false },
  ]);
  expect(report.queries).toEqual([
    { line: 9, runs: "in the shards", keepsRowsOfManyUsers: false },
    { line: 10, runs: "in the shards", keepsRowsOfManyUsers: false },
    { line: 14, runs: "in the shards", keepsRowsOfManyUsers: false },
    { line: 15, runs: "combined", keepsRowsOfManyUsers: true },
    { line: 16, runs: "combined", keepsRowsOfManyUsers: false },
  ]);
});

test("a personal cloud finds exactly the shards that take a row", () => {
  const [, means = "", , byProperty = ""] = Object.values(rules);
  const events = Array.from({ length: 60 }, (_, i) =>
    granted(`user${i % 7}`, `d${i % 7}`, i % 2 === 0 ? "temperature" : `p${i}`, i, i),
  );
  for (const text of [means, byProperty]) {
    const shards = 5;
    const spread = spreadOf({ version: 1, shards, routes: routesOf(text) });
    const parts = Array.from({ length: shards }, (_, i) => running(wireShard(i, shards), text));
    for (const event of events) {
      const taking = parts.flatMap((part, i) => {
        const before = part.get("r")?.counters.eventsIn;
        part.apply({ atMs: event.atMs, events: [event] });
        return part.get("r")?.counters.eventsIn === before ? [] : [i];
      });
      expect([...spread(event)].sort()).toEqual(taking);
    }
  }
});
