/** Java's short zone names (`ZoneId.SHORT_IDS`). */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  ACT: "Australia/Darwin",
  AET: "Australia/Sydney",
  AGT: "America/Argentina/Buenos_Aires",
  ART: "Africa/Cairo",
  AST: "America/Anchorage",
  BET: "America/Sao_Paulo",
  BST: "Asia/Dhaka",
  CAT: "Africa/Harare",
  CNT: "America/St_Johns",
  CST: "America/Chicago",
  CTT: "Asia/Shanghai",
  EAT: "Africa/Addis_Ababa",
  ECT: "Europe/Paris",
  EST: "-05:00",
  HST: "-10:00",
  IET: "America/Indiana/Indianapolis",
  IST: "Asia/Kolkata",
  JST: "Asia/Tokyo",
  MIT: "Pacific/Apia",
  MST: "-07:00",
  NET: "Asia/Yerevan",
  NST: "Pacific/Auckland",
  PLT: "Asia/Karachi",
  PNT: "America/Phoenix",
  PRT: "America/Puerto_Rico",
  PST: "America/Los_Angeles",
  SST: "Pacific/Guadalcanal",
  VST: "Asia/Ho_Chi_Minh",
};

const DAY_MS = 86_400_000;
const MAX_REMEMBERED = 32;

/** The offset of a zone from UTC (ms) at an instant (ms). */
export type Zone = (ms: number) => number;

const remembered = new Map<string, Zone>();

/** The offset (ms) that `+05:30`, `-0700`, `+5` or `Z` says. */
export function fixedOffset(text: string): number | undefined {
  if (text === "" || text === "Z") return 0;
  const parts = /^([+-])(\d{1,2})(?::?(\d{2}))?$/.exec(text);
  if (parts === null) return undefined;
  const minutes = Number(parts[2]) * 60 + Number(parts[3] ?? 0);
  return (parts[1] === "-" ? -minutes : minutes) * 60_000;
}

function namedZone(name: string): Zone | undefined {
  try {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    return (ms) => {
      const at = Object.fromEntries(format.formatToParts(ms).map((p) => [p.type, Number(p.value)]));
      const { year = 0, month = 1, day, hour, minute, second } = at;
      return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000;
    };
  } catch {
    return undefined;
  }
}

/** A zone by its name, Java's short name or its offset; undefined when there is none. */
export function zoneOf(id: string): Zone | undefined {
  const known = remembered.get(id);
  if (known !== undefined) return known;
  const name = SHORT_NAMES[id] ?? id;
  const offset = fixedOffset(name.replace(/^(?:UTC|GMT|UT)(?=$|[+-])/, ""));
  const zone = offset === undefined ? namedZone(name) : () => offset;
  if (zone === undefined || name === "") return undefined;
  if (remembered.size >= MAX_REMEMBERED) remembered.delete(remembered.keys().next().value ?? "");
  remembered.set(id, zone);
  return zone;
}

/** The instant (ms) of a local time: the earlier of two, and after a gap as much later, as `LocalDateTime.atZone`. */
export function instantOf(localMs: number, zone: Zone): number {
  const before = zone(localMs - DAY_MS);
  if (zone(localMs - before) === before) return localMs - before;
  const after = zone(localMs + DAY_MS);
  return zone(localMs - after) === after ? localMs - after : localMs - before;
}
