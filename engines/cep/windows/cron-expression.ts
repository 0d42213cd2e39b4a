import { CepError } from "../cep-error.ts";

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const DAY_MS = 86_400_000;

/** A Quartz cron expression: second minute hour day-of-month month day-of-week [year], in UTC. */
export class CronExpression {
  readonly #second: Set<number>;
  readonly #minute: Set<number>;
  readonly #hour: Set<number>;
  readonly #month: Set<number>;
  readonly #year: Set<number>;
  readonly #dayMatches: (date: Date) => boolean;

  /** @throws CepError `WRONG_PARAMETERS` */
  constructor(text: string) {
    const fields = text.trim().toUpperCase().split(/\s+/);
    if (fields.length < 6 || fields.length > 7) throw badCron(text);
    const [second = "", minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = "", year = "*"] =
      fields;
    this.#second = parseField(second, 0, 59, [], text);
    this.#minute = parseField(minute, 0, 59, [], text);
    this.#hour = parseField(hour, 0, 23, [], text);
    this.#month = parseField(month, 1, 12, MONTHS, text);
    this.#year = parseField(year, 1970, 2199, [], text);
    if (dayOfMonth !== "?" && dayOfWeek !== "?" && dayOfMonth !== "*" && dayOfWeek !== "*")
      throw badCron(text);
    this.#dayMatches =
      dayOfMonth === "?" || (dayOfMonth === "*" && dayOfWeek !== "?")
        ? weekday(dayOfWeek, text)
        : monthday(dayOfMonth, text);
  }

  /** The first time after `after` (ms, UTC) that matches; undefined when there is none. */
  next(after: number): number | undefined {
    let time = Math.floor(after / 1000) * 1000 + 1000;
    for (let guard = 0; guard < 100_000; guard++) {
      const date = new Date(time);
      if (date.getUTCFullYear() > 2199) return undefined;
      if (
        !this.#year.has(date.getUTCFullYear()) ||
        !this.#month.has(date.getUTCMonth() + 1) ||
        !this.#dayMatches(date)
      ) {
        time = (Math.floor(time / DAY_MS) + 1) * DAY_MS;
      } else if (!this.#hour.has(date.getUTCHours())) {
        time = (Math.floor(time / 3_600_000) + 1) * 3_600_000;
      } else if (!this.#minute.has(date.getUTCMinutes())) {
        time = (Math.floor(time / 60_000) + 1) * 60_000;
      } else if (!this.#second.has(date.getUTCSeconds())) {
        time += 1000;
      } else {
        return time;
      }
    }
    return undefined;
  }
}

function badCron(text: string): CepError {
  return new CepError("WRONG_PARAMETERS", `'${text}' is no cron expression`, {
    expected: ["second minute hour day-of-month month day-of-week [year]"],
  });
}

function parseField(field: string, low: number, high: number, names: string[], text: string): Set<number> {
  const values = new Set<number>();
  for (const part of field.split(",")) {
    const [range = "", stepText] = part.split("/");
    const step = stepText === undefined ? 1 : Number(stepText);
    let from = low;
    let to = high;
    if (range !== "*" && range !== "?") {
      const [a = "", b] = range.split("-");
      from = numberOf(a, names, low);
      to = b === undefined ? (stepText === undefined ? from : high) : numberOf(b, names, low);
    }
    if (
      !Number.isInteger(step) ||
      step < 1 ||
      Number.isNaN(from) ||
      Number.isNaN(to) ||
      from < low ||
      to > high
    )
      throw badCron(text);
    if (to < from) for (let v = from; v <= high; v += step) values.add(v);
    for (let v = to < from ? low : from; v <= to; v += step) values.add(v);
  }
  return values;
}

function numberOf(text: string, names: string[], base: number): number {
  const at = names.indexOf(text);
  return at >= 0 ? at + base : /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

function lastDayOf(date: Date): number {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
}

function monthday(field: string, text: string): (date: Date) => boolean {
  if (field === "L") return (date) => date.getUTCDate() === lastDayOf(date);
  if (field === "LW" || /W$/.test(field)) {
    const wanted = field === "LW" ? undefined : Number(field.slice(0, -1));
    return (date) => date.getUTCDate() === nearestWeekday(date, wanted ?? lastDayOf(date));
  }
  const days = parseField(field, 1, 31, [], text);
  return (date) => days.has(date.getUTCDate());
}

function nearestWeekday(date: Date, day: number): number {
  const last = lastDayOf(date);
  const wanted = Math.min(day, last);
  const weekday = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), wanted)).getUTCDay();
  if (weekday === 6) return wanted === 1 ? 3 : wanted - 1;
  if (weekday === 0) return wanted === last ? wanted - 2 : wanted + 1;
  return wanted;
}

function weekday(field: string, text: string): (date: Date) => boolean {
  const nth = /^(\w+)#(\d)$/.exec(field);
  if (nth !== null) {
    const [day] = parseField(nth[1] ?? "", 1, 7, DAYS, text);
    return (date) => date.getUTCDay() + 1 === day && Math.ceil(date.getUTCDate() / 7) === Number(nth[2]);
  }
  const last = /^(\w+)L$/.exec(field);
  if (last !== null) {
    const [day] = parseField(last[1] ?? "", 1, 7, DAYS, text);
    return (date) => date.getUTCDay() + 1 === day && date.getUTCDate() + 7 > lastDayOf(date);
  }
  const days = parseField(field === "L" ? "7" : field, 1, 7, DAYS, text);
  return (date) => days.has(date.getUTCDay() + 1);
}
