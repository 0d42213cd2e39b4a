import { encode } from "../mqtt/encoder.ts";
import type { Properties, Publish, QoS, TopicName } from "../mqtt/packet.ts";
import type { Connection } from "./connection.ts";
import { type Delivery, deliveryBytes, type Message } from "./message.ts";
import type { Granted, Route, SharedTargets, Target } from "./routes.ts";
import type { InFlight, Outgoing, Session } from "./session.ts";
import type { BrokerState } from "./state.ts";
import { visibleProperties } from "./view.ts";

/** Retains a message if it asks for that, and hands it to everyone it is for. */
export function publishMessage(state: BrokerState, message: Message, from: Session | undefined): void {
  if (message.retain) retain(state, message);
  distribute(state, state.routes.find(message.topicName), message, from);
}

/** Keeps the last message of a topic, or, if it is empty, forgets it. */
export function retain(state: BrokerState, message: Message): void {
  if (message.payload.byteLength === 0) {
    // [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT-3.1.1:3.3.1-10] [MQTT-3.1.1:3.3.1-11] an empty one removes, and is not stored
    state.store.apply({ kind: "clear-retained", topicName: message.topicName });
  } else {
    // [MQTT-3.3.1-5] [MQTT-3.1.1:3.3.1-5] [MQTT-3.1.1:3.3.1-7] replaces what the topic had
    state.store.apply({ kind: "retain", message });
  }
}

/** Hands a message to every subscriber of its route. @returns how many that were. */
export function distribute(
  state: BrokerState,
  route: Route,
  message: Message,
  from: Session | undefined,
): number {
  let reached = 0;
  for (const target of route.targets) {
    const granted = target.session === from ? target.own : target.granted;
    if (granted === undefined) continue;
    deliver(state, target, granted, message);
    reached++;
  }
  for (const group of route.shared) {
    const chosen = chooseMember(state, group);
    deliver(state, chosen, chosen.granted, message);
    reached++;
  }
  return reached;
}

/**
 * Takes turns among the members that can take a message at once; failing that, among all.
 * [MQTT-4.8.2-4] [MQTT-4.8.2-5] each message to one of them, at most at the QoS that one was granted.
 */
function chooseMember(state: BrokerState, group: SharedTargets): Target {
  const { members, turn } = group;
  for (let i = 0; i < members.length; i++) {
    const member = members[(turn.next + i) % members.length] as Target; // inside the list
    if (member.session.connection === undefined || !hasRoom(state, member.session)) continue;
    turn.next = (turn.next + i + 1) % members.length;
    return member;
  }
  turn.next %= members.length;
  const member = members[turn.next++] as Target; // inside the list
  return member;
}

/** Sends or queues one message for one session. */
export function deliver(state: BrokerState, target: Target, granted: Granted, message: Message): void {
  const { session, topicName } = target;
  // [MQTT-3.8.4-8] [MQTT-3.1.1:3.8.4-6] the lower of what was published and what was granted
  const qos = Math.min(message.qos, granted.qos) as QoS; // the smaller of two QoS
  // [MQTT-3.3.1-12] [MQTT-3.3.1-13] [MQTT-3.1.1:3.3.1-9] 0 to an existing subscription, unless as published
  const retained = granted.retainAsPublished && message.retain;
  deliverTo(state, session, topicName, qos, retained, granted.identifiers, message);
}

/** The same with everything decided: also used for retained messages of a new subscription. */
export function deliverTo(
  state: BrokerState,
  session: Session,
  topicName: TopicName,
  qos: QoS,
  retained: boolean,
  identifiers: readonly number[] | undefined,
  message: Message,
): void {
  const { connection } = session;
  if (connection !== undefined && isEnded(state, connection)) return;
  if (qos === 0) {
    if (connection !== undefined)
      sendAtMostOnce(state, connection, topicName, retained, identifiers, message);
    return;
  }
  const outgoing = connection === undefined ? undefined : loadOutgoing(state, session);
  const properties = outgoingProperties(session, identifiers, message);
  const waiting: Omit<Delivery, "seq"> = {
    topicName,
    payload: message.payload,
    qos,
    retain: retained,
    isReleased: false,
    ...(properties !== undefined && { properties }),
    ...(message.expiresAtMs !== undefined && { expiresAtMs: message.expiresAtMs }),
  };
  if (connection !== undefined && outgoing !== undefined && hasRoom(state, session)) {
    sendInFlight(state, session, connection, outgoing, waiting);
  } else {
    enqueue(state, session, waiting);
  }
}

/** No delivery after the token's end, even if the alarm is late (IDENTITY.md §2.D). */
export function isEnded(state: BrokerState, connection: Connection): boolean {
  return connection.authority !== undefined && connection.authority.expiresAtMs <= state.nowMs;
}

/** Whether a QoS 1 or 2 message can go out now, before those that wait. */
function hasRoom(state: BrokerState, session: Session): boolean {
  const outgoing = loadOutgoing(state, session);
  return outgoing.waiting.length === 0 && outgoing.inFlight.size < windowOf(state, session);
}

/** [MQTT-4.9.0-1] [MQTT-4.9.0-2] never more in flight than the client's Receive Maximum. */
function windowOf(state: BrokerState, session: Session): number {
  return Math.min(session.connection?.receiveMaximum ?? 0, state.limits.inFlightMaximum);
}

function sendAtMostOnce(
  state: BrokerState,
  connection: Connection,
  topicName: TopicName,
  retained: boolean,
  identifiers: readonly number[] | undefined,
  message: Message,
): void {
  const { protocolLevel } = connection;
  if (!canRead(state, connection, message.payload.byteLength + topicName.length)) {
    state.counters.messagesDropped++;
    return;
  }
  const isPlain = protocolLevel !== 5 || (identifiers === undefined && message.properties === undefined);
  const { lastEncoded } = state;
  const isShareable = isPlain && message.expiresAtMs === undefined && connection.topicAliasMaximum === 0;
  if (
    isShareable &&
    lastEncoded?.message === message &&
    lastEncoded.topicName === topicName &&
    lastEncoded.protocolLevel === protocolLevel &&
    lastEncoded.retained === retained
  ) {
    sendPublishBytes(state, connection, lastEncoded.bytes);
    return;
  }
  const session = connection.session;
  const listed =
    protocolLevel === 5 && session !== undefined
      ? withExpiry(state, outgoingProperties(session, identifiers, message), message.expiresAtMs)
      : undefined;
  const bytes = encodePublishFor(state, connection, {
    type: "publish",
    topicName,
    payload: message.payload,
    qos: 0,
    retain: retained,
    dup: false,
    ...(listed !== undefined && { properties: listed }),
  });
  if (isShareable) state.lastEncoded = { message, topicName, protocolLevel, retained, bytes };
  sendPublishBytes(state, connection, bytes);
}

/** Whether a client that may have stopped reading gets more at QoS 0 (`Limits.unheardBytes`). */
function canRead(state: BrokerState, connection: Connection, bytes: number): boolean {
  const { unheardBytes, unheardBytesPerSecond } = state.limits;
  const read = ((state.nowMs - connection.unheardAtMs) / 1000) * unheardBytesPerSecond;
  connection.unheardBytes = Math.max(0, connection.unheardBytes - read);
  connection.unheardAtMs = state.nowMs;
  if (connection.unheardBytes + bytes > unheardBytes) return false;
  connection.unheardBytes += bytes;
  return true;
}

/**
 * A PUBLISH in the client's level, with an alias for its topic if the client takes some: the first topics of a
 * connection get one each and keep it.
 */
function encodePublishFor(state: BrokerState, connection: Connection, packet: Publish): Uint8Array {
  // [MQTT-3.3.2-9] [MQTT-3.1.2-26] [MQTT-3.1.2-27] no alias above the client's maximum, none if that is 0
  const most = Math.min(connection.topicAliasMaximum, state.limits.topicAliasMaximum);
  if (most === 0) return encode(packet, connection.protocolLevel);
  const known = connection.aliasesOut.get(packet.topicName);
  if (known === undefined && connection.aliasesOut.size >= most)
    return encode(packet, connection.protocolLevel);
  const topicAlias = known ?? connection.aliasesOut.size + 1;
  const bytes = encode(
    {
      ...packet,
      topicName: known === undefined ? packet.topicName : ("" as TopicName), // the alias stands for it
      properties: { ...packet.properties, topicAlias },
    },
    connection.protocolLevel,
  );
  if (known === undefined && bytes.byteLength <= connection.maximumPacketBytes) {
    connection.aliasesOut.set(packet.topicName, topicAlias);
    state.keep(connection);
  }
  return bytes;
}

/** [MQTT-3.1.2-24] [MQTT-3.1.2-25] too large for the client: dropped for it, as if it were delivered. */
function sendPublishBytes(state: BrokerState, connection: Connection, bytes: Uint8Array): boolean {
  if (bytes.byteLength > connection.maximumPacketBytes) {
    state.counters.messagesDropped++;
    return false;
  }
  state.counters.messagesSent++;
  state.sendBytes(connection, bytes);
  return true;
}

function outgoingProperties(
  session: Session,
  identifiers: readonly number[] | undefined,
  message: Message,
): Properties | undefined {
  if (session.protocolLevel !== 5) return undefined;
  const visible = visibleProperties(session.mount, message);
  if (identifiers === undefined) return visible;
  return { ...visible, subscriptionIdentifiers: identifiers };
}

/** [MQTT-3.3.2-6] the interval received, less the time it waited here. */
function withExpiry(
  state: BrokerState,
  properties: Properties | undefined,
  expiresAtMs: number | undefined,
): Properties | undefined {
  if (expiresAtMs === undefined) return properties;
  const seconds = Math.max(0, Math.ceil((expiresAtMs - state.nowMs) / 1000));
  return { ...properties, messageExpiryInterval: seconds };
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
  session.outgoing = { inFlight, waiting, lastPacketId };
  return session.outgoing;
}

/** Forgets in memory what a session has on its way; the rows stay. */
export function unloadOutgoing(session: Session): void {
  session.outgoing = undefined;
  session.unsentFromSeq = undefined;
  session.incoming = undefined;
  session.queued = undefined;
}

function boundsOf(
  state: BrokerState,
  session: Session,
): { lastSeq: number; messages: number; bytes: number } {
  session.queued ??= { ...state.store.queueBounds(session.id) };
  return session.queued;
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
  let seq = 0;
  if (session.isPersistent) {
    const bounds = boundsOf(state, session);
    seq = ++bounds.lastSeq;
    state.store.apply({ kind: "enqueue", session: session.id, delivery: { ...message, seq, packetId } });
  } else {
    state.keep(connection);
  }
  outgoing.inFlight.set(packetId, { qos: message.qos, seq, isReleased: false });
}

/** [MQTT-2.2.1-3] [MQTT-2.2.1-4] [MQTT-3.1.1:2.3.1-1] not 0, and not one that is in use. */
function freePacketId(outgoing: Outgoing): number {
  // The window is far smaller than the space, so this ends soon.
  do outgoing.lastPacketId = outgoing.lastPacketId >= 0xffff ? 1 : outgoing.lastPacketId + 1;
  while (outgoing.inFlight.has(outgoing.lastPacketId) || isSpokenFor(outgoing, outgoing.lastPacketId));
  return outgoing.lastPacketId;
}

/** Whether a message that waits to go out again holds the identifier; those are the first that wait. */
function isSpokenFor({ waiting }: Outgoing, packetId: number): boolean {
  for (const delivery of waiting) {
    if (delivery.packetId === undefined) return false;
    if (delivery.packetId === packetId) return true;
  }
  return false;
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
  const bounds = boundsOf(state, session);
  const bytes = deliveryBytes(message);
  if (bounds.messages >= state.limits.queuedMessages || bounds.bytes + bytes > state.limits.queuedBytes) {
    state.counters.messagesDropped++;
    return;
  }
  bounds.messages++;
  bounds.bytes += bytes;
  const delivery: Delivery = { ...message, payload: message.payload.slice(), seq: ++bounds.lastSeq };
  state.store.apply({ kind: "enqueue", session: session.id, delivery });
  if (session.connection !== undefined) loadOutgoing(state, session).waiting.push(delivery);
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
    sendQueued(state, session, connection, outgoing, delivery);
  }
  if (taken === 0) return;
  const wasAgain = outgoing.waiting[0]?.packetId !== undefined;
  outgoing.waiting.splice(0, taken);
  if (wasAgain || !session.isPersistent) state.keep(connection);
}

/** One that waited: for the first time, or again with the identifier of an earlier connection. */
function sendQueued(
  state: BrokerState,
  session: Session,
  connection: Connection,
  outgoing: Outgoing,
  delivery: Delivery,
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
  state.store.apply({ kind: "delivered", session: session.id, seq });
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
 * @see MQTT 5.0 §4.4, §4.6; MQTT 3.1.1 §4.4, §4.6
 */
export function resend(state: BrokerState, session: Session): void {
  const { connection } = session;
  if (connection === undefined) return;
  unloadOutgoing(session);
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
