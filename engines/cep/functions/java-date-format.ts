import { fixedOffset } from "./time-zone.ts";

const MONTHS = [
  ...["January", "February", "March", "April", "May", "June"],
  ...["July", "August", "September", "October", "November", "December"],
];
/** From Sunday. */
export const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const DAY_MS = 86_400_000;
const MAX_REMEMBERED = 64;

/** A run of one letter, or text that stands for itself. */
type Token = { readonly letter: string; readonly count: number } | { readonly text: string };

const remembered = new Map<string, readonly Token[]>();

/** Where a week begins (0 is Sunday), and how many days of the year its first one has at least. */
export interface WeekRule {
  readonly firstDay: number;
  readonly minimalDays: number;
}

/** As in the United States, Java's own default. */
export const US_WEEKS: WeekRule = { firstDay: 0, minimalDays: 1 };
/** As ISO 8601 has it, and most of Europe. */
export const ISO_WEEKS: WeekRule = { firstDay: 1, minimalDays: 4 };

function tokenize(pattern: string): Token[] {
  const tokens: Token[] = [];
  for (const [run, , quoted] of pattern.matchAll(/([a-zA-Z])\1*|'((?:[^']|'')*)'|[^a-zA-Z']+|'/g)) {
    const letter = run[0] as string; // a match is never empty
    if (quoted !== undefined) tokens.push({ text: quoted === "" ? "'" : quoted.replaceAll("''", "'") });
    else if (!/[a-zA-Z]/.test(letter)) tokens.push({ text: run });
    else if ("GyYMLwWDdFEuaHkKhmsSzZX".includes(letter)) tokens.push({ letter, count: run.length });
    else throw new SyntaxError(`'${letter}' is no letter of a date`);
  }
  return tokens;
}

/** The parts of a pattern of `SimpleDateFormat`. @throws SyntaxError on a letter that has no meaning. */
export function datePattern(pattern: string): readonly Token[] {
  const known = remembered.get(pattern);
  if (known !== undefined) return known;
  const tokens = tokenize(pattern);
  if (remembered.size >= MAX_REMEMBERED) remembered.delete(remembered.keys().next().value ?? "");
  remembered.set(pattern, tokens);
  return tokens;
}

/** The instant of a UTC date; months and days may run over, years below 100 are themselves. */
export function utc(year: number, month: number, day: number, timeMs = 0): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  return date.getTime() + timeMs;
}

function firstWeek(year: number, { firstDay, minimalDays }: WeekRule): number {
  const newYear = utc(year, 0, 1);
  const over = (new Date(newYear).getUTCDay() - firstDay + 7) % 7;
  return newYear - over * DAY_MS + (7 - over < minimalDays ? 7 * DAY_MS : 0);
}

/** The year that the week of a time belongs to, and its number in it. */
export function weekOfYear(ms: number, rule: WeekRule): { year: number; week: number } {
  let year = new Date(ms).getUTCFullYear();
  if (ms >= firstWeek(year + 1, rule)) year++;
  else if (ms < firstWeek(year, rule)) year--;
  return { year, week: Math.floor((ms - firstWeek(year, rule)) / (7 * DAY_MS)) + 1 };
}

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - utc(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;
}

function offsetText(offsetMs: number, separator: string): string {
  const minutes = Math.abs(offsetMs) / 60_000;
  const pad = (n: number) => String(Math.floor(n)).padStart(2, "0");
  return `${offsetMs < 0 ? "-" : "+"}${pad(minutes / 60)}${separator}${pad(minutes % 60)}`;
}

function zoneText(letter: string, count: number, offsetMs: number): string {
  if (letter === "z") return offsetMs === 0 ? "UTC" : `GMT${offsetText(offsetMs, ":")}`;
  if (letter === "Z") return offsetText(offsetMs, count > 1 ? ":" : "");
  if (offsetMs === 0) return "Z";
  return count === 1 ? offsetText(offsetMs, "").slice(0, 3) : offsetText(offsetMs, count === 2 ? "" : ":");
}

/** Month, weekday, half of the day and era, as words. */
function wordOf(letter: string, count: number, date: Date): string | undefined {
  const name = letter === "E" ? DAYS[date.getUTCDay()] : MONTHS[date.getUTCMonth()];
  if (letter === "E") return count < 4 ? name?.slice(0, 3) : name;
  if ((letter === "M" || letter === "L") && count > 2) return count === 3 ? name?.slice(0, 3) : name;
  if (letter === "a") return date.getUTCHours() < 12 ? "AM" : "PM";
  return letter === "G" ? (date.getUTCFullYear() > 0 ? "AD" : "BC") : undefined;
}

function numberOf(letter: string, date: Date): number {
  const hour = date.getUTCHours();
  const day = date.getUTCDate();
  switch (letter) {
    case "M":
    case "L":
      return date.getUTCMonth() + 1;
    case "w":
      return weekOfYear(date.getTime(), US_WEEKS).week;
    case "W":
      return Math.ceil((day + new Date(utc(date.getUTCFullYear(), date.getUTCMonth(), 1)).getUTCDay()) / 7);
    case "D":
      return dayOfYear(date);
    case "F":
      return Math.ceil(day / 7);
    case "u":
      return date.getUTCDay() || 7;
    case "H":
      return hour;
    case "k":
      return hour || 24;
    case "K":
      return hour % 12;
    case "h":
      return hour % 12 || 12;
    case "m":
      return date.getUTCMinutes();
    case "s":
      return date.getUTCSeconds();
    case "S":
      return date.getUTCMilliseconds();
    default:
      return day;
  }
}

/** Writes an instant by a pattern of `SimpleDateFormat`, in English, at an offset from UTC. @throws SyntaxError */
export function formatDate(ms: number, pattern: string, offsetMs = 0): string {
  const date = new Date(ms + offsetMs);
  return datePattern(pattern)
    .map((token) => {
      if ("text" in token) return token.text;
      const { letter, count } = token;
      if ("zZX".includes(letter)) return zoneText(letter, count, offsetMs);
      const word = wordOf(letter, count, date);
      if (word !== undefined) return word;
      if (letter !== "y" && letter !== "Y") return String(numberOf(letter, date)).padStart(count, "0");
      const year = letter === "Y" ? weekOfYear(date.getTime(), US_WEEKS).year : date.getUTCFullYear();
      const shown = year > 0 ? year : 1 - year;
      return count === 2 ? String(shown % 100).padStart(2, "0") : String(shown).padStart(count, "0");
    })
    .join("");
}

interface Fields {
  offsetMs: number | undefined;
  isAfternoon: boolean | undefined;
  readonly numbers: Map<string, number>;
}

/** Reads one word out of a list, whole or its first three letters. @returns its index and length. */
function readWord(rest: string, words: readonly string[]): [index: number, length: number] | undefined {
  const low = rest.toLowerCase();
  const whole = words.findIndex((w) => low.startsWith(w.toLowerCase()));
  if (whole >= 0) return [whole, words[whole]?.length ?? 0];
  const short = words.findIndex((w) => low.startsWith(w.slice(0, 3).toLowerCase()));
  return short >= 0 ? [short, 3] : undefined;
}

function readZone(rest: string, fields: Fields): number | undefined {
  const found = /^(?:UTC|GMT)?(?:[+-]\d{1,2}(?::?\d{2})?|Z)?/.exec(rest)?.[0] ?? "";
  if (found === "") return undefined;
  fields.offsetMs = fixedOffset(found.replace(/^(?:UTC|GMT)/, ""));
  return fields.offsetMs === undefined ? undefined : found.length;
}

/** Reads one token. @returns how many characters it took, or undefined when they do not fit. */
function read(token: Token, rest: string, isFollowedByNumber: boolean, fields: Fields): number | undefined {
  if ("text" in token) return rest.startsWith(token.text) ? token.text.length : undefined;
  const { letter, count } = token;
  if ("zZX".includes(letter)) return readZone(rest, fields);
  if (letter === "E" || letter === "G") return readWord(rest, letter === "E" ? DAYS : ["AD ", "BC "])?.[1];
  if (letter === "a") {
    const half = /^[ap]m/i.exec(rest)?.[0].toLowerCase();
    if (half === undefined) return undefined;
    fields.isAfternoon = half === "pm";
    return 2;
  }
  if ((letter === "M" || letter === "L") && count > 2) {
    const month = readWord(rest, MONTHS);
    if (month !== undefined) fields.numbers.set("M", month[0] + 1);
    return month?.[1];
  }
  const found = (isFollowedByNumber ? new RegExp(`^\\d{1,${count}}`) : /^\s*\d{1,15}/).exec(rest)?.[0];
  if (found === undefined) return undefined;
  const number = Number(found);
  const isShort = (letter === "y" || letter === "Y") && count <= 2 && number < 100;
  fields.numbers.set(letter === "L" ? "M" : letter, isShort ? shortYear(number) : number);
  return found.length;
}

/** Two digits of a year: 1970 to 2069. */
function shortYear(number: number): number {
  return number < 70 ? 2000 + number : 1900 + number;
}

function isNumber(token: Token | undefined): boolean {
  if (token === undefined || "text" in token) return false;
  return !"zZXEGa".includes(token.letter) && !("ML".includes(token.letter) && token.count > 2);
}

/**
 * Reads a date by a pattern of `SimpleDateFormat`; what it does not say is of 1970-01-01 00:00 UTC, and fields may run
 * over into the next. Text behind the date is left alone unless `isWhole`.
 * @returns the instant (ms), or undefined when the text does not fit. @throws SyntaxError on a wrong pattern.
 */
export function parseDate(text: string, pattern: string, isWhole = false): number | undefined {
  const fields: Fields = { offsetMs: undefined, isAfternoon: undefined, numbers: new Map() };
  const tokens = datePattern(pattern);
  let at = 0;
  for (const [i, token] of tokens.entries()) {
    const taken = read(token, text.slice(at), isNumber(tokens[i + 1]), fields);
    if (taken === undefined) return undefined;
    at += taken;
  }
  return isWhole && at < text.length ? undefined : instantOfFields(fields);
}

function instantOfFields({ numbers, offsetMs = 0, isAfternoon }: Fields): number {
  const get = (letter: string, otherwise: number) => numbers.get(letter) ?? otherwise;
  const half = isAfternoon === true ? 12 : 0;
  const ofHalf = numbers.has("h") ? get("h", 12) % 12 : numbers.get("K");
  const ofDay = numbers.has("k") ? get("k", 24) % 24 : numbers.get("H");
  const hour = ofDay ?? (ofHalf === undefined ? 0 : ofHalf + half);
  const time = ((hour * 60 + get("m", 0)) * 60 + get("s", 0)) * 1000 + get("S", 0);
  const year = numbers.get("y") ?? get("Y", 1970);
  const isByDayOfYear = numbers.has("D") && !numbers.has("d");
  const day = isByDayOfYear ? utc(year, 0, get("D", 1)) : utc(year, get("M", 1) - 1, get("d", 1));
  return day + time - offsetMs;
}
