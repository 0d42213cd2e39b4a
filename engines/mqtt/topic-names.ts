import { malformed } from "./mqtt-error.ts";
import type { TopicName } from "./packet.ts";
import { isTopicName } from "./topic.ts";
import { decodeUtf8 } from "./utf8.ts";

/** Longer names are decoded each time: they are rare, and the table should stay small. */
const longestKept = 128;

/**
 * Topic names already decoded and checked, by their bytes. A device publishes to the same few topics over and
 * over: a hit costs one pass over the bytes, makes no string, and hands out the same string object each time,
 * whose hash a `Map` then need not compute again. Direct-mapped, so it never grows: a collision replaces.
 */
export class TopicNames {
  readonly #bytes: (Uint8Array | undefined)[];
  readonly #names: (TopicName | undefined)[];
  readonly #mask: number;

  /** @param slots a power of two. */
  constructor(slots = 16) {
    this.#mask = slots - 1;
    this.#bytes = new Array(slots);
    this.#names = new Array(slots);
  }

  /**
   * The topic name in `bytes[start..end)`.
   *
   * @throws CodedError `MALFORMED_PACKET` unless it is a well-formed topic name.
   */
  decode(bytes: Uint8Array, start: number, end: number): TopicName {
    const length = end - start;
    if (length > longestKept) return decodeTopicName(bytes, start, end);
    let hash = length;
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] ?? 0)) | 0;
    const slot = (hash ^ (hash >>> 15)) & this.#mask;
    const kept = this.#bytes[slot];
    const name = this.#names[slot];
    if (kept !== undefined && name !== undefined && isSame(kept, bytes, start, length)) return name;
    const decoded = decodeTopicName(bytes, start, end);
    this.#bytes[slot] = bytes.slice(start, end);
    this.#names[slot] = decoded;
    return decoded;
  }
}

function isSame(kept: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (kept.length !== length) return false;
  for (let i = 0; i < length; i++) if (kept[i] !== bytes[start + i]) return false;
  return true;
}

function decodeTopicName(bytes: Uint8Array, start: number, end: number): TopicName {
  const text = decodeUtf8(bytes, start, end);
  if (!isTopicName(text)) throw malformed("topic name: empty or with a wildcard");
  return text;
}
