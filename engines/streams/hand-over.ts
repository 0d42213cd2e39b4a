/**
 * What the personal cloud and its stream app say to each other (STREAMS.md §3). Events go over at least once and
 * are taken once, by offset; results go over at least once and are carried out once, by number.
 */

/** Something a thing published, as its owner's rules see it. */
export interface ThingEvent {
  /** Device handle. */
  readonly device: string;
  /** The owner's own name for the device. */
  readonly name: string;
  /** Below `devices/{dh}/`: `telemetry/temperature`. */
  readonly topic: string;
  /** UTF-8 text, nearly always JSON. */
  readonly payload: string;
  /** When it reached the personal cloud, in ms since 1970. */
  readonly atMs: number;
  /** In an app's fleet: the app's own name for the user who granted it. */
  readonly user?: string;
}

/** Offsets grow, but not always by one. */
export type OffsetEvent = readonly [offset: number, event: ThingEvent];

/** From the personal cloud to the stream app. */
export interface EventBatch {
  /** Which sequence of offsets this is: another one when the personal cloud began anew. */
  readonly source: string;
  readonly events: readonly OffsetEvent[];
  /** The results that were carried out. */
  readonly taken: ResultPosition;
}

/** Up to which number the results of one stream app were carried out. */
export interface ResultPosition {
  /** Which sequence of numbers; "" before the first result. */
  readonly origin: string;
  readonly number: number;
}

/** What a rule put out, on its way to the personal cloud. */
export type Result = {
  /** Grows by one with every result of the stream app. */
  readonly number: number;
  /** The same for the same output, however often it is computed: `{rule}.{number}`. */
  readonly id: string;
  readonly rule: string;
  readonly payload: string;
  /** In an app's fleet: whose personal cloud it is for, by the app's own name; without it, the developer's. */
  readonly user?: string;
} & (
  | { readonly kind: "stream"; readonly stream: string; readonly retain: boolean }
  | { readonly kind: "alarm"; readonly alarm: string }
  /** `device` is a handle or the owner's name for it. */
  | { readonly kind: "command"; readonly device: string; readonly action: string }
  /** Inside a fleet: an event of a stream on its way from a shard to the combining object. */
  | { readonly kind: "row"; readonly stream: string }
);

/** What a rule posts to a server outside; it does not go through the personal cloud. */
export interface Posting {
  readonly kind: "webhook";
  /** From the same sequence as the results. */
  readonly number: number;
  readonly id: string;
  readonly rule: string;
  readonly url: string;
  /** What kind of event it is, and what it is about (CloudEvents 1.0 §2: type, subject). */
  readonly event: string;
  readonly subject?: string;
  readonly atMs: number;
  /** JSON. */
  readonly payload: string;
}

/** Results that were not yet acknowledged, oldest first; always all of them. */
export interface ResultDelivery {
  readonly origin: string;
  readonly results: readonly Result[];
}

/** The stream app's answer to a batch. */
export interface BatchAnswer extends ResultDelivery {
  /** Everything up to this offset need not be sent again. */
  readonly accepted: number;
}

/** Which topics below `devices/{dh}/` some running rule wants. A higher version replaces a lower one. */
export interface Interest {
  readonly origin: string;
  readonly version: number;
  readonly filters: readonly string[];
}

/** Events in one hand-over (STREAMS.md §3). */
export const batchEvents = 256;

/** Characters of events in one hand-over, and in one row: a row holds 2 MB, a character is at most 3 bytes of UTF-8. */
const batchCharacters = 500_000;

/** The first events that fit into one hand-over; at least one. */
export function firstBatch(events: readonly OffsetEvent[]): readonly OffsetEvent[] {
  let characters = 0;
  let count = 0;
  for (const [, { payload, topic, name }] of events) {
    characters += payload.length + topic.length + name.length + 100;
    if (count > 0 && (count >= batchEvents || characters > batchCharacters)) break;
    count += 1;
  }
  // A copy, for a queue grows while its first batch is under way.
  return events.slice(0, count);
}

/** Matches a topic name against a filter with `+` and `#` (MQTT 5.0 §4.7). */
export function topicMatches(filter: string, topicName: string): boolean {
  const filterLevels = filter.split("/");
  const levels = topicName.split("/");
  for (const [i, level] of filterLevels.entries()) {
    if (level === "#") return true;
    if (i >= levels.length || (level !== "+" && level !== levels[i])) return false;
  }
  return filterLevels.length === levels.length;
}
