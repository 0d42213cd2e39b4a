import type { TopicName } from "../mqtt/packet.ts";
import type { Connection } from "./connection.ts";
import { type Delivery, deliveryBytes } from "./message.ts";
import { encodePublishFor, isEnded, sendPublishBytes, withExpiry } from "./send-publish.ts";
import type { InFlight, Outgoing, Queued, Session } from "./session.ts";
import type { BrokerState } from "./state.ts";
import { keepSoon, saveSoon } from "./unsaved.ts";

/** Sends a QoS 1 or 2 message, or has it wait: for room in the window, or for the client. */
export function sendOrQueue(state: BrokerState, session: Session, message: Omit<Delivery, "seq">): void {
  const { connection } = session;
  if (connection !== undefined && hasRoom(state, session)) {
    sendInFlight(state, session, connection, loadOutgoing(state, session), message);
  } else {
    enqueue(state, session, message);
  }
}

/** Whether a QoS 1 or 2 message can go out now, before those that wait. */
export function hasRoom(state: BrokerState, session: Session): boolean {
  const outgoing = loadOutgoing(state, session);
  return outgoing.waiting.length === 0 && outgoing.inFlight.size < windowOf(state, session);
}

/** [MQTT-4.9.0-1] [MQTT-4.9.0-2] never more in flight than the client's Receive Maximum. */
function windowOf(state: BrokerState, session: Session): number {
  return Math.min(session.connection?.receiveMaximum ?? 0, state.limits.inFlightMaximum);
}

/** What is on its way to a connected session, read once after waking. */
export function loadOutgoing(state: BrokerState, session: Session): Outgoing {
  if (session.outgoing !== undefined) return session.outgoing;
  const inFlight = new Map<number, InFlight>();
  const waiting: Delivery[] = [];
  let lastPacketId = 0;
  for (const delivery of state.store.deliveries(session.id)) {
    const { packetId, qos, seq, isReleased } = delivery;
    const isUnsent = packetId === undefined || seq >= (session.unsentFromSeq ?? Number.POSITIVE_INFINITY);
    if (isUnsent && !isReleased) waiting.push(delivery);
    else if (packetId !== undefined) {
      inFlight.set(packetId, { qos, seq, isReleased });
      lastPacketId = packetId;
    }
  }
  session.outgoing = { inFlight, waiting, savedWaiting: waiting.length, lastPacketId };
  return session.outgoing;
}

/** Forgets in memory what a session has on its way; the rows stay. */
export function unloadOutgoing(session: Session): void {
  session.outgoing = undefined;
  session.unsentFromSeq = undefined;
  session.incoming = undefined;
  session.queued = undefined;
}

function queuedOf(state: BrokerState, session: Session): Queued {
  if (session.queued !== undefined) return session.queued;
  // The store's bound is the distance from the oldest to the newest; most between them may have gone, and what a
  // client that is here has not acknowledged does not wait.
  session.queued = { ...state.store.queueBounds(session.id), recountAtMs: Number.NEGATIVE_INFINITY };
  return session.queued;
}

/** Whether so much waits that one more is too much. */
function isFull(state: BrokerState, session: Session, bytes: number): boolean {
  const { queuedMessages, queuedBytes } = state.limits;
  const isOver = (queued: Queued) => queued.messages >= queuedMessages || queued.bytes + bytes > queuedBytes;
  const queued = queuedOf(state, session);
  if (!isOver(queued)) return false;
  if (state.nowMs < queued.recountAtMs) return true;
  recount(state, session, queued);
  return isOver(queued);
}

/** Counts what waits one by one. [MQTT-3.3.2-5] What has passed its expiry takes no room: it goes now. */
function recount(state: BrokerState, session: Session, queued: Queued): void {
  const outgoing = session.connection === undefined ? undefined : loadOutgoing(state, session);
  const waiting = outgoing?.waiting ?? state.store.deliveries(session.id);
  const saved = new Set(waiting.slice(0, outgoing?.savedWaiting));
  const kept: Delivery[] = [];
  Object.assign(queued, { messages: 0, bytes: 0, recountAtMs: Number.POSITIVE_INFINITY });
  for (const delivery of waiting) {
    const isBegun = delivery.packetId !== undefined;
    if (!isBegun && isExpired(state, delivery)) {
      state.counters.messagesDropped++;
      if (saved.delete(delivery))
        state.store.apply({ kind: "delivered", session: session.id, seq: delivery.seq });
      continue;
    }
    kept.push(delivery);
    queued.messages++;
    queued.bytes += deliveryBytes(delivery);
    if (!isBegun) expectExpiry(queued, delivery);
  }
  if (outgoing === undefined || kept.length === waiting.length) return;
  outgoing.waiting.splice(0, waiting.length, ...kept);
  outgoing.savedWaiting = saved.size;
}

function expectExpiry(
  queued: Queued,
  { expiresAtMs = Number.POSITIVE_INFINITY }: Omit<Delivery, "seq">,
): void {
  queued.recountAtMs = Math.min(queued.recountAtMs, expiresAtMs);
}

/** Sends a QoS 1 or 2 message, and for a session that outlives its connection keeps it until it is acknowledged. */
function sendInFlight(
  state: BrokerState,
  session: Session,
  connection: Connection,
  outgoing: Outgoing,
  message: Omit<Delivery, "seq">,
): void {
  const packetId = freePacketId(outgoing);
  if (!sendDelivery(state, connection, message, packetId, false)) return;
  if (!session.isPersistent) keepSoon(state, connection);
  if (!session.isPersistent && !isForOthers(message)) {
    outgoing.inFlight.set(packetId, { qos: message.qos, seq: 0, isReleased: false });
    return;
  }
  const delivery = { ...message, seq: ++queuedOf(state, session).lastSeq, packetId };
  if (session.isPersistent || deliveryBytes(delivery) > smallBytes) {
    state.store.apply({ kind: "enqueue", session: session.id, delivery });
    outgoing.inFlight.set(packetId, { qos: message.qos, seq: delivery.seq, isReleased: false });
  } else {
    keepForOthers(state, outgoing, packetId, { ...delivery, payload: message.payload.slice() });
  }
}

/** Messages up to this size may lie in memory for some seconds after they were sent. */
const smallBytes = 4096;

/** Whether another client gets the message if this session ends before it is acknowledged (MQTT 5.0 §4.8.2). */
function isForOthers({ qos, shared }: Omit<Delivery, "seq">): boolean {
  return shared !== undefined && qos === 1;
}

/** It was sent, and has no row: it gets one if it is not acknowledged soon. */
function keepForOthers(state: BrokerState, outgoing: Outgoing, packetId: number, delivery: Delivery): void {
  outgoing.inFlight.set(packetId, {
    qos: delivery.qos,
    seq: delivery.seq,
    isReleased: false,
    kept: delivery,
  });
  saveSoon(state);
}

/**
 * [MQTT-2.2.1-3] [MQTT-2.2.1-4] [MQTT-3.1.1:2.3.1-1] not 0, and not one that is in use. What is to go out again with its
 * own goes before anything new, so it is among them by then.
 */
function freePacketId(outgoing: Outgoing): number {
  // The window is far smaller than the space, so this ends soon.
  do outgoing.lastPacketId = outgoing.lastPacketId >= 0xffff ? 1 : outgoing.lastPacketId + 1;
  while (outgoing.inFlight.has(outgoing.lastPacketId));
  return outgoing.lastPacketId;
}

/** @returns `false` if it is too large for this client, and so counts as delivered. */
function sendDelivery(
  state: BrokerState,
  connection: Connection,
  delivery: Omit<Delivery, "seq">,
  packetId: number,
  dup: boolean,
): boolean {
  const properties =
    connection.protocolLevel === 5 ? withExpiry(state, delivery.properties, delivery.expiresAtMs) : undefined;
  const bytes = encodePublishFor(state, connection, {
    type: "publish",
    topicName: delivery.topicName as TopicName, // was one when it was queued
    payload: delivery.payload,
    qos: delivery.qos,
    retain: delivery.retain,
    dup,
    packetId,
    ...(properties !== undefined && { properties }),
  });
  return sendPublishBytes(state, connection, bytes);
}

/** Keeps a message for later, unless too much waits already. */
function enqueue(state: BrokerState, session: Session, message: Omit<Delivery, "seq">): void {
  const queued = queuedOf(state, session);
  const bytes = deliveryBytes(message);
  if (isFull(state, session, bytes)) {
    state.counters.messagesDropped++;
    return;
  }
  queued.messages++;
  queued.bytes += bytes;
  expectExpiry(queued, message);
  const delivery: Delivery = { ...message, payload: message.payload.slice(), seq: ++queued.lastSeq };
  const outgoing = session.connection === undefined ? undefined : loadOutgoing(state, session);
  outgoing?.waiting.push(delivery);
  if (outgoing === undefined || session.isPersistent) {
    state.store.apply({ kind: "enqueue", session: session.id, delivery });
    if (outgoing !== undefined) outgoing.savedWaiting = outgoing.waiting.length;
  } else {
    // It needs no row as long as the object is awake, for a crash ends the session too.
    saveSoon(state);
  }
}

/** Room in the window: the oldest of those that wait go out. */
export function sendWaiting(state: BrokerState, session: Session): void {
  const { connection } = session;
  if (connection === undefined || isEnded(state, connection)) return;
  const outgoing = loadOutgoing(state, session);
  let taken = 0;
  while (taken < outgoing.waiting.length && outgoing.inFlight.size < windowOf(state, session)) {
    const delivery = outgoing.waiting[taken++] as Delivery; // inside the list
    if (session.queued !== undefined) {
      session.queued.messages--;
      session.queued.bytes -= deliveryBytes(delivery);
    }
    const isSaved = outgoing.savedWaiting > 0;
    if (isSaved) outgoing.savedWaiting--;
    sendQueued(state, session, connection, outgoing, delivery, isSaved);
  }
  if (taken === 0) return;
  const wasAgain = outgoing.waiting[0]?.packetId !== undefined;
  outgoing.waiting.splice(0, taken);
  if (wasAgain || !session.isPersistent) keepSoon(state, connection);
}

/** One that waited: for the first time, or again with the identifier of an earlier connection. */
function sendQueued(
  state: BrokerState,
  session: Session,
  connection: Connection,
  outgoing: Outgoing,
  delivery: Delivery,
  isSaved: boolean,
): void {
  const { qos, seq } = delivery;
  const isAgain = delivery.packetId !== undefined;
  const packetId = delivery.packetId ?? freePacketId(outgoing);
  // [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.6.0-1] the same identifier, DUP set, the original order
  const isSent =
    (isAgain || !isExpired(state, delivery)) &&
    session.mayReceive(delivery.topicName) &&
    sendDelivery(state, connection, delivery, packetId, isAgain);
  if (isSent && session.isPersistent) {
    if (!isAgain) state.store.apply({ kind: "sent", session: session.id, seq, packetId });
    outgoing.inFlight.set(packetId, { qos, seq, isReleased: false });
    return;
  }
  if (isSent && isForOthers(delivery)) {
    if (!isSaved) {
      keepForOthers(state, outgoing, packetId, delivery);
      return;
    }
    state.store.apply({ kind: "sent", session: session.id, seq, packetId });
    outgoing.inFlight.set(packetId, { qos, seq, isReleased: false });
    return;
  }
  if (isSaved) state.store.apply({ kind: "delivered", session: session.id, seq });
  if (isSent) outgoing.inFlight.set(packetId, { qos, seq: 0, isReleased: false });
}

/** [MQTT-3.3.2-5] past its expiry: dropped, unless its delivery had begun. */
function isExpired(state: BrokerState, delivery: Delivery): boolean {
  return delivery.expiresAtMs !== undefined && delivery.expiresAtMs <= state.nowMs;
}

/**
 * A client is back: what it had not acknowledged goes out again, in the order it did the first time, and then
 * what waits; all of it within the client's Receive Maximum.
 *
 * [MQTT-4.8.2-4] That holds for what a shared subscription gave it as well.
 *
 * @see MQTT 5.0 §4.4, §4.6; MQTT 3.1.1 §4.4, §4.6
 */
export function resend(state: BrokerState, session: Session): void {
  const { connection } = session;
  if (connection === undefined) return;
  // Nothing was sent on this connection yet.
  session.unsentFromSeq = 0;
  const outgoing = loadOutgoing(state, session);
  for (const packetId of outgoing.inFlight.keys()) {
    // [MQTT-4.4.0-1] PUBREL again, with its packet identifier
    state.send(connection, { type: "pubrel", packetId, reasonCode: 0 });
  }
  for (const { packetId = 0 } of outgoing.waiting) {
    outgoing.lastPacketId = Math.max(outgoing.lastPacketId, packetId);
  }
  sendWaiting(state, session);
}
