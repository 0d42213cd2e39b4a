import type { Duration } from "../parser/ast.ts";

const FIXED: Partial<Record<Duration, number>> = {
  seconds: 1000,
  minutes: 60_000,
  hours: 3_600_000,
  days: 86_400_000,
};

/** Start (ms, UTC) of the calendar bucket that holds `time`. */
export function bucketStart(time: number, duration: Duration): number {
  const ms = FIXED[duration];
  if (ms !== undefined) return Math.floor(time / ms) * ms;
  const date = new Date(time);
  return Date.UTC(date.getUTCFullYear(), duration === "months" ? date.getUTCMonth() : 0, 1);
}

/** The duration that a `per` word means: 'sec', 'seconds', 'hour', … */
export function durationOf(word: string): Duration | undefined {
  switch (word.trim().toLowerCase()) {
    case "sec":
    case "second":
    case "seconds":
      return "seconds";
    case "min":
    case "minute":
    case "minutes":
      return "minutes";
    case "hour":
    case "hours":
      return "hours";
    case "day":
    case "days":
      return "days";
    case "month":
    case "months":
      return "months";
    case "year":
    case "years":
      return "years";
    default:
      return undefined;
  }
}

const STAMP =
  /^(\d{4})-(\d\d|\*\*)-(\d\d|\*\*)[ T](\d\d|\*\*):(\d\d|\*\*):(\d\d|\*\*)(?:\.\d+)?\s*(Z|[+-]\d\d:\d\d)?$/;

/**
 * The range that a pattern such as `2017-06-** **:**:** +05:30` covers; stars only at the end.
 * @returns `[start, end)` in ms, or undefined when it is no pattern.
 */
export function patternRange(text: string): [number, number] | undefined {
  const match = STAMP.exec(text.trim());
  if (match === null) return undefined;
  const parts = match.slice(1, 7);
  const given = parts.indexOf("**");
  const count = given < 0 ? 6 : given;
  if (parts.slice(count).some((p) => p !== "**")) return undefined;
  const shift = offsetOf(match[7]);
  const low = [0, 1, 1, 0, 0, 0].map((base, i) => (i < count ? Number(parts[i]) : base));
  const high = low.slice();
  high[count - 1] = (high[count - 1] ?? 0) + 1;
  return [utc(low) - shift, utc(high) - shift];
}

function utc([year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0]: number[]): number {
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function offsetOf(zone: string | undefined): number {
  if (zone === undefined || zone === "Z") return 0;
  const [hours = 0, minutes = 0] = zone.slice(1).split(":").map(Number);
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** The moment of a full time stamp, or of a count of ms in digits; else undefined. */
export function momentOf(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  return text.includes("*") ? undefined : patternRange(text)?.[0];
}
