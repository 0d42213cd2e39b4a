import { CepError } from "../cep-error.ts";
import { Ev, type EventType } from "../event.ts";

/**
 * Writes a graph of operator state as JSON. Events and arrays that are shared stay shared: a partial match waits in
 * two states at once, and a row belongs to several events. Each gets a number in the order it is met.
 */
export function encodeState(value: unknown): string {
  const ids = new Map<object, number>();
  const encode = (v: unknown): unknown => {
    switch (typeof v) {
      case "string":
      case "boolean":
        return v;
      case "number":
        return Number.isFinite(v) && !Object.is(v, -0) ? v : ["n", Object.is(v, -0) ? "-0" : String(v)];
      case "bigint":
        return ["b", String(v)];
      case "object":
        break;
      default:
        return ["u"];
    }
    if (v === null) return null;
    if (v instanceof Set) return ["s", ...[...v].map(encode)];
    if (v instanceof Map) return ["m", ...[...v].map(([k, x]) => [encode(k), encode(x)])];
    if (v instanceof Error) return ["x", v.message];
    const known = ids.get(v);
    if (known !== undefined) return ["r", known];
    if (v instanceof Ev) {
      ids.set(v, ids.size);
      return ["e", encode(v.ts), v.type, encode(v.row), encode(v.out), encode(v.key)];
    }
    if (Array.isArray(v)) {
      ids.set(v, ids.size);
      return ["a", ...v.map(encode)];
    }
    return ["o", ...Object.entries(v).map(([k, x]) => [k, encode(x)])];
  };
  return JSON.stringify(encode(value));
}

/** Reads what `encodeState` wrote. @throws CepError `SNAPSHOT` */
export function decodeState(text: string): unknown {
  const known: unknown[] = [];
  const decode = (v: unknown): unknown => {
    if (!Array.isArray(v)) return v;
    const [tag, ...rest] = v as [string, ...unknown[]]; // every array in the format starts with a tag
    switch (tag) {
      case "n":
        return Number(rest[0]);
      case "b":
        return BigInt(String(rest[0]));
      case "u":
        return undefined;
      case "s":
        return new Set(rest.map(decode));
      case "m":
        return new Map((rest as [unknown, unknown][]).map(([k, x]) => [decode(k), decode(x)])); // as encoded
      case "x":
        return new Error(String(rest[0]));
      case "r":
        return known[Number(rest[0])];
      case "e": {
        const e = new Ev(Number(decode(rest[0])), rest[1] as EventType, []); // as encoded
        known.push(e);
        e.row = decode(rest[2]) as unknown[]; // as encoded
        e.out = decode(rest[3]) as unknown[] | null; // as encoded
        e.key = decode(rest[4]);
        return e;
      }
      case "a": {
        const list: unknown[] = [];
        known.push(list);
        for (const x of rest) list.push(decode(x));
        return list;
      }
      case "o":
        return Object.fromEntries((rest as [string, unknown][]).map(([k, x]) => [k, decode(x)])); // as encoded
      default:
        throw new CepError("SNAPSHOT", "The snapshot is not one of this engine");
    }
  };
  try {
    return decode(JSON.parse(text));
  } catch (error) {
    if (error instanceof CepError) throw error;
    throw new CepError("SNAPSHOT", "The snapshot cannot be read");
  }
}
