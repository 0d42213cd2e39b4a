import type { ThingEvent } from "./hand-over.ts";

/** One measurement of a payload, resolved (RFC 8428 §4.6). */
export interface Reading {
  /** The record's name, or what the topic says where it has none. */
  readonly property: string;
  readonly value: unknown;
  readonly unit: string | undefined;
  /** When it was measured, ms since 1970. */
  readonly timeMs: number;
}

/** What a payload holds: its JSON value (a bare text stays one), and the readings in it. */
export interface ThingPayload {
  readonly json: unknown;
  readonly readings: readonly Reading[];
}

const dayMs = 24 * 3600 * 1000;
const telemetry = /^telemetry\/(.+)$/;

/**
 * Reads a payload in any of the accepted forms: a SenML pack, a flat JSON object, a bare value.
 * Never throws: what is none of them is a text.
 */
export function readPayload(event: ThingEvent): ThingPayload {
  const json = jsonOf(event.payload);
  const property = telemetry.exec(event.topic)?.[1] ?? event.topic.slice(event.topic.lastIndexOf("/") + 1);
  if (isPack(json)) return { json, readings: resolve(json, property, event.atMs) };
  return { json, readings: [{ property, value: json, unit: undefined, timeMs: event.atMs }] };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

type Pack = readonly Readonly<Record<string, unknown>>[];

function isPack(json: unknown): json is Pack {
  return (
    Array.isArray(json) &&
    json.length > 0 &&
    json.every((record) => record !== null && typeof record === "object")
  );
}

/** Base fields hold until the next record that sets them. */
function resolve(pack: Pack, property: string, atMs: number): Reading[] {
  let baseName = "";
  let baseTime = 0;
  let baseUnit: string | undefined;
  let baseValue = 0;
  const readings: Reading[] = [];
  for (const record of pack) {
    if (typeof record.bn === "string") baseName = record.bn;
    if (typeof record.bt === "number") baseTime = record.bt;
    if (typeof record.bu === "string") baseUnit = record.bu;
    if (typeof record.bv === "number") baseValue = record.bv;
    const value =
      typeof record.v === "number" ? baseValue + record.v : (record.vb ?? record.vs ?? record.vd ?? record.s);
    if (value === undefined) continue;
    const name = typeof record.n === "string" ? record.n : "";
    readings.push({
      // A base name identifies hardware and stays behind (MESSAGING.md §2).
      property: name === "" ? (baseName === "" ? property : lastPart(baseName)) : name,
      value,
      unit: typeof record.u === "string" ? record.u : baseUnit,
      timeMs: timeOf(baseTime + (typeof record.t === "number" ? record.t : 0), atMs),
    });
  }
  return readings;
}

function lastPart(name: string): string {
  return name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf(":")) + 1);
}

/**
 * RFC 8428 §4.5.3: below 2^28 seconds a time is relative to now. What is further ahead than a day is a wrong clock: the
 * time is when it came. A rule in event time would go there, through all of its timers, and not come back.
 */
function timeOf(seconds: number, atMs: number): number {
  const timeMs = Math.round(seconds * 1000) + (seconds < 2 ** 28 ? atMs : 0);
  return timeMs >= 0 && timeMs <= atMs + dayMs ? timeMs : atMs;
}
