import type { Connection } from "./connection.ts";
import type { CanonicalTopic, Message } from "./message.ts";
import { hasRoomFor, lightOf, retainedTotals, sizeOf } from "./retained-room.ts";
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
 * @returns `false` if there is no room for it: nothing changes then.
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
  const found = () =>
    fresh === undefined ? sizeOf(retainedAt(state, topicName)) : lightOf(message.publisher);
  let previous = found();
  if (payload.byteLength > 0 && !hasRoomFor(state, message, previous)) {
    if (!sweepForRoom(state)) return false;
    // It may be one of those that have gone.
    previous = found();
    if (!hasRoomFor(state, message, previous)) return false;
  }
  // Whoever had a newer one than the store has is overtaken by this.
  if (holder !== undefined) forgetFresh(state, topicName, holder);
  if (payload.byteLength === 0) {
    // [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT-3.1.1:3.3.1-10] [MQTT-3.1.1:3.3.1-11] an empty one removes, and is not stored
    state.store.apply({ kind: "clear-retained", topicName });
    state.retainedTotals?.count(previous, undefined);
    return true;
  }
  // [MQTT-3.3.1-5] [MQTT-3.1.1:3.3.1-5] [MQTT-3.1.1:3.3.1-7] replaces what the topic had
  state.store.apply({ kind: "retain", message });
  state.retainedTotals?.count(previous, sizeOf(message));
  if (!canWait || connection.fresh.size >= freshTopics) return true;
  connection.fresh.set(topicName, { savedAtMs: state.nowMs });
  state.freshRetained.set(topicName, connection);
  state.keep(connection);
  return true;
}

/** How often at most those past their expiry are looked for because there is no room: it reads every row. */
const sweepEveryMs = 1000;

/** Forgets those past their expiry because there is no room. @returns whether it is time for that again. */
function sweepForRoom(state: BrokerState): boolean {
  if (state.nowMs < retainedTotals(state).countedAtMs + sweepEveryMs) return false;
  sweepRetained(state);
  return true;
}

/** Forgets those past their expiry. */
export function sweepRetained(state: BrokerState): void {
  state.store.apply({ kind: "clear-retained-before", nowMs: state.nowMs });
  state.retainedTotals = undefined;
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
  state.retainedTotals = undefined;
}

/** Forgets what one principal has retained. Its connections have ended, so nothing of it is unwritten. */
export function clearRetainedOf(state: BrokerState, publisher: Message["publisher"]): void {
  state.store.apply({ kind: "clear-retained-of", publisher });
  state.retainedTotals = undefined;
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
