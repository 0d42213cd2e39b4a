import { CepError } from "../cep-error.ts";

/** A parameter of a ready-made rule, enough to show it as a form. */
export interface RuleParameter {
  readonly name: string;
  readonly label: string;
  readonly kind: "number" | "text" | "seconds" | "choice" | "attribute" | "stream";
  readonly unit?: string;
  readonly default?: number | string;
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
}

export type RuleValues = Readonly<Record<string, number | string>>;

/** A ready-made rule for people who write none. `app` gives the SiddhiQL text for checked values. */
export interface RuleTemplate {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly parameters: readonly RuleParameter[];
  /** Attributes of the alarms it raises. */
  readonly output: readonly { name: string; type: string }[];
  app(values: Checked): string;
}

/** Values that have been checked: names are safe as names, texts as strings. */
export interface Checked {
  readonly numbers: Readonly<Record<string, string>>;
  readonly names: Readonly<Record<string, string>>;
  readonly texts: Readonly<Record<string, string>>;
}

const device: RuleParameter = {
  name: "device",
  label: "Attribute that names the thing",
  kind: "attribute",
  default: "device",
};
const stream: RuleParameter = {
  name: "stream",
  label: "Measurements",
  kind: "stream",
  default: "Measurements",
};
const value: RuleParameter = {
  name: "value",
  label: "Attribute that holds the value",
  kind: "attribute",
  default: "value",
};

const threshold: RuleTemplate = {
  id: "threshold",
  name: "Threshold with hysteresis",
  description:
    "Tells when a value goes above a limit, and again only after it has come back below a second, lower limit.",
  parameters: [
    stream,
    device,
    value,
    { name: "high", label: "Alarm above", kind: "number", default: 30 },
    { name: "low", label: "Clear below", kind: "number", default: 28 },
  ],
  output: [
    { name: "device", type: "string" },
    { name: "value", type: "double" },
    { name: "state", type: "string" },
  ],
  app: ({ names: n, numbers: x }) => `@app:name('threshold')
define stream ${n.stream} (${n.device} string, ${n.value} double);
@sink(type='alarm', @map(type='json'))
define stream Alarms (device string, value double, state string);
@info(name='sides')
from ${n.stream}[${n.value} > ${x.high} or ${n.value} < ${x.low}]
select ${n.device} as device, ${n.value} as value, ifThenElse(${n.value} > ${x.high}, 'raised', 'cleared') as state
insert into Sides;
partition with (device of Sides) begin
  @info(name='numbered')
  from Sides select device, value, state, count() as n insert into #Numbered;
  @info(name='first')
  from #Numbered[n == 1L and state == 'raised'] select device, value, state insert into Alarms;
  @info(name='crossed')
  from every e1=#Numbered, e2=#Numbered[state != e1.state]
  select e2.device as device, e2.value as value, e2.state as state insert into Alarms;
end;
`,
};

const noData: RuleTemplate = {
  id: "no-data",
  name: "No data",
  description: "Tells when a thing that has sent something sends nothing for so long.",
  parameters: [
    stream,
    device,
    {
      name: "silence",
      label: "Silent for",
      kind: "seconds",
      unit: "s",
      default: 300,
      min: 1,
      max: 2_592_000,
    },
  ],
  output: [
    { name: "device", type: "string" },
    { name: "lastSeen", type: "long" },
  ],
  app: ({ names: n, numbers: x }) => `@app:name('no-data')
define stream ${n.stream} (${n.device} string);
@sink(type='alarm', @map(type='json'))
define stream Alarms (device string, lastSeen long);
partition with (${n.device} of ${n.stream}) begin
  @info(name='silent')
  from every e1=${n.stream} -> not ${n.stream} for ${x.silence} sec
  select e1.${n.device} as device, eventTimestamp(e1) as lastSeen insert into Alarms;
end;
`,
};

const rate: RuleTemplate = {
  id: "rate-of-change",
  name: "Change of rate",
  description: "Tells when a value changes by more than so much within a time.",
  parameters: [
    stream,
    device,
    value,
    { name: "change", label: "Change above", kind: "number", default: 5, min: 0 },
    { name: "within", label: "Within", kind: "seconds", unit: "s", default: 60, min: 1, max: 86_400 },
  ],
  output: [
    { name: "device", type: "string" },
    { name: "lowest", type: "double" },
    { name: "highest", type: "double" },
  ],
  app: ({ names: n, numbers: x }) => `@app:name('rate-of-change')
define stream ${n.stream} (${n.device} string, ${n.value} double);
@sink(type='alarm', @map(type='json'))
define stream Alarms (device string, lowest double, highest double);
partition with (${n.device} of ${n.stream}) begin
  @info(name='spread')
  from ${n.stream}#window.time(${x.within} sec)
  select ${n.device} as device, min(${n.value}) as lowest, max(${n.value}) as highest
  having highest - lowest > ${x.change}
  output first every ${x.within} sec
  insert into Alarms;
end;
`,
};

const geofence: RuleTemplate = {
  id: "geofence",
  name: "Geofence",
  description: "Tells when a thing leaves or enters a circle.",
  parameters: [
    stream,
    device,
    { name: "latitude", label: "Centre, latitude", kind: "number", default: 0, min: -90, max: 90 },
    { name: "longitude", label: "Centre, longitude", kind: "number", default: 0, min: -180, max: 180 },
    { name: "radius", label: "Radius", kind: "number", unit: "m", default: 100, min: 1, max: 20_000_000 },
  ],
  output: [
    { name: "device", type: "string" },
    { name: "isInside", type: "bool" },
  ],
  app: ({ names: n, numbers: x }) => `@app:name('geofence')
define stream ${n.stream} (${n.device} string, latitude double, longitude double);
@sink(type='alarm', @map(type='json'))
define stream Alarms (device string, isInside bool);
@info(name='place')
from ${n.stream}
select ${n.device} as device, geo:within(latitude, longitude, ${x.latitude}, ${x.longitude}, ${x.radius}) as isInside
insert into Places;
partition with (device of Places) begin
  @info(name='crossed')
  from every e1=Places, e2=Places[isInside != e1.isInside]
  select e2.device as device, e2.isInside as isInside insert into Alarms;
end;
`,
};

const occupancy: RuleTemplate = {
  id: "occupancy",
  name: "Occupancy",
  description:
    "Tells whether a room is occupied: at once when something moves, and free again after so long without.",
  parameters: [
    stream,
    { ...device, name: "room", label: "Attribute that names the room", default: "room" },
    { name: "hold", label: "Free after", kind: "seconds", unit: "s", default: 600, min: 1, max: 86_400 },
  ],
  output: [
    { name: "room", type: "string" },
    { name: "isOccupied", type: "bool" },
  ],
  app: ({ names: n, numbers: x }) => `@app:name('occupancy')
define stream ${n.stream} (${n.room} string, motion bool);
@sink(type='stream', topic='occupancy', @map(type='json'))
define stream Occupancy (room string, isOccupied bool);
@info(name='motion')
from ${n.stream}[motion == true] select ${n.room} as room insert into Motion;
partition with (room of Motion) begin
  @info(name='begin')
  from Motion#window.session(${x.hold} sec) select room, count() as n having n == 1L insert into #Begun;
  @info(name='occupied')
  from #Begun select room, true as isOccupied insert into Occupancy;
  @info(name='free')
  from every e1=Motion -> not Motion for ${x.hold} sec select e1.room as room, false as isOccupied insert into Occupancy;
end;
`,
};

const energy: RuleTemplate = {
  id: "energy-per-day",
  name: "Energy per day",
  description: "Adds up energy from power readings, for each thing and day (UTC).",
  parameters: [
    stream,
    device,
    {
      name: "power",
      label: "Attribute that holds the power",
      kind: "attribute",
      unit: "W",
      default: "power",
    },
    {
      name: "interval",
      label: "A reading every",
      kind: "seconds",
      unit: "s",
      default: 60,
      min: 1,
      max: 86_400,
    },
  ],
  output: [
    { name: "device", type: "string" },
    { name: "wattHours", type: "double" },
    { name: "day", type: "string" },
  ],
  app: ({ names: n, numbers: x }) => `@app:name('energy-per-day')
define stream ${n.stream} (${n.device} string, ${n.power} double);
@sink(type='stream', topic='energy', @map(type='json'))
define stream Energy (device string, wattHours double, day string);
@info(name='day')
from ${n.stream}#window.timeBatch(1 day, 0)
select ${n.device} as device, sum(${n.power}) * ${x.interval} / 3600.0 as wattHours, time:date(eventTimestamp()) as day
group by ${n.device}
insert into Energy;
`,
};

/** The ready-made rules. */
export const ruleTemplates: readonly RuleTemplate[] = [threshold, noData, rate, geofence, occupancy, energy];

/**
 * Makes an app of a ready-made rule.
 * @throws CepError `NOT_FOUND`, or `WRONG_PARAMETERS` that names the parameter and its bounds
 */
export function appOfRule(id: string, values: RuleValues): string {
  const template = ruleTemplates.find((t) => t.id === id);
  if (template === undefined)
    throw new CepError("NOT_FOUND", `There is no ready-made rule '${id}'`, {
      expected: ruleTemplates.map((t) => t.id),
    });
  const numbers: Record<string, string> = {};
  const names: Record<string, string> = {};
  const texts: Record<string, string> = {};
  for (const p of template.parameters) {
    const given = values[p.name] ?? p.default;
    if (p.kind === "number" || p.kind === "seconds") numbers[p.name] = checkNumber(p, given);
    else if (p.kind === "attribute" || p.kind === "stream") names[p.name] = checkName(p, given);
    else texts[p.name] = checkText(p, given);
  }
  return template.app({ numbers, names, texts });
}

function wrong(p: RuleParameter, rule: string): never {
  throw new CepError("WRONG_PARAMETERS", `'${p.name}' ${rule}`, { expected: p.choices ?? [] });
}

function checkNumber(p: RuleParameter, given: number | string | undefined): string {
  const number = Number(given);
  if (given === undefined || given === "" || !Number.isFinite(number)) wrong(p, "must be a number");
  if (p.min !== undefined && number < p.min) wrong(p, `must be at least ${p.min}`);
  if (p.max !== undefined && number > p.max) wrong(p, `must be at most ${p.max}`);
  if (p.kind === "seconds")
    return Number.isInteger(number) ? String(number) : wrong(p, "must be a whole number of seconds");
  // A plain decimal: SiddhiQL has no exponent without a fraction, and a fraction makes it a double.
  const text = number.toFixed(9).replace(/0+$/, "");
  return text.endsWith(".") ? `${text}0` : text;
}

function checkName(p: RuleParameter, given: number | string | undefined): string {
  return typeof given === "string" && /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(given)
    ? `\`${given}\``
    : wrong(p, "must be a name of letters, digits and _");
}

function checkText(p: RuleParameter, given: number | string | undefined): string {
  if (typeof given !== "string" || /['"\\\p{Cc}]/u.test(given))
    return wrong(p, "must be a text without quotes");
  return p.choices === undefined || p.choices.includes(given)
    ? given
    : wrong(p, `must be one of ${p.choices.join(", ")}`);
}
