import { malformed } from "./mqtt-error.ts";
import type { TopicName } from "./packet.ts";
import { isTopicName } from "./topic.ts";
import { decodeUtf8 } from "./utf8.ts";

/** Longer names are decoded each time: they are rare, and the table should stay small. */
const longestKept = 128;
/** Names whose hashes agree share a set; four of them fit. */
const ways = 4;

/** A name and the bytes it came from. */
interface Known {
  readonly bytes: Uint8Array;
  readonly name: TopicName;
}

/**
 * Topic names already decoded and checked, by their bytes. A device publishes to the same few topics over and
 * over: a hit costs one pass over the bytes, makes no string, and hands out the same string object each time,
 * whose hash a `Map` then need not compute again. Four-way set-associative, so it never grows.
 */
export class TopicNames {
  readonly #known: (Known | undefined)[];
  readonly #sets: number;
  #replacedLast = 0;

  /** @param sets a power of two; each holds four names. */
  constructor(sets = 8) {
    this.#sets = sets;
    this.#known = new Array<Known | undefined>(sets * ways).fill(undefined);
  }

  /**
   * The topic name in `bytes[start..end)`.
   *
   * @throws CodedError `MALFORMED_PACKET` unless it is a well-formed topic name.
   */
  decode(bytes: Uint8Array, start: number, end: number): TopicName {
    const length = end - start;
    if (length > longestKept) return decodeTopicName(bytes, start, end);
    const first = (hashOf(bytes, start, end) & (this.#sets - 1)) * ways;
    for (let slot = first; slot < first + ways; slot++) {
      const known = this.#known[slot];
      if (known !== undefined && known.bytes.length === length && isSame(known.bytes, bytes, start)) {
        return known.name;
      }
    }
    const name = decodeTopicName(bytes, start, end);
    this.#replacedLast = (this.#replacedLast + 1) % ways;
    this.#known[first + this.#replacedLast] = { bytes: bytes.slice(start, end), name };
    return name;
  }
}

/** Only chooses a set: the bytes are compared anyway. Four bytes a step, which halves its time. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  let i = start;
  for (; i + 3 < end; i += 4) hash = (Math.imul(hash, 31) + word(bytes, i)) | 0;
  for (; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] ?? 0)) | 0;
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

function word(bytes: Uint8Array, i: number): number {
  return (
    (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16) | ((bytes[i + 3] ?? 0) << 24)
  );
}

/** From the end as well: two names of one device differ there. */
function isSame(known: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = known.length - 1; i >= 0; i--) if (known[i] !== bytes[start + i]) return false;
  return true;
}

function decodeTopicName(bytes: Uint8Array, start: number, end: number): TopicName {
  const text = decodeUtf8(bytes, start, end);
  if (!isTopicName(text)) throw malformed("topic name: empty or with a wildcard");
  return text;
}
