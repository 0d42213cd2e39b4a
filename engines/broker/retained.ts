import type { Connection } from "./connection.ts";
import type { CanonicalTopic, Message, Publisher } from "./message.ts";
import { grantTopic } from "./mount.ts";
import type { BrokerState } from "./state.ts";
import { keepSoon } from "./unsaved.ts";

/** What a connection has retained at QoS 0 on one topic: when it was last written, and what came since. */
export interface FreshRetained {
  readonly savedAtMs: number;
  readonly unsaved?: Message;
}

/** What an attachment can take beside everything else. */
const freshTopics = 16;
const freshBytes = 256;

/**
 * Keeps the last message of a topic, or, if it is empty, forgets it.
 *
 * A device that retains its newest value every minute would cost a row each time. At QoS 0 the server may lose a
 * retained message, so such a topic is written at most every `Limits.retainedSaveSeconds`; what comes in between
 * lies in the publisher's attachment, which survives hibernation, and is written when its connection ends. Only a
 * crash falls back to the older value. (docs/decisions/022)
 *
 * @param connection the publisher's; `undefined` for wills and for the platform itself.
 * @returns `false` if there is no room for another topic: nothing changes then.
 */
export function retain(state: BrokerState, message: Message, connection: Connection | undefined): boolean {
  const { topicName, payload } = message;
  const holder = state.freshRetained.get(topicName);
  const fresh = holder === connection ? connection?.fresh.get(topicName) : undefined;
  const canWait = connection !== undefined && isLight(message);
  if (
    canWait &&
    fresh !== undefined &&
    state.nowMs < fresh.savedAtMs + state.limits.retainedSaveSeconds * 1000
  ) {
    connection.fresh.set(topicName, { ...fresh, unsaved: { ...message, payload: payload.slice() } });
    keepSoon(state, connection);
    return true;
  }
  // What its publisher wrote a while ago is still its own.
  const previous = fresh === undefined ? retainedAt(state, topicName)?.publisher : message.publisher;
  if (payload.byteLength > 0 && !makeRoom(state, message, previous)) return false;
  // Whoever had a newer one than the store has is overtaken by this.
  if (holder !== undefined) forgetFresh(state, topicName, holder);
  if (payload.byteLength === 0) {
    // [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT-3.1.1:3.3.1-10] [MQTT-3.1.1:3.3.1-11] an empty one removes, and is not stored
    state.store.apply({ kind: "clear-retained", topicName });
    state.retainedTopics?.count(previous, undefined);
    return true;
  }
  // [MQTT-3.3.1-5] [MQTT-3.1.1:3.3.1-5] [MQTT-3.1.1:3.3.1-7] replaces what the topic had
  state.store.apply({ kind: "retain", message });
  state.retainedTopics?.count(previous, message.publisher);
  if (!canWait || connection.fresh.size >= freshTopics) return true;
  connection.fresh.set(topicName, { savedAtMs: state.nowMs });
  state.freshRetained.set(topicName, connection);
  state.keep(connection);
  return true;
}

/** How many topics each publisher retains, those past their expiry included. */
export class RetainedTopics {
  readonly #byPublisher = new Map<string, number>();
  readonly countedAtMs: number;
  total = 0;

  constructor(counts: Iterable<readonly [Publisher, number]>, nowMs: number) {
    this.countedAtMs = nowMs;
    for (const [publisher, topics] of counts) {
      this.#byPublisher.set(keyOf(publisher), topics);
      this.total += topics;
    }
  }

  of(publisher: Publisher): number {
    return this.#byPublisher.get(keyOf(publisher)) ?? 0;
  }

  /** A topic went from one publisher to another; `undefined` is nobody. */
  count(from: Publisher | undefined, to: Publisher | undefined): void {
    if (from !== undefined) this.#add(from, -1);
    if (to !== undefined) this.#add(to, 1);
  }

  #add(publisher: Publisher, change: 1 | -1): void {
    this.total += change;
    const topics = this.of(publisher) + change;
    if (topics > 0) this.#byPublisher.set(keyOf(publisher), topics);
    else this.#byPublisher.delete(keyOf(publisher));
  }
}

function keyOf({ kind, handle }: Publisher): string {
  return `${kind}/${handle}`;
}

/** The counts as they are; one query over all retained topics after waking or a sweep. */
export function retainedTopics(state: BrokerState): RetainedTopics {
  state.retainedTopics ??= new RetainedTopics(state.store.retainedTopics(), state.nowMs);
  return state.retainedTopics;
}

const consentTopic = new RegExp(`^${grantTopic("[^/]+")}$`);

/** How often at most those past their expiry are looked for because there is no room: it reads every row. */
const sweepEveryMs = 1000;

/** Whether the topic may become this publisher's, if need be after those past their expiry have gone. */
function makeRoom(state: BrokerState, message: Message, previous: Publisher | undefined): boolean {
  if (hasRoomFor(state, message, previous)) return true;
  if (state.nowMs < retainedTopics(state).countedAtMs + sweepEveryMs) return false;
  sweepRetained(state);
  return hasRoomFor(state, message, previous);
}

function hasRoomFor(
  state: BrokerState,
  { topicName, publisher }: Message,
  previous: Publisher | undefined,
): boolean {
  if (previous !== undefined && keyOf(previous) === keyOf(publisher)) return true;
  // Each consent has one such topic, and its app relies on it.
  if (consentTopic.test(topicName)) return true;
  const topics = retainedTopics(state);
  const isOfOne = publisher.kind === "device" || publisher.kind === "app";
  if (isOfOne && topics.of(publisher) >= state.limits.retainedMessagesOfOne) return false;
  return previous !== undefined || topics.total < state.limits.retainedMessages;
}

/** Forgets those past their expiry. */
export function sweepRetained(state: BrokerState): void {
  state.store.apply({ kind: "clear-retained-before", nowMs: state.nowMs });
  state.retainedTopics = undefined;
}

/** Small enough for an attachment, and plain. */
function isLight({ qos, payload, topicName, properties, expiresAtMs }: Message): boolean {
  const bytes = payload.byteLength;
  const isPlain = qos === 0 && properties === undefined && expiresAtMs === undefined;
  return isPlain && bytes > 0 && bytes <= freshBytes && topicName.length <= freshBytes;
}

function forgetFresh(state: BrokerState, topicName: CanonicalTopic, holder: Connection): void {
  state.freshRetained.delete(topicName);
  holder.fresh.delete(topicName);
  state.keep(holder);
}

/** The connection ends, and its attachment with it. */
export function saveRetained(state: BrokerState, connection: Connection): void {
  for (const [topicName, { unsaved }] of connection.fresh) {
    state.freshRetained.delete(topicName);
    if (unsaved !== undefined) state.store.apply({ kind: "retain", message: unsaved });
  }
  connection.fresh.clear();
}

/** Forgets retained messages by topic; those not written yet too. */
export function clearRetainedUnder(state: BrokerState, prefix: string): void {
  for (const [topicName, holder] of [...state.freshRetained]) {
    if (topicName.startsWith(prefix)) forgetFresh(state, topicName, holder);
  }
  state.store.apply({ kind: "clear-retained-under", prefix });
  state.retainedTopics = undefined;
}

/** Forgets what one principal has retained. Its connections have ended, so nothing of it is unwritten. */
export function clearRetainedOf(state: BrokerState, publisher: Message["publisher"]): void {
  state.store.apply({ kind: "clear-retained-of", publisher });
  state.retainedTopics = undefined;
}

/** The retained message of one topic, written or not. */
export function retainedAt(state: BrokerState, topicName: CanonicalTopic): Message | undefined {
  return unsavedAt(state, topicName) ?? state.store.retainedAt(topicName);
}

/** Those under a canonical prefix, in topic order. What is not written yet has an older one in the store. */
export function* retainedUnder(state: BrokerState, prefix: string): Iterable<Message> {
  for (const message of state.store.retainedUnder(prefix)) {
    yield unsavedAt(state, message.topicName) ?? message;
  }
}

function unsavedAt(state: BrokerState, topicName: CanonicalTopic): Message | undefined {
  return state.freshRetained.get(topicName)?.fresh.get(topicName)?.unsaved;
}
