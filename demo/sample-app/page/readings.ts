import type { AppGrant, ReceivedSample, SampleValue } from "../../../sdk/app.ts";

/** One value as it came. */
export interface Reading {
  readonly handle: string;
  readonly value: SampleValue;
  /** When it was measured, ms since 1970; when it came, if the device does not say. */
  readonly measuredAtMs: number;
  readonly receivedAtMs: number;
  /** Known from before this page was connected. */
  readonly retained: boolean;
}

/** How a device is called on this page: the model's title, numbered where there are several of a kind. */
export interface NamedDevice {
  readonly handle: string;
  readonly name: string;
  readonly properties: Readonly<Record<string, { readonly title: string; readonly unit?: string }>>;
  readonly actions: Readonly<Record<string, { readonly title: string }>>;
}

/** A chart's data: times, and for each device its value at each of them. */
export interface Series {
  readonly timesSeconds: readonly number[];
  readonly values: ReadonlyMap<string, readonly (number | null)[]>;
}

/** Of each device and property. */
const KEPT_READINGS = 600;
/** Without an update for so long, a value is shown as stale. */
export const STALE_AFTER_MS = 60_000;

/** Everything the page knows; no DOM in here. */
export class Readings {
  #devices: readonly NamedDevice[] = [];
  readonly #byProperty = new Map<string, Reading[]>();
  readonly #latest = new Map<string, Reading>();

  get devices(): readonly NamedDevice[] {
    return this.#devices;
  }

  /** Takes over what was granted; readings of devices that are no longer in it are forgotten. */
  setGrant({ devices }: AppGrant): void {
    const total = new Map<string, number>();
    for (const { title } of devices) total.set(title, (total.get(title) ?? 0) + 1);
    const seen = new Map<string, number>();
    this.#devices = devices.map(({ title, ...device }) => {
      const number = (seen.get(title) ?? 0) + 1;
      seen.set(title, number);
      return { ...device, name: (total.get(title) ?? 1) > 1 ? `${title} ${number}` : title };
    });
    const granted = new Set(devices.map(({ handle }) => handle));
    for (const [property, readings] of this.#byProperty) {
      this.#byProperty.set(
        property,
        readings.filter(({ handle }) => granted.has(handle)),
      );
    }
    for (const [key, { handle }] of this.#latest) if (!granted.has(handle)) this.#latest.delete(key);
  }

  add({ handle, property, value, timeSeconds, receivedAtMs, retained }: ReceivedSample): void {
    const measuredAtMs = timeSeconds === undefined ? receivedAtMs : timeSeconds * 1000;
    const reading: Reading = { handle, value, measuredAtMs, receivedAtMs, retained };
    this.#latest.set(`${handle}/${property}`, reading);
    const readings = this.#byProperty.get(property) ?? [];
    // A reconnect brings the retained value once more.
    const isKnown = readings.some(
      (other) => other.handle === handle && other.measuredAtMs === measuredAtMs && other.value === value,
    );
    if (!isKnown) readings.push(reading);
    if (readings.reduce((own, other) => own + Number(other.handle === handle), 0) > KEPT_READINGS) {
      const oldest = readings.findIndex((other) => other.handle === handle);
      readings.splice(oldest, 1);
    }
    this.#byProperty.set(property, readings);
  }

  clear(): void {
    this.#devices = [];
    this.#byProperty.clear();
    this.#latest.clear();
  }

  latest(handle: string, property: string): Reading | undefined {
    return this.#latest.get(`${handle}/${property}`);
  }

  /** The properties that can be drawn: all but those that are switched, in the order of the devices. */
  get properties(): ReadonlyMap<string, { readonly title: string; readonly unit?: string }> {
    const found = new Map<string, { readonly title: string; readonly unit?: string }>();
    for (const { properties, actions } of this.#devices) {
      for (const [name, description] of Object.entries(properties)) {
        if (!(name in actions) && name !== "led" && !found.has(name)) found.set(name, description);
      }
    }
    return found;
  }

  /** Whether it has no unit. */
  isState(property: string): boolean {
    return this.properties.get(property)?.unit === undefined;
  }

  /** In order of arrival. */
  of(property: string): readonly Reading[] {
    return this.#byProperty.get(property) ?? [];
  }

  /**
   * Numbers only; a device without a value at a time has `null` there. A value without a unit is a state or a
   * number of things, and holds until the next one.
   */
  series(property: string): Series {
    const numbers = this.of(property).filter((reading) => typeof reading.value === "number");
    const timesSeconds = [...new Set(numbers.map(({ measuredAtMs }) => measuredAtMs / 1000))].sort(
      (a, b) => a - b,
    );
    const place = new Map(timesSeconds.map((time, index) => [time, index]));
    const values = new Map<string, (number | null)[]>();
    const isState = this.isState(property);
    for (const { handle } of this.#devices) {
      const own = numbers.filter((reading) => reading.handle === handle);
      if (own.length === 0) continue;
      const row: (number | null)[] = timesSeconds.map(() => null);
      for (const { measuredAtMs, value } of own) {
        const index = place.get(measuredAtMs / 1000);
        if (index !== undefined && typeof value === "number") row[index] = value;
      }
      if (isState) for (const [i, value] of row.entries()) row[i] = value ?? row[i - 1] ?? null;
      values.set(handle, row);
    }
    return { timesSeconds, values };
  }

  /** The chart in one sentence, for people who do not see it. */
  summary(property: string, formatTime: (ms: number) => string): string {
    const title = this.properties.get(property)?.title ?? property;
    const unit = unitSymbol(this.properties.get(property)?.unit);
    const numbers = this.of(property).filter((reading) => typeof reading.value === "number");
    const values = numbers.map(({ value }) => Number(value));
    if (values.length === 0) return `${title}: no value yet.`;
    const times = numbers.map(({ measuredAtMs }) => measuredAtMs);
    const devices = new Set(numbers.map(({ handle }) => handle)).size;
    const span = `${formatTime(Math.min(...times))} to ${formatTime(Math.max(...times))}`;
    return `${title} of ${devices} ${devices === 1 ? "device" : "devices"}, ${span}: between ${Math.min(...values)} and ${Math.max(...values)}${unit === "" ? "" : ` ${unit}`}, ${values.length} values.`;
  }
}

const SYMBOLS: Readonly<Record<string, string>> = { Cel: "°C", lx: "lx", "%RH": "% RH" };

/** A SenML unit as people write it. */
export function unitSymbol(unit: string | undefined): string {
  return unit === undefined ? "" : (SYMBOLS[unit] ?? unit);
}
