import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import type { BatchAnswer } from "../../../engines/streams/hand-over.ts";
import { appOf, batch, cloudOf, nothingTaken, pairs, reading, silence } from "./app.ts";

afterEach(() => vi.useRealTimers());

/** Moves the clock that the objects read; alarms are then run by hand. */
function pass(ms: number): void {
  const nowMs = Date.now();
  vi.useFakeTimers({ toFake: ["Date"], now: nowMs + ms });
}

const totals = ({ results }: BatchAnswer) => results.map(({ payload }) => JSON.parse(payload).total);

test("evicted after every event, the windows are intact and the results keep their numbers", async () => {
  const app = appOf("evicted");
  await app.deploy("pairs", pairs);
  const seen = new Map<string, number>();
  let taken = nothingTaken;
  for (let i = 1; i <= 20; i += 1) {
    const answer = await app.take(batch(i, [reading("n", i)], taken));
    for (const { id, payload } of answer.results) {
      expect(seen.has(id)).toBe(false);
      seen.set(id, JSON.parse(payload).total);
    }
    taken = { origin: answer.origin, number: answer.results.at(-1)?.number ?? taken.number };
    await evictDurableObject(app);
  }
  expect([...seen.values()]).toEqual([3, 7, 11, 15, 19, 23, 27, 31, 35, 39]);
});

test("a batch that comes again changes nothing, and brings the results again under the same ids", async () => {
  const app = appOf("again");
  await app.deploy("pairs", pairs);
  const sent = batch(1, [reading("n", 1), reading("n", 2), reading("n", 3)]);
  const first = await app.take(sent);
  expect([first.accepted, totals(first)]).toEqual([3, [3]]);
  await evictDurableObject(app);
  expect(await app.take(sent)).toEqual(first);
  // Half of it is new.
  const second = await app.take(batch(3, [reading("n", 3), reading("n", 4)]));
  expect([second.accepted, totals(second)]).toEqual([4, [3, 7]]);
  expect(second.results[0]).toEqual(first.results[0]);
});

test("what was carried out is not handed over again, before and after an eviction", async () => {
  const app = appOf("acknowledged");
  await app.deploy("pairs", pairs);
  const { origin, results } = await app.take(
    batch(
      1,
      [1, 2, 3, 4].map((n) => reading("n", n)),
    ),
  );
  const taken = { origin, number: results[0]?.number ?? 0 };
  expect(totals(await app.take(batch(5, [reading("n", 5)], taken)))).toEqual([7]);
  await evictDurableObject(app);
  expect(totals(await app.take(batch(6, [], nothingTaken)))).toEqual([7]);
});

test("over a checkpoint nothing is lost: snapshot, waiting results and the rest of the log", async () => {
  const app = appOf("checkpoint");
  await app.deploy("pairs", pairs);
  let answer: BatchAnswer | undefined;
  const expected: number[] = [];
  for (let first = 1; first <= 1201; first += 100) {
    const events = Array.from({ length: 100 }, (_, i) => reading("n", first + i));
    answer = await app.take(batch(first, events));
    for (let i = first; i < first + 100; i += 2) expected.push(2 * i + 1);
    if (first % 300 === 1) await evictDurableObject(app);
  }
  expect(totals(answer as BatchAnswer)).toEqual(expected); // the loop ran
  await runInDurableObject(app, (_, { storage }) => {
    const { content } = storage.sql.exec<{ content: string }>("SELECT content FROM state").one();
    expect(JSON.parse(content).seq).toBeGreaterThan(0);
  });
});

test("a timer runs from a sleeping object, once, and its result goes to the personal cloud", async () => {
  const app = appOf("silent");
  await app.deploy("silence", silence);
  await app.take(batch(1, [reading("n", 1)]));
  await evictDurableObject(app);
  pass(601_000);
  expect(await runDurableObjectAlarm(app)).toBe(true);
  await evictDurableObject(app);
  await runDurableObjectAlarm(app);
  const { deliveries } = await cloudOf("silent").seen();
  const results = deliveries.flatMap((delivery) => delivery.results);
  expect(results.map(({ kind, id }) => [kind, id])).toEqual([["alarm", "silence.1"]]);
});

test("a timer's result waits while the personal cloud is away, and is not lost by an eviction", async () => {
  const app = appOf("away");
  const cloud = cloudOf("away");
  await app.deploy("silence", silence);
  await app.take(batch(1, [reading("n", 1)]));
  await cloud.away(true);
  pass(601_000);
  await runDurableObjectAlarm(app);
  await evictDurableObject(app);
  expect((await cloud.seen()).deliveries).toEqual([]);
  await cloud.away(false);
  expect(await runDurableObjectAlarm(app)).toBe(true);
  const { deliveries } = await cloud.seen();
  expect(deliveries.flatMap(({ results }) => results.map(({ id }) => id))).toEqual(["silence.1"]);
});

test("before it sleeps the object writes a checkpoint, so that waking replays nothing", async () => {
  const app = appOf("sleeps");
  await app.deploy("pairs", pairs);
  await app.take(batch(1, [reading("n", 1)]));
  pass(6_000);
  expect(await runDurableObjectAlarm(app)).toBe(true);
  await runInDurableObject(app, (_, { storage }) => {
    const { content } = storage.sql.exec<{ content: string }>("SELECT content FROM state").one();
    const { n } = storage.sql.exec<{ n: number }>("SELECT MAX(seq) AS n FROM log").one();
    expect(JSON.parse(content).seq).toBe(n);
  });
  await evictDurableObject(app);
  expect(totals(await app.take(batch(2, [reading("n", 2)])))).toEqual([3]);
  // Nothing more is due, so nothing wakes it.
  pass(12_000);
  await runDurableObjectAlarm(app);
  expect(await runInDurableObject(app, (_, { storage }) => storage.getAlarm())).toBeNull();
});

test("after a day asleep the timers that were missed run some at a time, before the events that come now", async () => {
  const app = appOf("missed");
  const cloud = cloudOf("missed");
  const ticking = `
    define trigger T at every 10 sec;
    @source(type='things', property='n') define stream N (value long);
    @sink(type='stream') define stream Out (at long);
    from T select triggered_time as at insert into Out;
    from N select value as at insert into Out;
  `;
  await app.deploy("ticking", ticking);
  pass(24 * 3600 * 1000 + 5_000);
  // Behind by 8,640 timers: the event has to wait, and is not accepted yet.
  const first = await app.take(batch(1, [reading("n", 1)]));
  expect([first.accepted, first.results.length]).toEqual([0, 1_000]);
  const ticks: number[] = [];
  for (let i = 0; i < 12; i += 1) {
    pass(20);
    await runDurableObjectAlarm(app);
    await evictDurableObject(app);
  }
  const { deliveries } = await cloud.seen();
  const seen = new Map(
    deliveries.flatMap(({ results }) => results.map((r) => [r.id, JSON.parse(r.payload).at])),
  );
  ticks.push(...seen.values());
  expect(ticks.length).toBe(8_640);
  expect(ticks.every((at, i) => i === 0 || at - (ticks[i - 1] ?? 0) === 10_000)).toBe(true);
  const second = await app.take(batch(1, [reading("n", 1)]));
  expect(second.accepted).toBe(1);
  expect(second.results.map(({ payload }) => JSON.parse(payload).at)).toEqual([1]);
});
