import { runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { Deployment } from "../../../durable-objects/stream-app/deployment.ts";
import { Journal } from "../../../durable-objects/stream-app/journal.ts";
import { StreamStore } from "../../../durable-objects/stream-app/store.ts";
import { defaultRuleLimits } from "../../../engines/streams/rule-limits.ts";
import { wireOwners } from "../../../engines/streams/wiring.ts";
import { appOf, pairs, reading } from "./app.ts";

afterEach(() => vi.useRealTimers());

const ticking = `
  define trigger T at every 10 sec;
  @sink(type='webhook', url='https://example.org/hook') define stream Out (at long);
  from T select triggered_time as at insert into Out;
`;

test("with its memory gone after any entry, every posting is posted once", async () => {
  await runInDurableObject(appOf("postings"), (_, { storage }) => {
    const posted: number[] = [];
    const awake = () =>
      new Journal(new StreamStore(storage.sql), defaultRuleLimits, {
        wire: wireOwners,
        historyEntries: 10,
        post: (postings) => posted.push(...postings.map(({ number }) => number)),
      });
    let journal = awake();
    const deployment = new Deployment(journal, defaultRuleLimits);
    // Three timers fall due at once: a thousand are run at a time, which cuts such a three apart.
    for (const rule of ["one", "two", "three"]) deployment.deploy(rule, ticking);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 * 1_000 + 5_000 });
    for (let i = 0; i < 4; i += 1) {
      journal.enter([]);
      journal = awake();
    }
    expect(posted).toEqual(Array.from({ length: 3_000 }, (_, i) => i + 1));
  });
});

test("a checkpoint writes the rules whose state is another one, and only those", async () => {
  await runInDurableObject(appOf("checkpoints"), (_, { storage }) => {
    const journal = new Journal(new StreamStore(storage.sql), defaultRuleLimits);
    const deployment = new Deployment(journal, defaultRuleLimits);
    deployment.deploy("pairs", pairs);
    deployment.deploy(
      "filter",
      `@source(type='things', property='n') define stream N (value long);
       @sink(type='stream') define stream Out (value long);
       from N[value < 0] select value insert into Out;`,
    );
    const written = () =>
      storage.sql.exec<{ rule: string }>("SELECT rule FROM snapshot ORDER BY rule").toArray();
    expect(written().map(({ rule }) => rule)).toEqual(["filter", "pairs"]);
    storage.sql.exec("DELETE FROM snapshot");
    journal.enter([reading("n", 1)]);
    journal.checkpoint();
    expect(written().map(({ rule }) => rule)).toEqual(["pairs"]);
    const counted = new Journal(new StreamStore(storage.sql), defaultRuleLimits).rules.get(
      "filter",
    )?.counters;
    expect(counted).toMatchObject({ eventsIn: 1, eventsOut: 0 });
  });
});
