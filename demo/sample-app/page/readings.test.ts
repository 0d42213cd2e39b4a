import { expect, test } from "vitest";
import type { ReceivedSample } from "../../../sdk/app.ts";
import { Readings, unitSymbol } from "./readings.ts";

const node = (handle: string, title = "Room node") => ({
  handle,
  title,
  properties: { temperature: { title: "Temperature", unit: "Cel" }, led: { title: "Light" } },
  actions: { led: { title: "Switch the light" } },
});
const sample = (handle: string, value: number, timeSeconds: number): ReceivedSample => ({
  handle,
  property: "temperature",
  name: "temperature",
  value,
  timeSeconds,
  receivedAtMs: 1_000_000,
  retained: false,
});

test("devices of one kind are numbered, a single one is not", () => {
  const readings = new Readings();
  readings.setGrant({ devices: [node("a"), node("b", "CO₂ node"), node("c")] });
  expect(readings.devices.map(({ name }) => name)).toEqual(["Room node 1", "CO₂ node", "Room node 2"]);
  expect([...readings.properties.keys()]).toEqual(["temperature"]);
});

test("a chart has every time once and gaps where a device has no value", () => {
  const readings = new Readings();
  readings.setGrant({ devices: [node("a"), node("b")] });
  readings.add(sample("a", 21, 30));
  readings.add(sample("b", 19, 20));
  readings.add(sample("a", 22, 10));
  expect(readings.series("temperature")).toEqual({
    timesSeconds: [10, 20, 30],
    values: new Map([
      ["a", [22, null, 21]],
      ["b", [null, 19, null]],
    ]),
  });
});

test("a value that comes twice, as after a reconnect, is kept once", () => {
  const readings = new Readings();
  readings.setGrant({ devices: [node("a")] });
  readings.add(sample("a", 21, 10));
  readings.add({ ...sample("a", 21, 10), retained: true });
  expect(readings.of("temperature")).toHaveLength(1);
});

test("what is no longer granted is forgotten, and so is everything at the end", () => {
  const readings = new Readings();
  readings.setGrant({ devices: [node("a"), node("b")] });
  readings.add(sample("a", 21, 10));
  readings.add(sample("b", 19, 10));
  readings.setGrant({ devices: [node("b")] });
  expect(readings.latest("a", "temperature")).toBeUndefined();
  expect(readings.of("temperature").map(({ handle }) => handle)).toEqual(["b"]);
  readings.clear();
  expect(readings.of("temperature")).toEqual([]);
  expect(readings.devices).toEqual([]);
});

test("old readings make room for new ones", () => {
  const readings = new Readings();
  readings.setGrant({ devices: [node("a")] });
  for (let second = 0; second < 700; second += 1) readings.add(sample("a", second, second));
  expect(readings.of("temperature")).toHaveLength(600);
  expect(readings.of("temperature")[0]?.value).toBe(100);
});

test("the summary says what, of how many, from when to when, and how much", () => {
  const readings = new Readings();
  readings.setGrant({ devices: [node("a"), node("b")] });
  const time = (ms: number) => `${ms / 1000} s`;
  expect(readings.summary("temperature", time)).toBe("Temperature: no value yet.");
  readings.add(sample("a", 21.5, 10));
  readings.add(sample("b", 19, 40));
  expect(readings.summary("temperature", time)).toBe(
    "Temperature of 2 devices, 10 s to 40 s: between 19 and 21.5 °C, 2 values.",
  );
});

test("units are written as people write them", () => {
  expect([unitSymbol("Cel"), unitSymbol("ppm"), unitSymbol(undefined)]).toEqual(["°C", "ppm", ""]);
});
