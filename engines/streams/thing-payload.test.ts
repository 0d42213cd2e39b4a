import { expect, test } from "vitest";
import type { ThingEvent } from "./hand-over.ts";
import { readPayload } from "./thing-payload.ts";

const atMs = Date.UTC(2026, 10, 22);
const readings = (payload: string, topic = "telemetry/temperature") =>
  readPayload({ device: "dh1", name: "x", topic, payload, atMs } satisfies ThingEvent).readings;

test("a pack's base fields hold for the records after them, and times below 2^28 are relative", () => {
  const pack =
    '[{"bn":"urn:dev:mac:0024be","bt":1700000000,"bu":"Cel","n":"t","v":1},{"n":"h","u":"%RH","v":2,"t":5}]';
  expect(readings(pack)).toEqual([
    { property: "t", value: 1, unit: "Cel", timeMs: 1_700_000_000_000 },
    { property: "h", value: 2, unit: "%RH", timeMs: 1_700_000_005_000 },
  ]);
  expect(readings('[{"v":3,"t":-2}]')).toEqual([
    { property: "temperature", value: 3, unit: undefined, timeMs: atMs - 2000 },
  ]);
});

test.each([1e300, -1e300, 4e9, 90_000, -1e10])(
  "a time of %d s, before 1970 or more than a day ahead, is when it came",
  (t) => {
    expect(readings(JSON.stringify([{ v: 1, t }]))).toMatchObject([{ timeMs: atMs }]);
  },
);

test("values of each kind, and base values, are read", () => {
  expect(readings('[{"bv":10,"v":1},{"vb":true},{"vs":"on"}]').map(({ value }) => value)).toEqual([
    11,
    true,
    "on",
  ]);
});

test.each([
  ["a bare number", "21.5", 21.5],
  ["a bare word", "on", "on"],
  ["an empty pack", "[]", []],
  ["a list that is no pack", "[1,2]", [1, 2]],
  ["a flat object", '{"a":1}', { a: 1 }],
])("%s is one reading of the topic's property", (_, payload, value) => {
  expect(readings(payload)).toEqual([{ property: "temperature", value, unit: undefined, timeMs: atMs }]);
});

test("the property of anything but telemetry is the topic's last level", () => {
  expect(readings("1", "event/door/open").map(({ property }) => property)).toEqual(["open"]);
});
