import { expect, test } from "vitest";
import { Household, type HouseholdProperty, householdProperties, type Room, rooms } from "./household.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const monday = Date.parse("2026-03-02T00:00:00Z");
const week = Array.from({ length: 7 * 24 * 6 }, (_, index) => monday + index * 10 * MINUTE);

const curve = (home: Household, property: HouseholdProperty, room: Room) =>
  week.map((timeMs) => home.measure(property, room, timeMs));

test("the same seed gives the same values, asked in any order; another seed gives others", () => {
  const forward = new Household("one");
  const backward = new Household("one");
  const other = new Household("two");
  let differs = 0;
  for (const property of householdProperties) {
    for (const room of rooms) {
      const values = curve(forward, property, room);
      expect(week.toReversed().map((timeMs) => backward.measure(property, room, timeMs))).toEqual(
        values.toReversed(),
      );
      if (curve(other, property, room).join() !== values.join()) differs += 1;
    }
  }
  expect(differs).toBeGreaterThan(20);
});

test("some values are pinned, so that a change of the model is noticed", () => {
  const home = new Household(1);
  const noon = monday + 12 * HOUR;
  expect(
    Object.fromEntries(
      householdProperties.map((property) => [property, home.measure(property, "kitchen", noon)]),
    ),
  ).toMatchInlineSnapshot(`
    {
      "co2": 420,
      "light": 389,
      "motion": 0,
      "power": 90.6,
      "sound": 0.04,
      "temperature": 21.21,
    }
  `);
});

test.each([
  ["temperature", 14, 27],
  ["light", 0, 1200],
  ["sound", 0.03, 2],
  ["co2", 400, 1500],
  ["motion", 0, 1],
  ["power", 2, 1200],
] as const)("%s stays between %d and %d", (property, low, high) => {
  for (const seed of [1, 2, 3]) {
    for (const room of rooms) {
      const values = curve(new Household(seed), property, room);
      expect(Math.min(...values)).toBeGreaterThanOrEqual(low);
      expect(Math.max(...values)).toBeLessThanOrEqual(high);
    }
  }
});

test("nights are dark and cool, days are bright and warm", () => {
  const home = new Household(4);
  for (let day = 0; day < 7; day += 1) {
    const at = (hour: number, property: HouseholdProperty) =>
      home.measure(property, "bedroom", monday + day * 24 * HOUR + hour * HOUR);
    expect(at(3, "light")).toBe(0);
    expect(at(13, "light")).toBeGreaterThan(50);
    expect(at(13, "temperature")).toBeGreaterThan(at(4, "temperature"));
  }
});

test("sleepers raise the carbon dioxide of the bedroom, and it falls when they have left", () => {
  const home = new Household(5);
  const at = (hour: number) => home.measure("co2", "bedroom", monday + hour * HOUR);
  expect(at(5)).toBeGreaterThan(900);
  expect(at(15)).toBeLessThan(480);
});

test("what is measured changes gently: no temperature jump above 0.8 °C in ten minutes", () => {
  const home = new Household(6);
  for (const room of rooms) {
    const values = curve(home, "temperature", room);
    const jumps = values.slice(1).map((value, index) => Math.abs(value - (values[index] ?? value)));
    expect(Math.max(...jumps)).toBeLessThan(0.8);
  }
});

test("motion is seen only where somebody is", () => {
  const home = new Household(7);
  for (const room of rooms) {
    for (const timeMs of week) {
      if (home.measure("motion", room, timeMs) === 1) expect(home.occupancy(room, timeMs)).toBeGreaterThan(0);
    }
  }
});

test("a device keeps its room", () => {
  const home = new Household(8);
  expect(home.roomOf("room-node-1")).toBe(new Household(8).roomOf("room-node-1"));
  const used = new Set(Array.from({ length: 40 }, (_, index) => home.roomOf(`device-${index}`)));
  expect(used).toEqual(new Set(rooms));
});
