/** What one telemetry property may hold. */
export type SampleValue = number | boolean | string;

/** One resolved SenML record (RFC 8428 §4.2). */
export interface Sample {
  readonly name: string;
  readonly value: SampleValue;
  /** From the SenML registry, such as `Cel`, `lx`, `ppm`. */
  readonly unit?: string;
  /** When it was measured, seconds since 1970. */
  readonly timeSeconds?: number;
}

/** The SenML JSON pack of one sample: one record with absolute name and time. */
export function encodeSenml(sample: Sample): string {
  const { name, unit, value, timeSeconds } = sample;
  return JSON.stringify([
    {
      n: name,
      ...(unit === undefined ? {} : { u: unit }),
      ...(typeof value === "number"
        ? { v: value }
        : typeof value === "boolean"
          ? { vb: value }
          : { vs: value }),
      ...(timeSeconds === undefined ? {} : { t: timeSeconds }),
    },
  ]);
}

/**
 * Reads a telemetry payload: a SenML JSON pack with its base fields applied, or a bare JSON value, which is then
 * called `name`.
 * @returns every record that has a value; `undefined` for anything that is neither.
 * @see RFC 8428 §4.6; MESSAGING.md §2 "Payloads"
 */
export function decodeSenml(payload: string, name: string): readonly Sample[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(payload);
  } catch {
    return undefined;
  }
  if (isValue(json)) return [{ name, value: json }];
  if (!Array.isArray(json)) return undefined;

  const samples: Sample[] = [];
  let base: { n: string; t?: number; u?: string; v?: number } = { n: "" };
  for (const record of json) {
    if (!isObject(record)) return undefined;
    base = {
      ...base,
      ...(typeof record.bn === "string" ? { n: record.bn } : {}),
      ...(typeof record.bt === "number" ? { t: record.bt } : {}),
      ...(typeof record.bu === "string" ? { u: record.bu } : {}),
      ...(typeof record.bv === "number" ? { v: record.bv } : {}),
    };
    const value = typeof record.v === "number" ? record.v + (base.v ?? 0) : (record.vb ?? record.vs);
    if (!isValue(value)) continue;
    const unit = typeof record.u === "string" ? record.u : base.u;
    const time = typeof record.t === "number" ? record.t + (base.t ?? 0) : base.t;
    samples.push({
      name: base.n + (typeof record.n === "string" ? record.n : "") || name,
      value,
      ...(unit === undefined ? {} : { unit }),
      ...(time === undefined ? {} : { timeSeconds: time }),
    });
  }
  return samples;
}

function isValue(value: unknown): value is SampleValue {
  return typeof value === "number" || typeof value === "boolean" || typeof value === "string";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
