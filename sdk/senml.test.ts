import { expect, test } from "vitest";
import { decodeSenml, encodeSenml } from "./senml.ts";

test("a sample is one record, its number as it was measured", () => {
  expect(encodeSenml({ name: "temperature", unit: "Cel", value: 24.94, timeSeconds: 1_513_939_781 })).toBe(
    '[{"n":"temperature","u":"Cel","v":24.94,"t":1513939781}]',
  );
  expect(encodeSenml({ name: "led", value: true })).toBe('[{"n":"led","vb":true}]');
  expect(encodeSenml({ name: "mode", value: "eco" })).toBe('[{"n":"mode","vs":"eco"}]');
});

test.each([0, -0.5, 1e-7, 24.94, true, false, "", "ä\u{1f600}"])("%j comes back as it went", (value) => {
  const sample = { name: "x", unit: "Cel", value, timeSeconds: 12.5 };
  expect(decodeSenml(encodeSenml(sample), "ignored")).toEqual([sample]);
});

test("base name, time, unit and value carry over to the records after them", () => {
  const pack =
    '[{"bn":"room-","bt":100,"bu":"Cel","bv":20,"n":"a","v":1},{"n":"b","v":2,"t":5},{"n":"c","vb":true,"u":"/"}]';
  expect(decodeSenml(pack, "")).toEqual([
    { name: "room-a", value: 21, unit: "Cel", timeSeconds: 100 },
    { name: "room-b", value: 22, unit: "Cel", timeSeconds: 105 },
    { name: "room-c", value: true, unit: "/", timeSeconds: 100 },
  ]);
});

test("a bare value takes the property's name", () => {
  expect(decodeSenml("21.5", "temperature")).toEqual([{ name: "temperature", value: 21.5 }]);
});

test.each(["", "{", "null", "{}", "[1]", "[null]"])("%j is no telemetry", (payload) => {
  expect(decodeSenml(payload, "x")).toBeUndefined();
});
