import type { Publish, ReasonCode, TopicName } from "../mqtt/packet.ts";
import { reasonCode } from "../mqtt/reason-code.ts";
import { levelsOf } from "../mqtt/topic.ts";
import { receivedIds } from "./acknowledge.ts";
import { askWho } from "./authority.ts";
import { introspectionCost, spend } from "./budget.ts";
import { tokenText } from "./connect-token.ts";
import type { Connection } from "./connection.ts";
import { distribute, hasSubscribers } from "./deliver.ts";
import { recordRefusal } from "./ledger.ts";
import { refuseConnection } from "./lifecycle.ts";
import type { Message } from "./message.ts";
import { retain } from "./retained.ts";
import type { Route } from "./routes.ts";
import type { Session } from "./session.ts";
import type { BrokerState } from "./state.ts";
import { keepSoon } from "./unsaved.ts";
import { canonicalProperties } from "./view.ts";

/** Where a client puts a new token (IDENTITY.md §2.D). */
const tokenTopic = "$auth/token";

/**
 * A PUBLISH from entry to exit: its topic, what it may cost, whether it is new, whether it is allowed, who gets
 * it, and last the acknowledgement.
 */
export function publish(state: BrokerState, connection: Connection, session: Session, packet: Publish): void {
  const topicName = resolveTopic(state, connection, packet);
  if (topicName === undefined) return;
  if (packet.qos === 2 && isRepeated(state, connection, session, packet)) return;
  const budget = spend(state, connection, topicName === tokenTopic ? introspectionCost : 1);
  if (budget !== "granted") {
    overBudget(state, connection, packet, budget === "flood");
    return;
  }
  state.counters.messagesReceived++;
  if (topicName === tokenTopic) {
    renewToken(state, connection, packet);
    return;
  }
  const accepted = accept(state, connection, session, topicName, packet);
  if (typeof accepted === "number") {
    answer(state, connection, session, packet, accepted);
    return;
  }
  const { route, message } = accepted;
  // The answer first: a publisher that subscribes as well expects it before its own message comes back.
  const isHeard = packet.qos === 2 || hasSubscribers(route);
  answer(state, connection, session, packet, isHeard ? reasonCode.success : reasonCode.noMatchingSubscribers);
  distribute(state, route, message, session);
}

/** The topic, from the packet or from the alias it uses; closes the connection over a wrong one. */
function resolveTopic(state: BrokerState, connection: Connection, packet: Publish): TopicName | undefined {
  const alias = packet.properties?.topicAlias;
  if (alias !== undefined) {
    // [MQTT-3.3.2-8] [MQTT-3.3.2-10] 1 to the maximum that CONNACK told
    if (alias === 0 || alias > state.limits.topicAliasMaximum) {
      refuseConnection(state, connection, reasonCode.topicAliasInvalid);
      return undefined;
    }
    if (packet.topicName === "") {
      const known = connection.aliasesIn.get(alias);
      // [MQTT-3.3.2-7] [MQTT-3.3.2-12] an alias must have been given a topic on this connection
      if (known === undefined) refuseConnection(state, connection, reasonCode.protocolError);
      return known;
    }
    if (connection.aliasesIn.get(alias) !== packet.topicName) {
      connection.aliasesIn.set(alias, packet.topicName);
      state.keep(connection);
    }
  } else if (packet.topicName === "") {
    refuseConnection(state, connection, reasonCode.protocolError);
    return undefined;
  }
  return packet.topicName;
}

/** A client may come back so many times with all the QoS 2 exchanges open that one connection may have. */
const unfinishedConnections = 16;

/** [MQTT-4.3.3-10] [MQTT-3.1.1:4.3.3-2] a QoS 2 message whose PUBREL has not come is acknowledged, not repeated. */
function isRepeated(state: BrokerState, connection: Connection, session: Session, packet: Publish): boolean {
  const { packetId = 0 } = packet;
  const received = receivedIds(state, session);
  if (received.has(packetId)) {
    state.send(connection, { type: "pubrec", packetId, reasonCode: reasonCode.success });
    return true;
  }
  if (connection.openIncoming >= state.limits.receiveMaximum && connection.protocolLevel === 5) {
    // [MQTT-3.3.4-7] [MQTT-3.3.4-8] the client promised to keep to Receive Maximum, anew with each connection
    refuseConnection(state, connection, reasonCode.receiveMaximumExceeded);
    return true;
  }
  if (received.size < unfinishedConnections * state.limits.receiveMaximum) return false;
  if (connection.protocolLevel === 5) acknowledgeWith(state, connection, packet, reasonCode.quotaExceeded);
  else refuseConnection(state, connection, reasonCode.quotaExceeded);
  return true;
}

/** Dropped where that is allowed, refused where it can be said, and the connection ends when it goes on. */
function overBudget(state: BrokerState, connection: Connection, packet: Publish, isFlood: boolean): void {
  state.counters.messagesDropped++;
  if (isFlood || (packet.qos > 0 && connection.protocolLevel !== 5)) {
    refuseConnection(state, connection, reasonCode.messageRateTooHigh);
    return;
  }
  if (packet.qos > 0) acknowledgeWith(state, connection, packet, reasonCode.quotaExceeded);
}

/** Whether the session may publish the message; if so, it is retained where it asks for that. @returns why not. */
function accept(
  state: BrokerState,
  connection: Connection,
  session: Session,
  topicName: TopicName,
  packet: Publish,
): { readonly route: Route; readonly message: Message } | ReasonCode {
  if (levelsOf(topicName) > state.limits.topicLevels) return reasonCode.topicNameInvalid;
  // `$auth/` is the platform's own in every mount.
  const route = topicName.startsWith("$auth/") ? undefined : state.routes.verdict(session, topicName);
  if (route === undefined) {
    state.counters.publishesRefused++;
    const attempt = { action: "publish", topic: topicName, reasonCode: reasonCode.notAuthorized } as const;
    recordRefusal(state, connection, session.mount, attempt);
    return reasonCode.notAuthorized;
  }
  const message = toMessage(state, session, route.topicName, packet);
  const isKept = !packet.retain || retain(state, message, connection);
  return isKept ? { route, message } : reasonCode.quotaExceeded;
}

function toMessage(
  state: BrokerState,
  session: Session,
  topicName: Message["topicName"],
  packet: Publish,
): Message {
  const { payload, qos, retain: isRetained } = packet;
  const { publisher } = session;
  if (packet.properties === undefined) return { topicName, payload, qos, retain: isRetained, publisher };
  const properties = canonicalProperties(session.mount, packet.properties);
  const seconds = packet.properties.messageExpiryInterval;
  return {
    topicName,
    payload,
    qos,
    retain: isRetained,
    publisher,
    ...(properties !== undefined && { properties }),
    ...(seconds !== undefined && { expiresAtMs: state.nowMs + seconds * 1000 }),
  };
}

/** [MQTT-4.3.2-4] [MQTT-4.3.3-8] PUBACK and PUBREC leave with the turn, and so after its commit. */
function answer(
  state: BrokerState,
  connection: Connection,
  session: Session,
  packet: Publish,
  code: ReasonCode,
): void {
  if (packet.qos === 0) return;
  const { packetId = 0 } = packet;
  // [MQTT-3.1.1:3.3.5-2] below 5.0 there is no way to say no: acknowledged, and not delivered
  const isRemembered = packet.qos === 2 && (code < 0x80 || connection.protocolLevel !== 5);
  if (isRemembered) {
    receivedIds(state, session).add(packetId);
    connection.openIncoming++;
    if (session.isPersistent) state.store.apply({ kind: "received", session: session.id, packetId });
    keepSoon(state, connection);
  }
  acknowledgeWith(state, connection, packet, code);
}

/** PUBACK or PUBREC, as the QoS asks. */
export function acknowledgeWith(
  state: BrokerState,
  connection: Connection,
  packet: Pick<Publish, "qos" | "packetId">,
  code: ReasonCode,
): void {
  const { packetId = 0 } = packet;
  state.send(connection, { type: packet.qos === 1 ? "puback" : "pubrec", packetId, reasonCode: code });
}

function renewToken(state: BrokerState, connection: Connection, packet: Publish): void {
  const token = tokenText(packet.payload);
  // QoS 2 would need a second step for nothing
  if (token === undefined || packet.qos === 2) {
    if (packet.qos > 0) acknowledgeWith(state, connection, packet, reasonCode.notAuthorized);
    return;
  }
  askWho(state, connection, { for: "publish", token, packetId: packet.packetId });
}
