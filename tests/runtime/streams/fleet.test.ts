import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import {
  evictFleet,
  GrantingUser,
  gateway,
  hubOf,
  resultsOf,
  runAlarms,
  shardOf,
  shards,
  sums,
} from "./fleet.ts";

const fleetCounts = (results: unknown[]) => results.filter((r) => JSON.stringify(r).includes('"users"'));

test("evicted after every event, each is counted once: by device in the shards, over the fleet in the combining object", async () => {
  const app = "evicted";
  const hub = hubOf(app);
  const deployed = await hub.deploy("sums", sums);
  expect(deployed).toMatchObject({
    ok: {
      version: 1,
      state: "running",
      fleet: { outputs: [{ stream: "Sums" }, { stream: "Fleet" }, { stream: "Lamp" }] },
    },
  });
  const users = Array.from({ length: 6 }, (_, i) => new GrantingUser(app, `u${i}`));
  for (const user of users)
    expect(await user.join()).toMatchObject({ version: 1, shards, routes: [{ filter: "telemetry/n" }] });
  const used = new Set<number>();
  for (let round = 1; round <= 3; round += 1) {
    for (const user of users) {
      const [sent] = await user.send(round);
      used.add(sent?.shard ?? -1);
      await evictFleet(app);
      if (sent === undefined) throw new Error("no shard wants it");
      // Sent again, as after a lost answer: taken once.
      expect(await shardOf(app, sent.shard).take(user.user, sent.batch)).toEqual(sent.answer);
    }
  }
  expect(used.size).toBeGreaterThan(1);
  const results = await resultsOf(app, 36);
  expect(results).toHaveLength(36);
  expect(fleetCounts(results).at(-1)).toEqual({ n: 18, users: 6 });
  for (const { user } of users) {
    const totals = results.filter((r) => JSON.stringify(r).includes(`"d-${user}"`));
    expect(totals).toEqual([1, 3, 6].map((total) => ({ device: `d-${user}`, total })));
  }
  expect(await hub.metrics("sums")).toMatchObject({ ok: { eventsIn: 18, errors: 0 } });
  await runAlarms(app);
  for (const { wayBack, user } of users) {
    expect((await gateway.seen(wayBack)).results).toMatchObject([
      { kind: "command", user, device: `d-${user}` },
    ]);
  }
  expect(await hub.size()).toMatchObject({ users: 6, shards, droppedReturns: 0 });
});

test("a grant that is over: late batches are refused, nothing that names it is kept, nothing goes back", async () => {
  const app = "over";
  const hub = hubOf(app);
  await hub.deploy("sums", sums);
  const [leaving, staying] = [
    new GrantingUser(app, "leaving-user-00"),
    new GrantingUser(app, "staying-user-00"),
  ];
  await leaving.join();
  await staying.join();
  const [sent] = await leaving.send(3);
  await staying.send(3);
  await resultsOf(app, 4);
  await gateway.away(leaving.wayBack, true);
  await leaving.send(4); // a command for the user waits in the combining object
  await resultsOf(app, 6);

  await hub.leave(leaving.user, [`d-${leaving.user}`]);
  if (sent === undefined) throw new Error("no shard wants it");
  const late = { source: leaving.user, events: [[99, sent.batch.events[0]?.[1]]] } as typeof sent.batch;
  expect(await shardOf(app, sent.shard).take(leaving.user, late)).toMatchObject({ isOver: true });
  expect(await leaving.join()).toEqual({ isFull: false });

  const kept = await hub.results(0, 1_000);
  expect(JSON.stringify(kept)).not.toContain(leaving.user);
  expect(JSON.stringify(kept)).toContain(staying.user);
  await gateway.away(leaving.wayBack, false);
  await runAlarms(app);
  expect((await gateway.seen(leaving.wayBack)).results).toEqual([]);
  for (let shard = 0; shard < shards; shard += 1) {
    const rows = await runInDurableObject(shardOf(app, shard), (_, { storage }) =>
      ["state", "rule", "snapshot", "waiting_result", "log", "feeder"].flatMap((table) =>
        storage.sql.exec(`SELECT * FROM ${table}`).toArray(),
      ),
    );
    expect(JSON.stringify(rows)).not.toContain(leaving.user);
  }
  // Whoever stays goes on where they were, and so does the fleet's count, which no one can be taken out of.
  await staying.send(1);
  const results = await resultsOf(app, 6);
  expect(results).toContainEqual({ device: `d-${staying.user}`, total: 4 });
  expect(fleetCounts(results).at(-1)).toEqual({ n: 4, users: 2 });
});

test("while a personal cloud is out of reach its results wait, each is carried out once, and nobody else waits", async () => {
  const app = "away";
  const hub = hubOf(app);
  await hub.deploy("sums", sums);
  const [gone, here] = [new GrantingUser(app, "gone"), new GrantingUser(app, "here")];
  await gone.join();
  await here.join();
  await gateway.away(gone.wayBack, true);
  await gone.send(6);
  await here.send(7);
  await resultsOf(app, 4);
  await runAlarms(app);
  expect((await gateway.seen(here.wayBack)).results).toHaveLength(1);
  await evictDurableObject(hub);
  await gone.send(1);
  await resultsOf(app, 6);
  await gateway.away(gone.wayBack, false);
  await runAlarms(app);
  await runAlarms(app);
  const { results } = await gateway.seen(gone.wayBack);
  expect(results.map(({ payload }) => JSON.parse(payload).value)).toEqual([true, true]);
  expect(new Set(results.map(({ id }) => id)).size).toBe(2);
});

test("deploy, stop and start reach shards and personal clouds; an unchanged operator keeps its state", async () => {
  const app = "life";
  const hub = hubOf(app);
  const user = new GrantingUser(app, "u");
  expect(await user.join()).toMatchObject({ version: 0, routes: [] });
  expect(
    await hub.deploy("sums", "define stream S (a int);\nfrom T select a insert into Out;"),
  ).toMatchObject({
    error: { code: "UNKNOWN_STREAM", line: 2 },
  });
  await hub.deploy("sums", sums);
  await runAlarms(app);
  expect((await user.interest()).routes).toEqual([{ filter: "telemetry/n" }]);
  await user.send(1);
  await resultsOf(app, 2);

  expect(await hub.stop("sums")).toMatchObject({ ok: { state: "stopped" } });
  await runAlarms(app);
  expect((await user.interest()).routes).toEqual([]);
  expect(await user.send(100)).toEqual([]);
  expect(await hub.start("sums")).toMatchObject({ ok: { state: "running" } });
  await runAlarms(app);
  await user.send(2);
  expect(await resultsOf(app, 4)).toContainEqual({ device: "d-u", total: 3 });

  const changed = sums.replace("total > 5", "total > 4");
  expect(await hub.deploy("sums", changed, 1)).toMatchObject({ ok: { version: 2 } });
  expect(await hub.deploy("sums", changed, 1)).toMatchObject({ error: { code: "CONFLICT" } });
  await runAlarms(app);
  await user.send(2);
  expect(await resultsOf(app, 6)).toContainEqual({ device: "d-u", total: 5 });
  expect(await hub.remove("sums")).toEqual({ ok: true });
  expect(await hub.list()).toEqual([]);
});

test("a rule that floods in one shard is failed with LIMIT, says so, and its neighbour goes on", async () => {
  const app = "flood";
  const hub = hubOf(app);
  const flood = `
    @source(type='things', property='n') define stream N (user string, value long);
    @sink(type='stream') define stream Out (user string, value long);
    partition with (user of N) begin
      from N#window.lengthBatch(1001) select user, value insert into Out;
    end;`;
  await hub.deploy("flood", flood);
  await hub.deploy("sums", sums);
  const user = new GrantingUser(app, "u");
  await user.join();
  const event = { user: "u", device: "d", name: "", topic: "telemetry/n", payload: "1", atMs: Date.now() };
  const [sent] = await user.send(1);
  if (sent === undefined) throw new Error("no shard wants it");
  const events = Array.from({ length: 1000 }, (_, i) => [i + 2, event] as const);
  await shardOf(app, sent.shard).take("u", { source: "u", events });
  expect(await hub.status("flood")).toMatchObject({ ok: { state: "failed", error: { code: "LIMIT" } } });
  expect(await hub.status("sums")).toMatchObject({ ok: { state: "running" } });
  expect(fleetCounts(await resultsOf(app, 1_000)).at(-1)).toMatchObject({ users: 1 });
  expect(await hub.start("flood")).toMatchObject({ ok: { state: "running" } });
});

test("a device that may not be read any more is forgotten by its name, and the user's other device is not", async () => {
  const app = "narrowed";
  const hub = hubOf(app);
  await hub.deploy("sums", sums);
  const user = new GrantingUser(app, "u");
  await user.join();
  await user.send(1, "device-to-forget");
  await user.send(2, "device-that-stays");
  await resultsOf(app, 4);
  await hub.forget(["device-to-forget"]);
  expect(JSON.stringify(await hub.results(0, 1_000))).not.toContain("device-to-forget");
  await evictFleet(app);
  await user.send(1, "device-that-stays");
  await user.send(1, "device-to-forget");
  const results = await resultsOf(app, 6);
  expect(results).toContainEqual({ device: "device-that-stays", total: 3 });
  expect(results).toContainEqual({ device: "device-to-forget", total: 1 });
});

test("limits are announced, and enforced with LIMIT", async () => {
  const app = "limits";
  const hub = hubOf(app);
  const { limits } = await hub.size();
  for (let i = 0; i < limits.maxRules; i += 1) {
    expect(await hub.deploy(`rule-${i}`, sums)).toMatchObject({ ok: { state: "running" } });
  }
  expect(await hub.deploy("one-more", sums)).toMatchObject({ error: { code: "LIMIT" } });
  expect(await hub.deploy("rule-0", `${sums}${" ".repeat(limits.maxTextBytes)}`)).toMatchObject({
    error: { code: "LIMIT" },
  });
  expect(await hub.dryRun({ text: sums })).toMatchObject({ error: { code: "EVENTS" } });
});
