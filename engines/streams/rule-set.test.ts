import { expect, test } from "vitest";
import { dryRun } from "./dry-run.ts";
import type { Result, ThingEvent } from "./hand-over.ts";
import { defaultRuleLimits, type RuleLimits, ruleLimitsFrom } from "./rule-limits.ts";
import { RuleSet } from "./rule-set.ts";

const start = Date.UTC(2026, 10, 22);
const utf8 = (result: Result) => ({ ...result, payload: JSON.parse(result.payload) });

/** A reading as a device publishes it, `seconds` after the start. */
function reading(property: string, value: unknown, seconds: number, device = "dh1"): ThingEvent {
  const atMs = start + seconds * 1000;
  const field = typeof value === "boolean" ? "vb" : "v";
  const payload = JSON.stringify([{ n: property, [field]: value, t: atMs / 1000 }]);
  return { device, name: `my ${device}`, topic: `telemetry/${property}`, payload, atMs };
}

function running(rules: Record<string, string>, limits: Partial<RuleLimits> = {}): RuleSet {
  const set = new RuleSet({ ...defaultRuleLimits, ...limits });
  set.setClock(start);
  for (const [name, text] of Object.entries(rules)) {
    const rule = set.compile(name, text);
    set.add(rule);
    rule.start();
  }
  return set;
}

const warm = `
  @source(type='things', property='temperature', @map(type='senml'))
  define stream Temperatures (device string, name string, value double, time long);
  @sink(type='command', device='{{device}}', action='fan', value='{{on}}')
  define stream Fans (device string, on bool);
  @sink(type='alarm', id='{{device}}', severity='critical', title='{{name}} is too warm')
  define stream Warm (device string, name string, value double);
  @sink(type='stream', topic='mean', retain='true', @map(type='senml'))
  define stream Means (mean double);
  from Temperatures[value > 30] select device, true as on insert into Fans;
  from Temperatures[value > 35] select device, name, value insert into Warm;
  from Temperatures#window.lengthBatch(2) select avg(value) as mean insert into Means;
`;

test("a reading becomes a command, an alarm and a stream, each with the same id at every computation", () => {
  const events = [reading("temperature", 31, 1), reading("temperature", 37, 2)];
  const results = running({ warm })
    .apply({ atMs: start + 2000, events })
    .map(utf8);
  expect(results).toEqual([
    {
      number: 1,
      id: "warm.1",
      rule: "warm",
      kind: "command",
      device: "dh1",
      action: "fan",
      payload: { id: "warm.1", value: true },
    },
    {
      number: 2,
      id: "warm.2",
      rule: "warm",
      kind: "command",
      device: "dh1",
      action: "fan",
      payload: { id: "warm.2", value: true },
    },
    {
      number: 3,
      id: "warm.3",
      rule: "warm",
      kind: "alarm",
      alarm: "warm.dh1",
      payload: {
        id: "warm.3",
        rule: "warm",
        severity: "critical",
        title: "my dh1 is too warm",
        state: "raised",
        at: new Date(start + 2000).toISOString(),
        event: { device: "dh1", name: "my dh1", value: 37 },
      },
    },
    {
      number: 4,
      id: "warm.4",
      rule: "warm",
      kind: "stream",
      stream: "mean",
      retain: true,
      payload: [{ n: "mean", v: 34, t: start / 1000 + 2 }],
    },
  ]);
  expect(
    running({ warm })
      .apply({ atMs: start + 2000, events })
      .map(({ id }) => id),
  ).toEqual(results.map(({ id }) => id));
});

test("a source takes its own property, event, device and JSON members, and nothing else", () => {
  const text = `
    @source(type='things', event='button', device='my dh1', @map(type='json'))
    define stream Buttons (device string, pressed bool, deep int);
    @source(type='things', topic='devices/+/telemetry/door', @map(type='json', @attributes(open='$.a.b', who='trp:name')))
    define stream Doors (open bool, who string);
    @sink(type='stream') define stream Out (what string, who string, deep int);
    from Buttons[pressed] select 'button' as what, device as who, deep insert into Out;
    from Doors[open] select 'door' as what, who, 0 as deep insert into Out;
  `;
  const set = running({ both: text });
  expect(set.interest()).toEqual(["event/button", "telemetry/door"]);
  const event = (device: string, topic: string, payload: unknown): ThingEvent => ({
    device,
    name: `my ${device}`,
    topic,
    payload: JSON.stringify(payload),
    atMs: start,
  });
  const results = set.apply({
    atMs: start,
    events: [
      event("dh1", "event/button", { pressed: true, device: "somebody else", deep: 7 }),
      event("dh2", "event/button", { pressed: true, deep: 8 }),
      event("dh2", "telemetry/door", { a: { b: true } }),
      event("dh2", "telemetry/other", { a: { b: true } }),
      event("dh1", "event/button", "no object"),
    ],
  });
  expect(results.map(({ payload }) => JSON.parse(payload))).toEqual([
    { what: "button", who: "dh1", deep: 7 },
    { what: "door", who: "my dh2", deep: 0 },
  ]);
});

test("timers of all rules run in the order in which they fall due, at their own times", () => {
  const every = (seconds: number) => `
    define trigger T at every ${seconds} sec;
    @sink(type='stream') define stream Out (at long);
    from T select triggered_time as at insert into Out;
  `;
  const results = running({ two: every(2), three: every(3) }).apply({ atMs: start + 6500, events: [] });
  expect(results.map(({ rule, payload }) => [rule, (JSON.parse(payload).at - start) / 1000])).toEqual([
    ["two", 2],
    ["three", 3],
    ["two", 4],
    ["two", 6],
    ["three", 6],
  ]);
});

test("a snapshot and the entries after it give the same results under the same numbers", () => {
  const events = Array.from({ length: 40 }, (_, i) => reading("temperature", 25 + ((i * 7) % 15), i));
  const whole = running({ warm }).apply({ atMs: start + 40_000, events });
  for (let cut = 0; cut <= events.length; cut += 1) {
    const first = running({ warm });
    const before = first.apply({ atMs: start + cut * 1000, events: events.slice(0, cut) });
    const snapshot = first.get("warm")?.snapshot() ?? "";
    const second = new RuleSet(defaultRuleLimits);
    second.setClock(first.nowMs);
    second.lastNumber = first.lastNumber;
    const rule = second.compile("warm", warm);
    rule.restore(snapshot);
    second.add(rule);
    const after = second.apply({ atMs: start + 40_000, events: events.slice(cut) });
    expect([...before, ...after].map(({ id }) => id)).toEqual(whole.map(({ id }) => id));
    const values = (results: readonly Result[]) =>
      results.filter(({ kind }) => kind !== "stream" && kind !== "alarm").map(({ payload }) => payload);
    expect(values([...before, ...after])).toEqual(values(whole));
  }
});

test("a rule that puts out too much at once is stopped with a clear error; its neighbour goes on", () => {
  const flood = `
    @source(type='things', property='temperature') define stream T (value double);
    @sink(type='stream') define stream Out (value double);
    from T#window.lengthBatch(6) select value insert into Out;
  `;
  const set = running({ flood, warm }, { maxResultsAtOnce: 5 });
  const events = Array.from({ length: 6 }, (_, i) => reading("temperature", i === 5 ? 31 : 20, i));
  const results = set.apply({ atMs: start + 6000, events });
  expect(set.failures.get("flood")).toMatchObject({
    code: "LIMIT",
    message: expect.stringContaining("5 results"),
  });
  expect(results.filter(({ rule }) => rule === "flood").length).toBe(5);
  expect(results.filter(({ rule, kind }) => rule === "warm" && kind === "command").length).toBe(1);
  expect(set.get("flood")).toBeUndefined();
});

test("rows beyond the limit are refused with LIMIT, the rule and its neighbours go on", () => {
  const greedy = `
    @source(type='things', property='temperature') define stream T (value double);
    @sink(type='stream') define stream Out (n long);
    from T#window.length(1000) select count() as n insert into Out;
  `;
  const set = running({ greedy, warm }, { maxRows: 10 });
  const events = Array.from({ length: 30 }, (_, i) => reading("temperature", 31, i));
  const results = set.apply({ atMs: start + 30_000, events });
  const greedyRule = set.get("greedy");
  expect(greedyRule?.lastError).toMatchObject({ code: "LIMIT" });
  expect(greedyRule?.counters.errors).toBeGreaterThan(0);
  expect(results.filter(({ kind }) => kind === "command").length).toBe(30);
});

test.each([
  [
    "an option that is not there",
    "@source(type='things', property='a', event='b') define stream S (value double);",
    "WRONG_ANNOTATION",
  ],
  [
    "an attribute that senml has not",
    "@source(type='things', @map(type='senml')) define stream S (depth double, value double);",
    "WRONG_ANNOTATION",
  ],
  [
    "a topic that is no device's",
    "@source(type='things', topic='ledger/#') define stream S (value double);",
    "WRONG_ANNOTATION",
  ],
  [
    "a template without its attribute",
    "@sink(type='alarm', title='{{nothing}}') define stream S (value double);",
    "WRONG_ANNOTATION",
  ],
  [
    "a webhook to an address inside",
    "@sink(type='webhook', url='https://10.0.0.1/hook') define stream S (value double);",
    "WRONG_ANNOTATION",
  ],
  ["an unknown sink", "@sink(type='comand') define stream S (value double);", "UNKNOWN_EXTENSION"],
  [
    "a topic with a wildcard",
    "@sink(type='stream', topic='a/#') define stream S (value double);",
    "WRONG_ANNOTATION",
  ],
])("%s is refused with its place", (_, definition, code) => {
  const set = new RuleSet(defaultRuleLimits);
  const text = `\n${definition}\nfrom S select value insert into Out;`;
  expect(() => set.compile("wrong", text)).toThrow(
    expect.objectContaining({ code, position: expect.objectContaining({ line: 2 }) }),
  );
});

test("a result that is too large is not put out, and its rule says so and goes on", () => {
  const echo = `
    @source(type='things', topic='devices/+/telemetry/text', @map(type='json', @attributes(text='$.text')))
    define stream T (text string);
    @sink(type='stream') define stream Out (text string);
    from T select text insert into Out;
  `;
  const set = running({ echo }, { maxResultCharacters: 100 });
  const events = [99, 10].map((length, i) => ({
    ...reading("text", 0, i),
    payload: JSON.stringify({ text: "x".repeat(length) }),
  }));
  expect(set.apply({ atMs: start + 2000, events }).map(({ number }) => number)).toEqual([1]);
  expect(set.get("echo")).toMatchObject({ lastError: { code: "LIMIT" }, counters: { errors: 1 } });
});

test("a rule whose results of one batch are too large together is stopped, its neighbour is not", () => {
  const echo = `
    @source(type='things', topic='devices/+/telemetry/text', @map(type='json', @attributes(text='$.text')))
    define stream T (text string);
    @sink(type='stream') define stream Out (text string);
    from T select text insert into Out;
  `;
  const set = running({ echo, warm }, { maxWaitingCharacters: 500 });
  const texts = Array.from({ length: 10 }, (_, i) => ({
    ...reading("text", 0, i),
    payload: JSON.stringify({ text: "x".repeat(90) }),
  }));
  const results = set.apply({ atMs: start + 10_000, events: texts });
  expect(results.length).toBe(4);
  expect(set.failures.get("echo")).toMatchObject({ code: "LIMIT" });
  expect(set.apply({ atMs: start + 11_000, events: [reading("temperature", 31, 11)] }).length).toBe(1);
});

test("a text that is too long, and a rule too many, are refused", () => {
  const set = new RuleSet({ ...defaultRuleLimits, maxTextBytes: 10_000, maxRules: 1 });
  expect(() => set.compile("long", `${warm}${" ".repeat(10_000)}`)).toThrow(
    expect.objectContaining({ code: "LIMIT" }),
  );
  set.add(set.compile("one", warm));
  expect(() => set.add(set.compile("two", warm))).toThrow(expect.objectContaining({ code: "LIMIT" }));
  set.add(set.compile("one", warm));
});

test("limits are read from a setting, and a wrong one is refused", () => {
  expect(ruleLimitsFrom('{"maxRules":3}')).toEqual({ ...defaultRuleLimits, maxRules: 3 });
  expect(ruleLimitsFrom(undefined)).toBe(defaultRuleLimits);
  expect(() => ruleLimitsFrom('{"maxRule":3}')).toThrow(RangeError);
  expect(() => ruleLimitsFrom('{"maxRules":0}')).toThrow(RangeError);
});

test("a dry run tells what came out, when, and after which event, timers included", () => {
  const silent = `
    @source(type='things', property='temperature') define stream T (device string, value double);
    @sink(type='alarm', id='{{device}}', title='silent') define stream Silent (device string);
    from every e1=T -> not T[device == e1.device] for 10 sec select e1.device as device insert into Silent;
  `;
  const { results, eventsIn, errors } = dryRun(
    "silent",
    silent,
    [reading("temperature", 20, 0), reading("temperature", 20, 5)],
    defaultRuleLimits,
    { untilMs: start + 60_000 },
  );
  expect({ eventsIn, errors }).toEqual({ eventsIn: 2, errors: 0 });
  expect(results.map(({ after, atMs, result }) => [after, (atMs - start) / 1000, result.kind])).toEqual([
    [1, 15, "alarm"],
  ]);
});

test("a dry run without end is refused", () => {
  const busy = `
    define trigger T at every 1 millisec;
    @source(type='things', property='temperature') define stream S (value double);
    from T select triggered_time insert into Out;
  `;
  const events = [reading("temperature", 1, 0), reading("temperature", 1, 3600)];
  expect(() => dryRun("busy", busy, events, { ...defaultRuleLimits, maxTestTimers: 500 })).toThrow(
    expect.objectContaining({ code: "LIMIT" }),
  );
});

test("a traced dry run says which events each output was made of", () => {
  const { trace = [] } = dryRun(
    "warm",
    warm,
    [reading("temperature", 20, 0), reading("temperature", 36, 1)],
    defaultRuleLimits,
    { isTraced: true },
  );
  const alarm = trace.find(({ row }) => JSON.stringify(row) === '["dh1","my dh1",36]');
  expect(alarm).toMatchObject({ after: 1, isExpired: false, inputs: [{ input: "Temperatures" }] });
  expect(trace.every(({ after }) => after >= 0)).toBe(true);
});

test("after a long sleep timers run some at a time, in order, and no rule is stopped for it", () => {
  const every = `
    define trigger T at every 1 sec;
    @sink(type='stream') define stream Out (at long);
    from T select triggered_time as at insert into Out;
    from T select triggered_time + 1 as at insert into Out;
  `;
  const set = running({ every }, { maxResultsAtOnce: 2 });
  const ticks: number[] = [];
  for (let slices = 1; ; slices += 1) {
    const isDone = set.runDue(start + 10_000_000, 1_000);
    ticks.push(...set.takeResults().map(({ payload }) => JSON.parse(payload).at));
    expect(set.failures.size).toBe(0);
    if (isDone) {
      expect(slices).toBe(10);
      break;
    }
  }
  expect(ticks.length).toBe(20_000);
  expect(ticks).toEqual([...ticks].sort((a, b) => a - b));
});
