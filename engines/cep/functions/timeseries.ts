import { CepError } from "../cep-error.ts";
import { type Attribute, type AttributeType, CURRENT, type Ev } from "../event.ts";
import { type Compiled, isNumeric } from "../expression/compiled.ts";
import type { ParameterSpec, StreamFunctionExtension, StreamFunctionRun } from "../extension.ts";
import type { Span } from "../parser/ast.ts";
import type { Host } from "../runtime/processor.ts";
import { type Regression, regress } from "./regression.ts";

const NUMBER: readonly AttributeType[] = ["double", "float", "int", "long"];
const DEFAULT_BATCH = 1000;
const MAX_COLUMNS = 16;

const parameter = (name: string, types: ParameterSpec["types"], description: string): ParameterSpec => ({
  name,
  types,
  description,
});
const dynamic = (name: string, description: string): ParameterSpec => ({
  ...parameter(name, NUMBER, description),
  isDynamic: true,
});
const optional = (spec: ParameterSpec, otherwise: string): ParameterSpec => ({
  ...spec,
  isOptional: true,
  default: otherwise,
});

const INTERVAL = optional(
  parameter("calculation.interval", ["int"], "Calculate anew at every so many events."),
  "1",
);
const BATCH = parameter("batch.size", ["int"], "How many events the regression takes in at most.");
const CONFIDENCE = optional(
  parameter("confidence.interval", ["double"], "Coefficients less sure than this are 0."),
  "0.95",
);
const WINDOW = parameter("time.window", ["long", "int", "time"], "How old the events are at most (ms).");
const Y = dynamic("y.stream", "What depends.");
const X = dynamic("x.stream", "What it depends on.");

/** How far back a regression looks, and how often and how sure it calculates. */
interface Settings {
  readonly batch: number;
  readonly windowMs: number | undefined;
  readonly interval: number;
  readonly confidence: number;
}

/** A regression over the last events: the newest results stand until the next calculation. */
class RunningRegression implements StreamFunctionRun {
  readonly #host: Host;
  readonly #settings: Settings;
  readonly #values: (e: Ev) => readonly unknown[];
  /** What is appended, from the event, the result before it and the result with it. */
  readonly #describe: (e: Ev, before: Regression | null, now: Regression | null) => unknown[];
  #rows: [time: number, ...values: number[]][] = [];
  #since = 0;
  #result: Regression | null = null;

  constructor(
    host: Host,
    settings: Settings,
    values: (e: Ev) => readonly unknown[],
    describe: (e: Ev, before: Regression | null, now: Regression | null) => unknown[],
  ) {
    this.#host = host;
    this.#settings = settings;
    this.#values = values;
    this.#describe = describe;
  }

  apply(e: Ev): unknown[] {
    const before = this.#result;
    const values = this.#values(e);
    if (e.type === CURRENT && values.every((v) => v !== null && v !== undefined))
      this.#add(e.ts, values.map(Number));
    return this.#describe(e, before, this.#result);
  }

  #add(time: number, values: number[]): void {
    const { batch, windowMs, interval, confidence } = this.#settings;
    this.#host.charge(1);
    this.#rows.push([time, ...values]);
    let drop = Math.max(0, this.#rows.length - batch);
    while (windowMs !== undefined && (this.#rows[drop]?.[0] ?? time) <= time - windowMs) drop++;
    if (drop > 0) {
      this.#rows.splice(0, drop);
      this.#host.charge(-drop);
    }
    this.#since++;
    if (this.#since < interval) return;
    this.#since = 0;
    const column = (i: number) => this.#rows.map((row) => row[i] ?? 0);
    const columns = values.slice(1).map((_, i) => column(i + 2));
    this.#result = regress(column(1), columns, confidence) ?? null;
  }

  size(): number {
    return this.#rows.length;
  }
  save(): unknown {
    return [this.#rows, this.#since, this.#result];
  }
  load(saved: unknown): void {
    [this.#rows, this.#since, this.#result] = saved as [[number, ...number[]][], number, Regression | null]; // as saved
  }
}

type Flavour = "regress" | "forecast" | "outlier";

const DESCRIPTIONS: Record<Flavour, string> = {
  regress: "Adds the linear regression of y on one or more x: its standard error and coefficients.",
  forecast: "Adds the linear regression of y on x, and what it says of y at the next x.",
  outlier:
    "Adds the linear regression of y on x, and whether y lies outside of it by so many standard errors.",
};

/** One of the six: with or without a time window. The constants may be left out, all of them together. */
function regression(flavour: Flavour, isTimed: boolean): StreamFunctionExtension {
  const name = isTimed ? `lengthTime${flavour.charAt(0).toUpperCase()}${flavour.slice(1)}` : flavour;
  const special =
    flavour === "forecast"
      ? [dynamic("next.x.value", "The x to look ahead to: a constant or an expression.")]
      : flavour === "outlier"
        ? [dynamic("range", "How many standard errors off make an outlier.")]
        : [];
  const columns = flavour === "regress" ? [Y, X, "..."] : [Y, X];
  const names = (list: readonly (ParameterSpec | string)[]) =>
    list.map((p) => (typeof p === "string" ? p : p.name));
  const overloads = isTimed
    ? [
        names([WINDOW, BATCH, ...special, ...columns]),
        names([WINDOW, BATCH, ...special, INTERVAL, CONFIDENCE, ...columns]),
      ]
    : [names([...special, ...columns]), names([INTERVAL, BATCH, CONFIDENCE, ...special, ...columns])];
  const parameters = isTimed
    ? [WINDOW, BATCH, ...special, INTERVAL, CONFIDENCE, Y, X]
    : [INTERVAL, optional(BATCH, String(DEFAULT_BATCH)), CONFIDENCE, ...special, Y, X];
  const example = isTimed ? "1 hour, 100, " : "";
  const ahead = flavour === "forecast" ? "temp + 5, " : flavour === "outlier" ? "3, " : "";
  return {
    kind: "stream-function",
    namespace: "timeseries",
    name,
    description: `${DESCRIPTIONS[flavour]}${isTimed ? " Looks back over a time at most." : ""}`,
    parameters,
    overloads,
    returns: ["double"],
    examples: [
      {
        syntax: `from S#timeseries:${name}(${example}${ahead}kwh, temp) select * insert into Out;`,
        description: "What is used (kwh) by how warm it is (temp).",
      },
    ],
    create(args, at) {
      const { settings, rest } = isTimed ? timed(args, special.length) : untimed(args);
      const [first] = special.length > 0 ? rest : [undefined];
      const data = special.length > 0 ? rest.slice(1) : rest;
      check(settings, data, at);
      const betas = data.map((_, i): Attribute => ({ name: `beta${i}`, type: "double" }));
      const extra: Attribute[] =
        flavour === "forecast"
          ? [{ name: "forecastY", type: "double" }]
          : flavour === "outlier"
            ? [{ name: "outlier", type: "bool" }]
            : [];
      const values = (e: Ev) => data.map((a) => a.fn(e));
      return {
        attributes: [{ name: "stderr", type: "double" }, ...betas, ...extra],
        make: (host) =>
          new RunningRegression(host, settings, values, (e, before, now) => [
            now?.standardError ?? null,
            ...data.map((_, i) => now?.betas[i] ?? null),
            ...(flavour === "forecast" ? [lineAt(now, first?.fn(e))] : []),
            ...(flavour === "outlier" ? [isOff(before, values(e), first?.fn(e))] : []),
          ]),
      };
    },
  };
}

function timed(args: Compiled[], special: number): { settings: Settings; rest: Compiled[] } {
  const [window, batch] = args;
  const at = 2 + special;
  const [interval, confidence] = [args[at], args[at + 1]];
  const isTuned =
    args.length >= at + 4 && interval?.constant !== undefined && confidence?.constant !== undefined;
  return {
    settings: {
      windowMs: Number(window?.constant?.value ?? 0),
      batch: Number(batch?.constant?.value ?? 0),
      interval: isTuned ? Number(interval.constant?.value) : 1,
      confidence: isTuned ? Number(confidence.constant?.value) : 0.95,
    },
    rest: [...args.slice(2, at), ...args.slice(isTuned ? at + 2 : at)],
  };
}

function untimed(args: Compiled[]): { settings: Settings; rest: Compiled[] } {
  const [interval, batch, confidence] = args;
  // As in Siddhi, the second argument being a constant tells the long call from the short one.
  const isTuned = args.length >= 5 && batch?.constant !== undefined;
  return {
    settings: {
      windowMs: undefined,
      interval: isTuned ? Number(interval?.constant?.value) : 1,
      batch: isTuned ? Number(batch.constant?.value) : DEFAULT_BATCH,
      confidence: isTuned ? Number(confidence?.constant?.value) : 0.95,
    },
    rest: isTuned ? args.slice(3) : args,
  };
}

/** @throws CepError `WRONG_PARAMETERS` */
function check(s: Settings, data: readonly Compiled[], at: Span): void {
  const wrong = (message: string, expected: string): never => {
    throw new CepError("WRONG_PARAMETERS", message, {
      offset: at.start,
      length: at.end - at.start,
      expected: [expected],
    });
  };
  if (!(s.interval >= 1)) wrong("calculation.interval is too small", "1 or more");
  if (!(s.batch >= 3 && s.batch <= 100_000)) wrong("batch.size is out of range", "3 to 100000");
  if (s.windowMs !== undefined && !(s.windowMs > 0))
    wrong("time.window is too small", "a time such as 1 hour");
  if (!(s.confidence >= 0 && s.confidence <= 1)) wrong("confidence.interval is out of range", "0 to 1");
  if (data.length < 2 || data.length > MAX_COLUMNS)
    wrong("There are too many or too few values", "y and 1 to 15 x");
  if (data.some((d) => !isNumeric(d.type))) wrong("The values must be numbers", "numbers");
}

function lineAt(line: Regression | null, x: unknown): number | null {
  const [intercept, slope] = line?.betas ?? [];
  if (intercept === undefined || slope === undefined || x === null || x === undefined) return null;
  return intercept + slope * Number(x);
}

/** Whether y is off the line that was known before it came. */
function isOff(line: Regression | null, [y, x]: readonly unknown[], range: unknown): boolean {
  const expected = lineAt(line, x);
  if (line === null || expected === null || y === null || y === undefined) return false;
  return Math.abs(Number(y) - expected) > Number(range) * line.standardError;
}

/** A Kalman filter of one value that is taken to stay as it is but for noise. */
class KalmanFilter implements StreamFunctionRun {
  readonly #value: (e: Ev) => unknown;
  readonly #process: number;
  readonly #measurement: number;
  #estimate: number | null = null;
  #variance = 0;

  constructor(value: (e: Ev) => unknown, process: number, measurement: number) {
    this.#value = value;
    this.#process = process ** 2;
    this.#measurement = measurement ** 2;
  }

  apply(e: Ev): unknown[] {
    const value = this.#value(e);
    if (e.type !== CURRENT || value === null || value === undefined) return [this.#estimate];
    if (this.#estimate === null) {
      this.#estimate = Number(value);
      this.#variance = this.#measurement;
      return [this.#estimate];
    }
    const predicted = this.#variance + this.#process;
    const gain = predicted === 0 ? 0 : predicted / (predicted + this.#measurement);
    this.#estimate += gain * (Number(value) - this.#estimate);
    this.#variance = (1 - gain) * predicted;
    return [this.#estimate];
  }

  save(): unknown {
    return [this.#estimate, this.#variance];
  }
  load(saved: unknown): void {
    [this.#estimate, this.#variance] = saved as [number | null, number]; // as saved
  }
}

const kalmanFilter: StreamFunctionExtension = {
  kind: "stream-function",
  namespace: "timeseries",
  name: "kalmanFilter",
  description: "Adds the value smoothed by a Kalman filter.",
  parameters: [
    dynamic("variable", "The value measured."),
    parameter("q", ["double"], "Standard deviation of how the true value wanders between events."),
    parameter("r", ["double"], "Standard deviation of a measurement."),
  ],
  overloads: [["variable", "q", "r"]],
  returns: ["double"],
  examples: [
    {
      syntax: "from S#timeseries:kalmanFilter(temp, 0.05, 0.5) select room, smoothed insert into Out;",
      description: "A thermometer without its jitter.",
    },
  ],
  create(args) {
    const [variable, q, r] = args;
    return {
      attributes: [{ name: "smoothed", type: "double" }],
      make: () =>
        new KalmanFilter(
          variable?.fn ?? (() => null),
          Number(q?.constant?.value),
          Number(r?.constant?.value),
        ),
    };
  },
};

/** The `timeseries:` namespace: regressions after Siddhi's extension, and a filter. */
export const timeseriesFunctions: readonly StreamFunctionExtension[] = [
  ...(["regress", "forecast", "outlier"] as const).flatMap((f) => [
    regression(f, false),
    regression(f, true),
  ]),
  kalmanFilter,
];
