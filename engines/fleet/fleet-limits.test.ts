import { expect, test } from "vitest";
import { defaultFleetLimits, fleetLimitsFrom } from "./fleet-limits.ts";
import { shardOfKey } from "./shard-key.ts";

test("limits are changed by name; what is no limit is refused", () => {
  expect(fleetLimitsFrom(undefined)).toBe(defaultFleetLimits);
  expect(fleetLimitsFrom('{"shards":8,"maxRows":5}')).toEqual({
    ...defaultFleetLimits,
    shards: 8,
    maxRows: 5,
  });
  for (const wrong of [
    '{"shard":8}',
    '{"shards":17}',
    '{"shards":0}',
    '{"maxUsers":1.5}',
    '{"maxRules":"2"}',
  ])
    expect(() => fleetLimitsFrom(wrong)).toThrow(/no limit/);
});

test("a key goes to the same shard for ever, and many keys to all of them", () => {
  // Fixed: rows of a key that moved would be lost to its windows.
  expect(["", "a", "user-1", "ü€𐍈"].map((key) => shardOfKey(key, 4))).toEqual([1, 0, 0, 1]);
  const counts = Array.from({ length: 7 }, () => 0);
  for (let i = 0; i < 7_000; i++) {
    const shard = shardOfKey(`key-${i}`, 7);
    counts[shard] = (counts[shard] ?? 0) + 1;
  }
  for (const count of counts) expect(count).toBeGreaterThan(700);
});
