import { describe, expect, test } from "vitest";
import { CepApp, type Output } from "./app.ts";
import { failing } from "./conformance/failing.ts";
import { dryRun } from "./dry-run.ts";
import { Bench } from "./testing.ts";

const clock = { now: () => 1_000_000 };
const SUM =
  "@app:name('sums') define stream S (k string, v int); @info(name='total') from S#window.length(3) select k, sum(v) as total insert into Out;";

describe("effectively once", () => {
  const events = Array.from({ length: 12 }, (_, i) => ["k", i]);

  /** Feeds events from an offset; collects what leaves. */
  function feed(app: CepApp, from: number, to: number, out: Output[]): void {
    app.onOutput("Out", (o) => out.push(o));
    for (let i = from; i < to; i++) app.sendFrom("log", i, "S", [...(events[i] ?? [])], 1_000_000 + i);
  }

  test("a replay after a crash gives the same ids and sends nothing twice", () => {
    const whole: Output[] = [];
    const straight = new CepApp(SUM, { clock });
    straight.start();
    feed(straight, 0, 12, whole);

    const sent: Output[] = [];
    const first = new CepApp(SUM, { clock });
    first.start();
    feed(first, 0, 4, sent);
    const saved = first.snapshot();
    for (let i = 4; i < 9; i++) first.sendFrom("log", i, "S", [...(events[i] ?? [])], 1_000_000 + i);
    // Here it crashes: outputs 1 to 9 have left, the snapshot knows of 4 inputs.
    const second = new CepApp(SUM, { clock });
    second.restore(saved);
    second.acknowledge("Out", sent.at(-1)?.number ?? 0);
    expect(second.offsetOf("log")).toBe(3);
    feed(second, 0, 12, sent);
    expect(sent).toEqual(whole);
    expect(new Set(sent.map((o) => o.id)).size).toBe(12);
    expect(sent[0]?.id).toBe("sums/Out/1");
  });

  test("an offset that the state holds is passed over", () => {
    const app = new CepApp(SUM, { clock });
    app.start();
    expect([
      app.sendFrom("log", 1, "S", ["a", 1]),
      app.sendFrom("log", 1, "S", ["a", 1]),
      app.sendFrom("other", 1, "S", ["a", 1]),
    ]).toEqual([true, false, true]);
  });
});

describe("changing an app", () => {
  const two = (length: number) =>
    `define stream S (k string, v int); @info(name='kept') from S#window.length(3) select sum(v) as x insert into A; @info(name='changed') from S#window.length(${length}) select sum(v) as x insert into B;`;

  test("state stays where the operator is unchanged, and the rest is reported", () => {
    const old = new Bench(two(3)).start();
    old.send("S", ["a", 1], ["a", 2]);
    const changed = new Bench(
      `${two(4)} @info(name='new') from S#window.length(2) select sum(v) as x insert into C;`,
    ).watch("A", "B", "C");
    const report = changed.app.restore(old.app.snapshot());
    changed.send("S", ["a", 4]);
    expect([changed.rows.A, changed.rows.B, changed.rows.C]).toEqual([[[7]], [[4]], [[4]]]);
    expect(report.dropped.length).toBeGreaterThan(0);
    expect(report.dropped.every((d) => d.startsWith("changed/"))).toBe(true);
  });

  test("the same text drops nothing, another table shape drops the table", () => {
    const table = (type: string) =>
      `define stream S (k string, v ${type}); define table T (k string, v ${type}); from S insert into T;`;
    const old = new Bench(table("int")).start().send("S", ["a", 1]);
    const saved = old.app.snapshot();
    expect(new Bench(table("int")).app.restore(saved).dropped).toEqual([]);
    expect(new Bench(table("long")).app.restore(saved).dropped).toContain("table:T");
  });

  test("a snapshot that is none is refused", () => {
    expect(() => new Bench(SUM).app.restore("{}")).toThrow(expect.objectContaining({ code: "SNAPSHOT" }));
    expect(() => new Bench(SUM).app.restore("nonsense")).toThrow(
      expect.objectContaining({ code: "SNAPSHOT" }),
    );
  });
});

describe("dry run", () => {
  const text =
    "define stream A (k string, v int); define stream B (k string, v int); @info(name='high') from A[v > 5] select k, v insert into High; @info(name='pair') from every e1=High -> e2=B[k == e1.k] within 10 sec select e1.v as x, e2.v as y insert into Pairs; @info(name='never') from B[v > 100] select k insert into Never;";

  test("each output is shown with the events it came from, and silent queries with what they hold", () => {
    const result = dryRun(text, [
      { stream: "A", timestamp: 1000, row: ["x", 9] },
      { stream: "A", timestamp: 2000, row: ["x", 1] },
      { stream: "B", timestamp: 3000, row: ["x", 2] },
      { stream: "A", timestamp: 4000, row: ["y", 8] },
    ]);
    expect(result.trace.map((t) => [t.query, t.timestamp, t.row])).toEqual([
      ["high", 1000, ["x", 9]],
      ["pair", 3000, [9, 2]],
      ["high", 4000, ["y", 8]],
    ]);
    expect(result.trace[1]?.inputs).toEqual([
      { input: "e1", timestamp: 1000, values: { k: "x", v: 9 } },
      { input: "e2", timestamp: 3000, values: { k: "x", v: 2 } },
    ]);
    expect(result.queries.map((q) => [q.query, q.outputs])).toEqual([
      ["high", 2],
      ["pair", 1],
      ["never", 0],
    ]);
    expect(result.streams).toMatchObject({ A: 3, B: 1, High: 2 });
  });

  test("timers run in the time of the history, and it says no more than asked for", () => {
    const late = dryRun(
      "define stream S (v int); @info(name='q') from S#window.timeBatch(1 sec) select sum(v) as x insert into Out;",
      [0, 400, 1200].map((t) => ({ stream: "S", timestamp: 1_600_000_000_000 + t, row: [1] })),
      { settleMs: 5000, limit: 1 },
    );
    expect(late.trace.map((t) => [t.timestamp, t.row])).toEqual([[1_600_000_000_400, [2]]]);
    expect(late.queries[0]?.outputs).toBe(2);
  });
});

describe("time", () => {
  test("with playback the events' own times drive the windows", () => {
    const bench = new Bench(
      "@app:playback define stream S (v int); from S#window.timeBatch(1 sec) select sum(v) as x insert into Out;",
    )
      .watch("Out")
      .start();
    for (const [t, v] of [
      [1000, 1],
      [1900, 2],
      [2100, 4],
      [3500, 8],
    ] as const)
      bench.app.send("S", [v], t);
    expect(bench.rows.Out).toEqual([[3], [4]]);
  });

  test("nextDue says when to call, and late timers run at their own times", () => {
    const bench = new Bench(
      "define trigger T at every 1 sec; from T select triggered_time as t insert into Out;",
    )
      .watch("Out")
      .start();
    expect(bench.app.nextDue()).toBe(1_001_000);
    bench.advance(3500);
    expect(bench.rows.Out).toEqual([[1_001_000], [1_002_000], [1_003_000]]);
    expect(bench.app.nextDue()).toBe(1_004_000);
    bench.app.shutdown();
    expect(bench.app.nextDue()).toBeUndefined();
  });
});

test("errors of a query reach the listener, the metrics and the fault stream, and no other query", () => {
  const bench = new Bench(
    "@OnError(action='stream') define stream S (v int); define stream Out (v int); from S select cast('x', 'int') + v as x insert into Broken; from S select v insert into Out; from !S select v, convert(_error, 'string') as reason insert into Faults;",
  )
    .watch("Out", "Faults")
    .start();
  bench.send("S", [1]);
  expect(bench.rows.Out).toEqual([[1]]);
  expect(bench.rows.Faults?.length).toBe(bench.errors.length);
  expect(bench.app.metrics().errors).toBe(bench.errors.length);
});

describe("failures in timers", () => {
  test.each([
    "from S#window.timeBatch(1 sec) select custom:fault() as x insert into Broken;",
    "from every e1=S -> not S for 1 sec select custom:fault() as x insert into Broken;",
    "partition with (v of S) begin from S#window.timeBatch(1 sec) select custom:fault() as x insert into Broken; end;",
    "from S#window.session(1 sec) select custom:fault() as x insert expired events into Broken;",
  ])("are told and hold up nothing else: %s", (query) => {
    const bench = new Bench(
      `define stream S (v int); ${query} from S#window.timeBatch(1 sec) select sum(v) as x insert into Out;`,
      { extensions: [failing(() => new Error("as asked"))] },
    )
      .watch("Out")
      .start();
    bench.send("S", [1]).advance(2500).send("S", [2]).advance(2500);
    expect(bench.rows.Out).toEqual([[1], [2]]);
    expect(bench.errors.map(String)).toEqual(["Error: as asked", "Error: as asked"]);
    expect(bench.app.metrics().errors).toBe(2);
  });
});
