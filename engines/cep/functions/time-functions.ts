import { suggest } from "../cep-error.ts";
import type { AttributeType } from "../event.ts";
import type { FunctionExtension } from "../extension.ts";
import {
  type Call,
  defineFunction,
  type Form,
  type FunctionSketch,
  fail,
  refuseCall,
} from "./define-function.ts";
import {
  DAYS,
  datePattern,
  formatDate,
  ISO_WEEKS,
  parseDate,
  US_WEEKS,
  utc,
  type WeekRule,
  weekOfYear,
} from "./java-date-format.ts";
import { instantOf, type Zone, zoneOf } from "./time-zone.ts";

type Num = number | bigint;

const DATE = "yyyy-MM-dd";
const DATE_TIME = "yyyy-MM-dd HH:mm:ss";
/** What a date without a format may look like; Siddhi takes the first, its pages show the others too. */
const DEFAULT_FORMATS = [`${DATE_TIME}.SSS`, DATE_TIME, DATE];
const DAY_MS = 86_400_000;
/** Where weeks begin on Sunday and the first one is that of the first of January. */
const US_WEEK_COUNTRIES = /_(?:US|CA|MX|BR|IN|JP|KR|TW|IL|ZA|PH|CO|PE|VE|AU|HK|SG|TH)$/;

const meanings = {
  "date.value": "A date in the format given, else `yyyy-MM-dd HH:mm:ss.SSS`.",
  "date.format": "A pattern of Java's SimpleDateFormat.",
  "date.source.format": "The pattern of the date (Java's SimpleDateFormat).",
  "date.target.format": "The pattern of the result (Java's SimpleDateFormat).",
  "timestamp.in.milliseconds": "A time in ms since 1970.",
  timestamp: "A time in ms since 1970.",
  unit: "YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE or SECOND.",
  expr: "How many.",
  locale: "Like `en_US` or `fr_FR`: where weeks begin.",
  timezone: "A zone like `Asia/Kolkata`, `+05:30` or Java's `PST`.",
  "target.timezone": "A zone like `Asia/Kolkata`, `+05:30` or Java's `PST`.",
  "source.timezone": "The zone of the date; UTC by default.",
};

function time(
  name: string,
  returns: AttributeType,
  description: string,
  example: string,
  forms: FunctionSketch["forms"],
): FunctionExtension {
  return defineFunction({
    name: `time:${name}`,
    returns,
    description,
    nulls: "null",
    meanings,
    example: `time:${name}(${example}`,
    forms,
  });
}

/** Refuses constant patterns that are wrong. */
function checkPatterns(call: Call, ...indexes: number[]): void {
  for (const index of indexes) {
    const pattern = call.args[index]?.constant?.value;
    if (typeof pattern !== "string") continue;
    try {
      datePattern(pattern);
    } catch (error) {
      refuseCall(call, `the format is wrong: ${error instanceof Error ? error.message : ""}`);
    }
  }
}

/** Runs what reads or writes by a pattern that came with an event. */
function withPattern<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof SyntaxError) return fail(name, "the format is wrong");
    throw error;
  }
}

/** A time that a date can have: within 275,000 years. @throws CepError `RUNTIME` */
function inRange(name: string, ms: Num): number {
  const time = Number(ms);
  return Number.isNaN(new Date(time).getTime()) ? fail(name, "the time is out of range") : time;
}

/** The instant of a date in a format, or in one of the default ones or ISO 8601. @throws CepError `RUNTIME` */
function instant(name: string, text: string, pattern?: string): number {
  if (pattern !== undefined) {
    const ms = withPattern(name, () => parseDate(text, pattern));
    return inRange(name, ms ?? fail(name, "the date does not fit its format"));
  }
  for (const format of DEFAULT_FORMATS) {
    const ms = parseDate(text, format, true);
    if (ms !== undefined) return inRange(name, ms);
  }
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? fail(name, `the date does not fit ${DEFAULT_FORMATS[0]}`) : ms;
}

/** A form that reads a date, its format being argument `at` or absent. */
function reading(apply: (ms: number) => unknown, at: number): Form {
  return {
    bind: (call) => {
      checkPatterns(call, at);
      return (text: string, pattern?: string) => apply(instant(call.name, text, pattern));
    },
  };
}

const dateOf = (ms: number) => formatDate(ms, DATE);
const dayName = (ms: number) => DAYS[new Date(ms).getUTCDay()];

/** The months, days or ms that a unit stands for. */
const STEPS: Readonly<Record<string, { readonly months: number } | { readonly ms: number }>> = {
  YEAR: { months: 12 },
  QUARTER: { months: 3 },
  MONTH: { months: 1 },
  WEEK: { ms: 7 * DAY_MS },
  DAY: { ms: DAY_MS },
  HOUR: { ms: 3_600_000 },
  MINUTE: { ms: 60_000 },
  SECOND: { ms: 1000 },
};

const PARTS: Readonly<Record<string, (date: Date, weeks: WeekRule) => number>> = {
  YEAR: (d) => d.getUTCFullYear(),
  QUARTER: (d) => Math.floor(d.getUTCMonth() / 3) + 1,
  MONTH: (d) => d.getUTCMonth() + 1,
  WEEK: (d, weeks) => weekOfYear(d.getTime(), weeks).week,
  DAY: (d) => d.getUTCDate(),
  HOUR: (d) => d.getUTCHours(),
  MINUTE: (d) => d.getUTCMinutes(),
  SECOND: (d) => d.getUTCSeconds(),
  WEEKDAY: (d) => d.getUTCDay() || 7,
};

/** What stands under the constant unit of a call. @throws CepError `WRONG_PARAMETERS` */
function byUnit<T>(call: Call, index: number, table: Readonly<Record<string, T>>): T {
  const unit = String(call.args[index]?.constant?.value).toUpperCase();
  const found = Object.hasOwn(table, unit) ? table[unit] : undefined;
  if (found !== undefined) return found;
  const nearest = suggest(unit, Object.keys(table));
  return refuseCall(
    call,
    `there is no unit '${unit}'${nearest === undefined ? "" : `; did you mean '${nearest}'?`}`,
    Object.keys(table),
  );
}

/** `Calendar.add`: months keep the day where there is one, else take the last. */
function addTo(
  ms: number,
  step: { readonly months: number } | { readonly ms: number },
  count: number,
): number {
  if ("ms" in step) return ms + step.ms * count;
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  const month = date.getUTCMonth() + step.months * count;
  const lastDay = new Date(utc(year, month + 1, 0)).getUTCDate();
  return utc(year, month, Math.min(date.getUTCDate(), lastDay), ((ms % DAY_MS) + DAY_MS) % DAY_MS);
}

/** `dateAdd`, and with -1 `dateSub`. */
function adding(sign: 1 | -1): FunctionSketch["forms"] {
  const onText: Form = {
    bind: (call) => {
      const step = byUnit(call, 2, STEPS);
      checkPatterns(call, 3);
      return (text: string, count: number, _unit: string, pattern?: string) =>
        withPattern(call.name, () => {
          const ms = inRange(call.name, addTo(instant(call.name, text, pattern), step, sign * count));
          return formatDate(ms, pattern ?? `${DATE_TIME}.SSS`);
        });
    },
  };
  const onTime: Form = {
    bind: (call) => {
      const step = byUnit(call, 2, STEPS);
      return (ms: Num, count: number) =>
        String(inRange(call.name, addTo(inRange(call.name, ms), step, sign * count)));
    },
  };
  return {
    "date.value:s expr:i unit:s!": onText,
    "timestamp.in.milliseconds:l expr:i unit:s!": onTime,
    "date.value:s expr:i unit:s! date.format:s": onText,
  };
}

function weeksOf(call: Call, index: number): WeekRule {
  const locale = call.args[index]?.constant?.value;
  if (locale === undefined) return US_WEEKS;
  if (typeof locale !== "string" || !/^[a-z]{2,3}(?:_[A-Z]{2})?$/.test(locale))
    return refuseCall(call, "the locale is not like 'en_US'", ["en_US", "fr_FR"]);
  return locale === "en" || US_WEEK_COUNTRIES.test(locale) ? US_WEEKS : ISO_WEEKS;
}

const EXTRACT: Readonly<Record<string, Form>> = (() => {
  const ofText: Form = {
    bind: (call) => {
      const part = byUnit(call, 0, PARTS);
      const weeks = weeksOf(call, 3);
      checkPatterns(call, 2);
      return (_: string, text: string, pattern?: string) =>
        part(new Date(instant(call.name, text, pattern)), weeks);
    },
  };
  const ofTime = (timeAt: 0 | 1): Form => ({
    bind: (call) => {
      const part = byUnit(call, timeAt === 0 ? 1 : 0, PARTS);
      const weeks = weeksOf(call, 2);
      return (...values: unknown[]) => part(new Date(inRange(call.name, Number(values[timeAt]))), weeks);
    },
  });
  return {
    "unit:s! date.value:s": ofText,
    "unit:s! date.value:s date.format:s": ofText,
    "unit:s! date.value:s date.format:s locale:s!": ofText,
    "timestamp.in.milliseconds:l unit:s!": ofTime(0),
    "timestamp.in.milliseconds:l unit:s! locale:s!": ofTime(0),
    "unit:s! timestamp:w": ofTime(1),
  };
})();

function zone(name: string, id: string): Zone {
  return zoneOf(id) ?? fail(name, "there is no such time zone");
}

/** Refuses constant zones that there are not. */
function checkZones(call: Call, ...indexes: number[]): void {
  for (const index of indexes) {
    const id = call.args[index]?.constant?.value;
    if (typeof id === "string" && zoneOf(id) === undefined) refuseCall(call, `there is no time zone '${id}'`);
  }
}

const nowAs = (pattern: string): Form => ({
  bind:
    ({ context }) =>
    () =>
      formatDate(context.now(), pattern),
});

const convertZone: Form = {
  bind: (call) => {
    checkPatterns(call, 1);
    checkZones(call, 2, 3);
    return (text: string, pattern: string, target: string, source = "UTC") =>
      withPattern(call.name, () => {
        const local = parseDate(text, pattern, true) ?? fail(call.name, "the date does not fit its format");
        const ms = instantOf(inRange(call.name, local), zone(call.name, source));
        return formatDate(ms, pattern, zone(call.name, target)(ms));
      });
  },
};

/** The functions of the `time` namespace, as siddhi-execution-time 5 has them, in UTC. */
export const timeFunctions: readonly FunctionExtension[] = [
  time("currentDate", "string", "The UTC day it is.", ") -> '2019-06-21', say", { "": nowAs(DATE) }),
  time("currentTime", "string", "The UTC time of day it is.", ") -> '15:23:24', say", {
    "": nowAs("HH:mm:ss"),
  }),
  time(
    "currentTimestamp",
    "string",
    "The time it is, in UTC or in a zone.",
    "'Asia/Kolkata') -> '2019-03-31 19:07:00', say",
    {
      "": nowAs(DATE_TIME),
      "timezone:s": {
        bind: (call) => {
          checkZones(call, 0);
          return (id: string) => {
            const now = call.context.now();
            return formatDate(now, DATE_TIME, zone(call.name, id)(now));
          };
        },
      },
    },
  ),
  time("utcTimestamp", "string", "The time it is in UTC.", "'yyyy/MM/dd') -> '2019/07/03', say", {
    "": nowAs(DATE_TIME),
    "date.format:s": {
      bind: (call) => {
        checkPatterns(call, 0);
        return (pattern: string) => withPattern(call.name, () => formatDate(call.context.now(), pattern));
      },
    },
  }),
  time(
    "date",
    "string",
    "The day of a date, as yyyy-MM-dd.",
    "'2014/11/11 13:23:44', 'yyyy/MM/dd HH:mm:ss') -> '2014-11-11'",
    {
      "date.value:s": reading(dateOf, 1),
      "date.value:s date.format:s": reading(dateOf, 1),
      "timestamp:w": (ms: Num) => dateOf(inRange("time:date", ms)),
    },
  ),
  time(
    "dateAdd",
    "string",
    "A date so many units later; of a time in ms, its ms as text.",
    "'2014-11-11 13:23:44.657', 5, 'YEAR') -> '2019-11-11 13:23:44.657'",
    adding(1),
  ),
  time(
    "dateSub",
    "string",
    "A date so many units earlier; of a time in ms, its ms as text.",
    "1415715824000L, 1, 'HOUR') -> '1415712224000'",
    adding(-1),
  ),
  time(
    "dateDiff",
    "long",
    "The first date less the second, in whole days.",
    "1415692424000L, 1412841224000L) -> 33",
    (() => {
      const days = (ms: number) => Math.trunc(ms / DAY_MS) + 0;
      const ofTexts: Form = {
        bind: (call) => {
          checkPatterns(call, 2, 3);
          return (a: string, b: string, formatA?: string, formatB?: string) =>
            days(instant(call.name, a, formatA) - instant(call.name, b, formatB));
        },
      };
      return {
        "date.value1:s date.value2:s date.format1:s date.format2:s": ofTexts,
        "date.value1:s date.value2:s": ofTexts,
        "timestamp.in.milliseconds1:l timestamp.in.milliseconds2:l": (a: Num, b: Num) =>
          days(Number(a) - Number(b)),
      };
    })(),
  ),
  time(
    "dateFormat",
    "string",
    "A date in another format; a time in ms alone as ISO 8601.",
    "'2014/11/11 13:23:44', 'mm:ss', 'yyyy/MM/dd HH:mm:ss') -> '23:44'",
    (() => {
      const ofText: Form = {
        bind: (call) => {
          checkPatterns(call, 1, 2);
          return (text: string, target: string, source?: string) =>
            withPattern(call.name, () => formatDate(instant(call.name, text, source), target));
        },
      };
      return {
        "date.value:s date.target.format:s date.source.format:s": ofText,
        "date.value:s date.target.format:s": ofText,
        "timestamp.in.milliseconds:l date.target.format:s": {
          bind: (call: Call) => {
            checkPatterns(call, 1);
            return (ms: Num, target: string) =>
              withPattern(call.name, () => formatDate(inRange(call.name, ms), target));
          },
        },
        "timestamp:w": (ms: Num) => new Date(inRange("time:dateFormat", ms)).toISOString(),
      };
    })(),
  ),
  time(
    "dayOfWeek",
    "string",
    "The name of the day of a date.",
    "'2014/12/11 13:23:44', 'yyyy/MM/dd HH:mm:ss') -> 'Thursday'",
    { "date.value:s": reading(dayName, 1), "date.value:s date.format:s": reading(dayName, 1) },
  ),
  time(
    "extract",
    "int",
    "A part of a date: the unit, or WEEKDAY (1 is Monday).",
    "'DAY', '2019-11-12 13:23:44.657') -> 12",
    EXTRACT,
  ),
  time("startOfDay", "long", "Midnight (UTC) before a time.", "1415692424000L) -> 1415664000000", {
    "timestamp:w": (ms: Num) => Math.floor(Number(ms) / DAY_MS) * DAY_MS,
  }),
  time(
    "timestampInMilliseconds",
    "long",
    "The time it is, or that of a date, in ms since 1970.",
    "'2007-11-30 10:30:19.000') -> 1196418619000",
    {
      "": {
        bind:
          ({ context }) =>
          () =>
            context.now(),
      },
      "date.value:s": reading((ms) => ms, 1),
      "date.value:s date.format:s": reading((ms) => ms, 1),
    },
  ),
  time(
    "timezoneConvert",
    "string",
    "A date of one zone in another, in its own format.",
    "'2014/11/11 13:23:44', 'yyyy/MM/dd HH:mm:ss', 'UTC', 'IST') -> '2014/11/11 07:53:44'",
    {
      "date.value:s date.source.format:s target.timezone:s": convertZone,
      "date.value:s date.source.format:s target.timezone:s source.timezone:s": convertZone,
    },
  ),
];
