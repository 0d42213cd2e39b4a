import type { TopicFilter, TopicName } from "./packet.ts";

/**
 * Whether `text` may be the topic name of a message: at least one character, no wildcard, no NUL.
 * The length in bytes is the codec's to check.
 *
 * @see MQTT 5.0 §4.7.3, MQTT 3.1.1 §4.7.3
 */
export function isTopicName(text: string): text is TopicName {
  // [MQTT-4.7.3-1] [MQTT-3.1.1:4.7.3-1] at least one character
  if (text.length === 0) return false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // [MQTT-4.7.0-1] [MQTT-3.3.2-2] [MQTT-3.1.1:4.7.1-1] [MQTT-3.1.1:3.3.2-2] no '#' and '+' in a name
    // [MQTT-4.7.3-2] [MQTT-3.1.1:4.7.3-2] no NUL
    if (unit === hash || unit === plus || unit === 0) return false;
  }
  return true;
}

const hash = 0x23;
const plus = 0x2b;
const slash = 0x2f;

/**
 * Whether `text` is a topic filter: every wildcard fills its level, `#` is the last one. A `$share/` prefix is
 * not looked at here; use `parseSharedFilter`.
 *
 * @see MQTT 5.0 §4.7.1, MQTT 3.1.1 §4.7.1
 */
export function isTopicFilter(text: string): text is TopicFilter {
  if (text.length === 0) return false;
  const last = text.length - 1;
  for (let i = 0; i <= last; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0) return false;
    if (unit !== hash && unit !== plus) continue;
    if (i > 0 && text.charCodeAt(i - 1) !== slash) return false;
    // [MQTT-4.7.1-1] [MQTT-3.1.1:4.7.1-2] '#' alone or behind '/', and last
    if (unit === hash && i !== last) return false;
    // [MQTT-4.7.1-2] [MQTT-3.1.1:4.7.1-3] '+' fills an entire level
    if (unit === plus && i !== last && text.charCodeAt(i + 1) !== slash) return false;
  }
  return true;
}

/** The two parts of `$share/{shareName}/{topicFilter}` (MQTT 5.0 §4.8.2). */
export interface SharedFilter {
  readonly shareName: string;
  readonly topicFilter: TopicFilter;
}

const sharePrefix = "$share/";

/** Whether a filter asks for a shared subscription; it may still be ill-formed (MQTT 5.0 §4.8.2). */
export function isShared(text: string): boolean {
  return text.startsWith(sharePrefix);
}

/**
 * Takes a shared subscription's filter apart.
 *
 * @returns `undefined` if `text` is no shared filter or not a well-formed one; `isShared` tells which.
 * @see MQTT 5.0 §4.8.2
 */
export function parseSharedFilter(text: string): SharedFilter | undefined {
  if (!isShared(text)) return undefined;
  const end = text.indexOf("/", sharePrefix.length);
  // [MQTT-4.8.2-2] a '/' behind the share name, and a filter behind that
  if (end < 0) return undefined;
  const shareName = text.slice(sharePrefix.length, end);
  // [MQTT-4.8.2-1] at least one character, neither '+' nor '#' ('/' ends it)
  if (shareName === "" || shareName.includes("+") || shareName.includes("#")) return undefined;
  const topicFilter = text.slice(end + 1);
  return isTopicFilter(topicFilter) ? { shareName, topicFilter } : undefined;
}

/**
 * Whether a filter (without a `$share` prefix) matches a name. Compares UTF-16 code units: no case folding, no
 * normalisation ([MQTT-4.7.3-4], [MQTT-3.1.1:4.7.3-4]). Linear in the shorter of the two, no allocation.
 *
 * @see MQTT 5.0 §4.7, MQTT 3.1.1 §4.7
 */
export function matches(filter: TopicFilter, name: TopicName): boolean {
  const first = filter.charCodeAt(0);
  // [MQTT-4.7.2-1] [MQTT-3.1.1:4.7.2-1] a leading wildcard does not match '$…'
  if ((first === hash || first === plus) && name.charCodeAt(0) === 0x24) return false;
  let at = 0;
  for (let i = 0; i < filter.length; i++) {
    const unit = filter.charCodeAt(i);
    if (unit === hash) return true;
    if (unit === plus) {
      while (at < name.length && name.charCodeAt(at) !== slash) at++;
      continue;
    }
    if (at === name.length) {
      // "sport/#" also matches "sport": the parent level is included
      return unit === slash && i + 2 === filter.length && filter.charCodeAt(i + 1) === hash;
    }
    if (unit !== name.charCodeAt(at)) return false;
    at++;
  }
  return at === name.length;
}

/** How many levels a topic name or filter has. */
export function levelsOf(text: string): number {
  let levels = 1;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === 0x2f) levels++;
  return levels;
}
