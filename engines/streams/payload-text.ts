import { decode, type TagDecoder } from "cborg";
import { base64url } from "../oauth/base64url.ts";

const maxPayloadBytes = 65_536;
/** A byte of CBOR may be five characters of JSON. */
const maxCharacters = 400_000;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/**
 * What a thing published, as the text that rules read: UTF-8 as it is, CBOR (RFC 8949) as JSON, SenML in CBOR with its
 * names instead of integer labels. The content type (MQTT 5.0 §3.3.2.3.9) says which it is; without one, what is no
 * UTF-8 is CBOR: an array, map, float or `true` begins with a byte that no UTF-8 text begins with.
 * @returns `undefined` for what is empty, too long, or neither. Never throws.
 * @see EXPERIENCE.md §8
 */
export function payloadText(payload: Uint8Array, contentType: string | undefined): string | undefined {
  if (payload.byteLength === 0 || payload.byteLength > maxPayloadBytes) return undefined;
  if (/[/+]cbor\b/i.test(contentType ?? "")) return cborText(payload);
  try {
    return utf8.decode(payload);
  } catch {
    return cborText(payload);
  }
}

function cborText(payload: Uint8Array): string | undefined {
  try {
    const value: unknown = decode(payload, { useMaps: true, tags, allowBigInt: true });
    const json = JSON.stringify(isPack(value) ? value.map(recordOf) : plain(value));
    return json === undefined || json.length > maxCharacters ? undefined : json;
  } catch {
    return undefined; // not CBOR, or too deep
  }
}

/** RFC 8428 §6, table 4. */
const labels = new Map<unknown, string>([
  [-1, "bver"],
  [-2, "bn"],
  [-3, "bt"],
  [-4, "bu"],
  [-5, "bv"],
  [-6, "bs"],
  [0, "n"],
  [1, "u"],
  [2, "v"],
  [3, "vs"],
  [4, "vb"],
  [5, "s"],
  [6, "t"],
  [7, "ut"],
  [8, "vd"],
]);

type CborMap = ReadonlyMap<unknown, unknown>;

/** A SenML pack is an array of maps, at least one of which has an integer label. */
function isPack(value: unknown): value is readonly CborMap[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((record) => record instanceof Map) &&
    value.some((record: CborMap) => [...record.keys()].some((key) => labels.has(key)))
  );
}

function recordOf(record: CborMap): Record<string, unknown> {
  return Object.fromEntries(
    [...record].map(([key, value]) => [labels.get(key) ?? String(key), plain(value)]),
  );
}

/** As JSON has it (RFC 8949 §6.1): bytes as base64url, an integer beyond 2^53 as text. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value === undefined) return null;
  if (value instanceof Uint8Array) return base64url(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) {
    return Object.fromEntries([...(value as CborMap)].map(([key, item]) => [String(key), plain(item)]));
  }
  return value;
}

const same: TagDecoder = (content) => content();
/** Tags whose content is meant as it is, and those that make a number (RFC 8949 §3.4). */
const tags: { [tag: number]: TagDecoder } = {
  0: same,
  1: same,
  2: (content) => bigNumber(content()),
  3: (content) => -1n - bigNumber(content()),
  4: (content) => scaled(10, content()),
  5: (content) => scaled(2, content()),
  55799: same,
};

function bigNumber(bytes: unknown): bigint {
  if (!(bytes instanceof Uint8Array) || bytes.length > 64) throw new RangeError("no number");
  let value = 0n;
  for (const byte of bytes) value = value * 256n + BigInt(byte);
  return value;
}

function scaled(base: 2 | 10, pair: unknown): number {
  const [exponent, mantissa] = Array.isArray(pair) ? pair : [];
  const isNumber = (part: unknown) => typeof part === "number" || typeof part === "bigint";
  if (!isNumber(exponent) || !isNumber(mantissa)) throw new RangeError("no number");
  // 273.15 is [-2, 27315]: written as text it becomes the nearest double, multiplied it would not.
  return base === 10 ? Number(`${mantissa}e${exponent}`) : Number(mantissa) * 2 ** Number(exponent);
}
