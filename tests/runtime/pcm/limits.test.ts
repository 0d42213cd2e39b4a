import { expect, test } from "vitest";
import { limitsFrom } from "../../../durable-objects/pcm/config.ts";
import { defaultLimits } from "../../../engines/broker/limits.ts";

test("without the variable the defaults hold", () => {
  expect(limitsFrom(undefined)).toBe(defaultLimits);
  expect(limitsFrom("")).toBe(defaultLimits);
});

test("a limit may be changed by name", () => {
  expect(limitsFrom('{"messagesPerSecond":5000}')).toEqual({ ...defaultLimits, messagesPerSecond: 5000 });
});

test.each(['{"messagePerSecond":1}', '{"messagesPerSecond":"1"}', '{"sessions":-1}', "[1]", "1"])(
  "a slip in it is an error: %s",
  (text) => {
    expect(() => limitsFrom(text)).toThrow();
  },
);
