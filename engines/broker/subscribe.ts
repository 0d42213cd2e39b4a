import type {
  QoS,
  ReasonCode,
  Subscribe,
  SubscribeRequest,
  TopicFilter,
  TopicName,
  Unsubscribe,
} from "../mqtt/packet.ts";
import { reasonCode } from "../mqtt/reason-code.ts";
import { levelsOf, matches } from "../mqtt/topic.ts";
import { spend } from "./budget.ts";
import { commandTopicOf } from "./commands.ts";
import type { Connection } from "./connection.ts";
import { watchExpiry, watchSilence } from "./deadlines.ts";
import { deliverTo } from "./deliver.ts";
import { ledgerMessage, ledgerTopic, recordRefusal } from "./ledger.ts";
import { refuseConnection } from "./lifecycle.ts";
import type { Message } from "./message.ts";
import { retainedAt, retainedUnder } from "./retained.ts";
import { parts } from "./routes.ts";
import type { Session } from "./session.ts";
import type { BrokerState } from "./state.ts";
import type { Subscription } from "./store.ts";
import { isSysFilter, sysMessages, watchSys } from "./sys.ts";

/** Where a session is told that its token ends soon (IDENTITY.md §2.D). */
export const expiringTopic = "$auth/expiring";

/**
 * SUBSCRIBE: each filter on its own, then SUBACK, then the retained messages it is to get.
 *
 * @see MQTT 5.0 §3.8.4, MQTT 3.1.1 §3.8.4
 */
export function subscribe(
  state: BrokerState,
  connection: Connection,
  session: Session,
  packet: Subscribe,
): void {
  const budget = spend(state, connection, packet.subscriptions.length);
  if (budget === "flood") {
    refuseConnection(state, connection, reasonCode.messageRateTooHigh);
    return;
  }
  const identifier = packet.properties?.subscriptionIdentifiers?.[0];
  const news: { subscription: Subscription; sendRetained: boolean }[] = [];
  const reasonCodes = packet.subscriptions.map((request): ReasonCode => {
    const refusal = budget === "refused" ? reasonCode.quotaExceeded : refusalOf(state, session, request);
    if (refusal !== undefined) {
      state.counters.subscriptionsRefused++;
      const attempt = { action: "subscribe", topic: parts(request).filter, reasonCode: refusal } as const;
      if (refusal === reasonCode.notAuthorized) recordRefusal(state, connection, session.mount, attempt);
      return refusal;
    }
    const subscription: Subscription = {
      topicFilter: request.topicFilter,
      qos: request.qos,
      noLocal: request.noLocal,
      retainAsPublished: request.retainAsPublished,
      ...(identifier !== undefined && { identifier }),
    };
    // [MQTT-3.8.4-3] [MQTT-3.1.1:3.8.4-3] the same filter again replaces the subscription
    const isNew = !session.subscriptions.has(request.topicFilter);
    session.subscribe(subscription);
    state.store.apply({ kind: "subscribe", session: session.id, subscription });
    state.routes.subscribe(session, subscription);
    if (request.topicFilter === expiringTopic) watchExpiry(state, connection);
    if (session.kind === "owner" && isSysFilter(request.topicFilter)) watchSys(state);
    // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] retain handling
    const sendRetained = request.retainHandling === 0 || (request.retainHandling === 1 && isNew);
    news.push({ subscription, sendRetained });
    return request.qos;
  });
  if (news.length > 0) watchSilence(state);
  // [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] one code a filter, in the same order
  if (!state.send(connection, { type: "suback", packetId: packet.packetId, reasonCodes })) {
    // [MQTT-3.1.2-24] it asked for more in one packet than it takes an answer to
    refuseConnection(state, connection, reasonCode.packetTooLarge);
    return;
  }
  for (const { subscription, sendRetained } of news) {
    if (sendRetained) sendRetainedMessages(state, session, subscription);
  }
}

/** Why a filter is not granted. What the filter reaches beyond the view is cut off silently at delivery. */
function refusalOf(state: BrokerState, session: Session, request: SubscribeRequest): ReasonCode | undefined {
  const { filter } = parts(request);
  if (levelsOf(filter) > state.limits.topicLevels) return reasonCode.topicFilterInvalid;
  if (request.topicFilter === expiringTopic) return undefined;
  // `$auth/` is the platform's own in every mount
  if (filter.startsWith("$auth/") || !session.maySubscribe(filter)) return reasonCode.notAuthorized;
  if (session.subscriptions.has(request.topicFilter)) return undefined;
  if (session.subscriptions.size >= state.limits.subscriptions) return reasonCode.quotaExceeded;
  const characters = session.filterCharacters + request.topicFilter.length;
  if (characters > state.limits.subscriptionCharacters) return reasonCode.quotaExceeded;
  return hasRoomInIndex(state, session, levelsOf(request.topicFilter)) ? undefined : reasonCode.quotaExceeded;
}

/** Whether so many levels more may be subscribed to by this device or app, and by all of the user together. */
function hasRoomInIndex({ sessions, limits }: BrokerState, session: Session, levels: number): boolean {
  let own = levels;
  let all = levels;
  for (const { kind, handle, filterLevels } of sessions.values()) {
    all += filterLevels;
    if (kind === session.kind && handle === session.handle) own += filterLevels;
  }
  return all <= limits.filterLevels && (session.kind === "owner" || own <= limits.filterLevelsOfOne);
}

/** The last value of every topic that the new subscription matches. */
function sendRetainedMessages(state: BrokerState, session: Session, subscription: Subscription): void {
  const { filter, shareName } = parts(subscription);
  // A shared subscription gets no retained messages (MQTT 5.0 §4.8.2).
  if (shareName !== undefined) return;
  const identifiers = subscription.identifier === undefined ? undefined : [subscription.identifier];
  for (const message of retainedFor(state, session, filter)) {
    const topicName = session.mount.toLocal(message.topicName);
    if (topicName === undefined || !matches(filter, topicName)) continue;
    if (!session.mayReceive(topicName)) continue;
    // Nobody knows any more whom a retained reply was for.
    if (session.kind === "app" && commandTopicOf(message.topicName)?.isReply) continue;
    if (message.expiresAtMs !== undefined && message.expiresAtMs <= state.nowMs) continue;
    const qos = Math.min(message.qos, subscription.qos) as QoS; // the smaller of two QoS
    // [MQTT-3.3.1-8] [MQTT-3.1.1:3.3.1-8] RETAIN is 1 on what a new subscription gets
    deliverTo(state, session, topicName, { qos, retained: true, identifiers }, message);
  }
}

/** Retained messages under the prefixes that hold everything the filter can match; more than match may come. */
function* retainedFor(state: BrokerState, session: Session, filter: TopicFilter): Iterable<Message> {
  const { mount } = session;
  const ledger = mount.kind === "owner" && matches(filter, ledgerTopic) ? ledgerMessage(state) : undefined;
  if (ledger !== undefined) yield ledger;
  if (mount.kind === "owner" && isSysFilter(filter)) {
    yield* sysMessages(state);
    return;
  }
  const wildcard = filter.search(/[+#]/);
  if (wildcard < 0) {
    const topicName = mount.toCanonical(filter as string as TopicName); // a filter without wildcards is a name
    const message = topicName === undefined ? undefined : retainedAt(state, topicName);
    if (message !== undefined) yield message;
    return;
  }
  // "sport/#" also matches "sport", which is not under "sport/".
  const literal = filter.slice(0, wildcard).replace(/\/$/, "");
  const prefix = literal === "" ? undefined : mount.toCanonical(literal as TopicName); // the literal levels of a filter
  for (const root of prefix === undefined ? mount.roots : [prefix]) yield* retainedUnder(state, root);
}

/** [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.1.1:3.10.4-4] one UNSUBACK, also when there was nothing to end. */
export function unsubscribe(
  state: BrokerState,
  connection: Connection,
  session: Session,
  packet: Unsubscribe,
): void {
  const budget = spend(state, connection, packet.topicFilters.length);
  if (budget === "flood") {
    refuseConnection(state, connection, reasonCode.messageRateTooHigh);
    return;
  }
  const reasonCodes = packet.topicFilters.map((topicFilter): ReasonCode => {
    // [MQTT-3.10.4-1] [MQTT-3.10.4-2] compared character by character; nothing new is added to the deliveries
    const subscription = session.unsubscribe(topicFilter);
    if (subscription === undefined) return reasonCode.noSubscriptionExisted;
    state.store.apply({ kind: "unsubscribe", session: session.id, topicFilter });
    state.routes.unsubscribe(session, subscription);
    return reasonCode.success;
  });
  const isAnswered = state.send(connection, { type: "unsuback", packetId: packet.packetId, reasonCodes });
  if (!isAnswered) refuseConnection(state, connection, reasonCode.packetTooLarge);
}
