import { expect, test } from "vitest";
import { soakEvictions } from "./support/evictions.ts";
import { soakKills } from "./support/kills.ts";
import { chooseSeed } from "./support/seed.ts";

/** The short form of `node tests/soak/long.ts`. */
const seed = chooseSeed("soak");
const nothing = { lost: [], violations: [] };

test("evicted between any two packets, with the sockets open: nothing is lost, nothing comes twice", async () => {
  const verdict = await soakEvictions({ firstPort: 18_650, seed, evictions: 200, closingPercent: 0 });
  expect(verdict).toMatchObject({ ...nothing, hibernated: 200 });
  expect(verdict.acknowledged).toBeGreaterThan(50);
});

test("evicted with its sockets, and the subscriber cut off: sessions and subscriptions are still there", async () => {
  const verdict = await soakEvictions({
    firstPort: 18_650,
    seed: seed + 1,
    evictions: 100,
    closingPercent: 20,
  });
  expect(verdict).toMatchObject(nothing);
  expect(verdict.closed).toBeGreaterThan(0);
  expect(verdict.connections).toBeGreaterThan(2);
});

test("kill -9 in mid-traffic: nothing acknowledged is lost, QoS 2 comes once", async () => {
  const verdict = await soakKills({ firstPort: 18_650, seed, kills: 5 });
  expect(verdict).toMatchObject(nothing);
  expect(verdict.connections).toBeGreaterThanOrEqual(12);
});
