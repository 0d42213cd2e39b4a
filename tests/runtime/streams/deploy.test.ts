import { evictDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { appOf, batch, cloudOf, pairs, reading } from "./app.ts";

const totals = (results: readonly { payload: string }[]) =>
  results.map(({ payload }) => JSON.parse(payload).total);

test("deploy, list, stop, start, remove; the personal cloud learns which topics are wanted", async () => {
  const app = appOf("life");
  const cloud = cloudOf("life");
  expect(await app.list()).toEqual([]);
  expect(await app.deploy("pairs", pairs)).toMatchObject({ ok: { version: 1, state: "running" } });
  expect((await cloud.seen()).interest).toMatchObject({ version: 1, filters: ["telemetry/n"] });
  await app.take(batch(1, [reading("n", 1)]));

  expect(await app.stop("pairs")).toMatchObject({ ok: { state: "stopped" } });
  expect((await cloud.seen()).interest?.filters).toEqual([]);
  expect((await app.take(batch(2, [reading("n", 100)]))).results).toEqual([]);
  await evictDurableObject(app);
  expect(await app.start("pairs")).toMatchObject({ ok: { state: "running" } });
  // The first half of the pair was kept, the event while it was stopped was not taken.
  expect(totals((await app.take(batch(3, [reading("n", 2)]))).results)).toEqual([3]);

  expect((await app.list()).map(({ name, state }) => [name, state])).toEqual([["pairs", "running"]]);
  expect(await app.remove("pairs")).toEqual({ ok: true });
  expect(await app.list()).toEqual([]);
  expect(await app.status("pairs")).toMatchObject({ error: { code: "NOT_FOUND" } });
});

test("a text that is wrong is refused with its place, and changes nothing", async () => {
  const app = appOf("wrong");
  await app.deploy("pairs", pairs);
  const answer = await app.deploy("pairs", pairs.replace("from N#", "from M#"));
  expect(answer).toMatchObject({ error: { code: "UNKNOWN_STREAM", line: 4, suggestion: "N" } });
  expect(await app.status("pairs")).toMatchObject({ ok: { version: 1, text: pairs, state: "running" } });
  await app.take(batch(1, [reading("n", 1)]));
  expect(totals((await app.take(batch(2, [reading("n", 2)]))).results)).toEqual([3]);
});

test("a changed text keeps the state of what did not change, and starts what is new", async () => {
  const app = appOf("changed");
  await app.deploy("pairs", pairs);
  await app.take(batch(1, [reading("n", 1)]));
  const changed = `${pairs} from N[value > 50] select value as total insert into Pairs;`;
  expect(await app.deploy("pairs", changed)).toMatchObject({ ok: { version: 2, dropped: [] } });
  expect(totals((await app.take(batch(2, [reading("n", 60)]))).results)).toEqual([61, 60]);
  await evictDurableObject(app);
  expect(await app.deploy("pairs", changed)).toMatchObject({ ok: { version: 2 } });
  expect(await app.deploy("pairs", pairs, 1)).toMatchObject({ error: { code: "CONFLICT" } });
  expect(await app.deploy("other", pairs, 0)).toMatchObject({ ok: { version: 1 } });
});

test("a rule that fails at every event does not hold up its neighbour, and says so", async () => {
  const app = appOf("failing");
  const failing = `
    @source(type='things', property='n') define stream N (value long);
    @sink(type='stream') define stream Out (value long);
    define table T (value long);
    from N select value insert into T;
    from N select value insert into Loop;
    from Loop select value insert into Loop;
  `;
  await app.deploy("failing", failing);
  await app.deploy("pairs", pairs);
  const { results } = await app.take(batch(1, [reading("n", 1), reading("n", 2)]));
  expect(totals(results)).toEqual([3]);
  expect(await app.metrics("failing")).toMatchObject({ ok: { eventsIn: 2 } });
  const failed = await app.metrics("failing");
  expect("ok" in failed && failed.ok.errors).toBeGreaterThan(0);
  expect(await app.status("failing")).toMatchObject({ ok: { state: "running", error: { code: "RUNTIME" } } });
});

test("a rule that floods is stopped for good with LIMIT, and can be started again", async () => {
  const app = appOf("flood");
  const flood = `
    @source(type='things', property='n') define stream N (value long);
    @sink(type='stream') define stream Out (value long);
    from N#window.lengthBatch(1001) select value insert into Out;
  `;
  await app.deploy("flood", flood);
  await app.deploy("pairs", pairs);
  const events = Array.from({ length: 1_002 }, (_, i) => reading("n", i));
  const answer = await app.take(batch(1, events));
  expect(answer.results.filter(({ rule }) => rule === "flood").length).toBe(1_000);
  expect(answer.results.filter(({ rule }) => rule === "pairs").length).toBe(501);
  await evictDurableObject(app);
  expect(await app.status("flood")).toMatchObject({ ok: { state: "failed", error: { code: "LIMIT" } } });
  expect(await app.start("flood")).toMatchObject({ ok: { state: "running" } });
  const again = await app.take(batch(2_000, [reading("n", 7), reading("n", 8)]));
  expect(again.results.at(-1)).toMatchObject({ rule: "pairs", payload: '{"total":15}' });
  expect(await app.metrics("flood")).toMatchObject({ ok: { streams: { N: 2, Out: 0 } } });
  expect(await app.status("flood")).toMatchObject({ ok: { state: "running" } });
});

test("a dry run over what came lately puts out the same and changes nothing", async () => {
  const app = appOf("dry");
  await app.deploy("pairs", pairs);
  await app.take(
    batch(
      1,
      [1, 2, 3].map((n) => reading("n", n)),
    ),
  );
  const answer = await app.dryRun({ name: "pairs" });
  expect(answer).toMatchObject({ ok: { eventsIn: 3, errors: 0, results: [{ after: 1 }] } });
  expect(await app.dryRun({ text: "define stream" })).toMatchObject({ error: { code: "SYNTAX" } });
  expect(totals((await app.take(batch(4, [reading("n", 4)]))).results)).toEqual([3, 7]);
});

test("a new text is tried over what came since a time, with what each query put out and still holds", async () => {
  const app = appOf("since");
  await app.deploy("pairs", pairs);
  const startMs = Date.now() - 60_000;
  await app.take(
    batch(
      1,
      [1, 2, 3, 4, 5].map((n) => reading("n", n, startMs + n * 1000)),
    ),
  );
  const text = pairs.replace("lengthBatch(2)", "lengthBatch(3)");
  const whole = await app.dryRun({ name: "pairs", text, isTraced: true });
  expect(whole).toMatchObject({ ok: { eventsIn: 5, results: [{ after: 2 }] } });
  const answer = await app.dryRun({ name: "pairs", text, sinceMs: startMs + 2_000, isTraced: true });
  expect(answer).toMatchObject({
    ok: {
      eventsIn: 4,
      results: [{ after: 2, result: { payload: '{"total":9}' } }],
      holds: [{ rows: expect.any(Number) }],
      trace: [{ after: 2, isExpired: false, row: [9], inputs: [{ input: "N", values: { value: 4 } }] }],
      isTraceCut: false,
    },
  });
  expect(await app.status("pairs")).toMatchObject({ ok: { text: pairs, version: 1 } });
});

test("metrics: events in and out, rows, size of the state, lag", async () => {
  const app = appOf("numbers");
  await app.deploy("pairs", pairs);
  await app.take(
    batch(
      1,
      [1, 2, 3].map((n) => reading("n", n, Date.now() - 1000)),
    ),
  );
  await app.stop("pairs");
  await app.start("pairs");
  const answer = await app.metrics("pairs");
  expect(answer).toMatchObject({ ok: { eventsIn: 3, eventsOut: 1, errors: 0, rows: expect.any(Number) } });
  // Three events in, one out.
  expect(answer).toMatchObject({ ok: { steps: 4, timers: 0, busyMs: expect.any(Number) } });
  await evictDurableObject(app);
  await app.take(batch(4, [reading("n", 4)]));
  expect(await app.metrics("pairs")).toMatchObject({ ok: { eventsIn: 4, steps: 6 } });
  expect("ok" in answer && answer.ok.snapshotBytes).toBeGreaterThan(100);
});

test("forgotten: no rule, no state, and a new sequence of results", async () => {
  const app = appOf("forgotten");
  await app.deploy("pairs", pairs);
  const before = await app.take(
    batch(
      1,
      [1, 2].map((n) => reading("n", n)),
    ),
  );
  await app.forget();
  expect(await app.list()).toEqual([]);
  await app.deploy("pairs", pairs);
  const after = await app.take(
    batch(
      1,
      [1, 2].map((n) => reading("n", n)),
    ),
  );
  expect(after.origin).not.toBe(before.origin);
  expect(totals(after.results)).toEqual([3]);
});
