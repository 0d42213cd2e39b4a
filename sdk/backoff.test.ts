import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";

test("it doubles from one second and stays within a quarter of that", () => {
  expect([0, 1, 2, 3].map((attempt) => backoffMs(attempt, 0.5))).toEqual([1000, 2000, 4000, 8000]);
  expect(backoffMs(3, 0)).toBe(6000);
  expect(backoffMs(3, 0.999_999)).toBe(10_000);
});

test("it never exceeds fifteen minutes, however many failures there were", () => {
  for (const attempt of [10, 11, 40, 1000, 1e9]) {
    expect(backoffMs(attempt, 0.9)).toBeLessThanOrEqual(15 * 60_000);
    expect(backoffMs(attempt, 0)).toBeGreaterThan(11 * 60_000);
  }
});

test("a server that asks for more time gets it", () => {
  expect(backoffMs(0, 0.5, { retryAfterSeconds: 30 })).toBe(30_000);
  expect(backoffMs(6, 0.5, { retryAfterSeconds: 30 })).toBe(64_000);
});
