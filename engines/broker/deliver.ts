import type { QoS, TopicFilter, TopicName } from "../mqtt/packet.ts";
import { followCommand } from "./commands.ts";
import type { Connection } from "./connection.ts";
import type { Message } from "./message.ts";
import type { Mount } from "./mount.ts";
import { sendOrQueue } from "./outgoing.ts";
import { retain } from "./retained.ts";
import type { Granted, Route, Target } from "./routes.ts";
import {
  encodePublishFor,
  isEnded,
  listedProperties,
  outgoingProperties,
  sendPublishBytes,
  withExpiry,
} from "./send-publish.ts";
import type { Session } from "./session.ts";
import { chooseMember } from "./share-group.ts";
import type { BrokerState } from "./state.ts";

/** Retains a message if it asks for that and there is room, and hands it to everyone it is for. */
export function publishMessage(state: BrokerState, message: Message, from: Session | undefined): void {
  if (message.retain) retain(state, message, undefined);
  distribute(state, state.routes.find(message.topicName), message, from);
}

/** Whether anybody subscribes to a route at all, be it only the publisher with No Local. */
export function hasSubscribers(route: Route): boolean {
  return route.targets.length > 0 || route.shared.length > 0;
}

/** Hands a message to every subscriber of its route; a command's reply to no app but the one that asked. */
export function distribute(
  state: BrokerState,
  route: Route,
  message: Message,
  from: Session | undefined,
): void {
  state.ports.observe?.(message);
  const { command } = route;
  const asker = command === undefined ? undefined : followCommand(state, command, message);
  const isReply = command?.isReply === true;
  for (const target of route.targets) {
    if (isReply && isOtherApp(target.session.mount, asker)) continue;
    const granted = target.session === from ? target.own : target.granted;
    if (granted !== undefined) deliver(state, target, granted, message);
  }
  for (const group of route.shared) {
    if (isReply && isOtherApp(group.mount, asker)) continue;
    const chosen = chooseMember(state, group);
    deliver(state, chosen, chosen.granted, message);
  }
}

function isOtherApp({ kind, handle }: Mount, asker: string | undefined): boolean {
  return kind === "app" && handle !== asker;
}

/** Sends or queues one message for one session. */
export function deliver(state: BrokerState, target: Target, granted: Granted, message: Message): void {
  const { session, topicName } = target;
  // [MQTT-3.8.4-8] [MQTT-3.1.1:3.8.4-6] [MQTT-4.8.2-3] the lower of what was published and what was granted
  const qos = Math.min(message.qos, granted.qos) as QoS; // the smaller of two QoS
  // [MQTT-3.3.1-12] [MQTT-3.3.1-13] [MQTT-3.1.1:3.3.1-9] 0 to an existing subscription, unless as published
  const retained = granted.retainAsPublished && message.retain;
  const { identifiers, share } = granted;
  deliverTo(state, session, topicName, { qos, retained, identifiers, share }, message);
}

/** How a message goes to one session. */
export interface Manner {
  readonly qos: QoS;
  readonly retained: boolean;
  readonly identifiers?: readonly number[] | undefined;
  /** See `Granted`. */
  readonly share?: TopicFilter | undefined;
}

/** The same with everything decided: also used for retained messages of a new subscription. */
export function deliverTo(
  state: BrokerState,
  session: Session,
  topicName: TopicName,
  { qos, retained, identifiers, share }: Manner,
  message: Message,
): void {
  const { connection } = session;
  if (connection !== undefined && isEnded(state, connection)) return;
  if (qos === 0) {
    if (connection !== undefined)
      sendAtMostOnce(state, connection, topicName, retained, identifiers, message);
    return;
  }
  // A member that reads none may have to leave the message to one that does.
  const properties =
    share === undefined
      ? outgoingProperties(session, identifiers, message)
      : listedProperties(session.mount, identifiers, message);
  sendOrQueue(state, session, {
    topicName,
    payload: message.payload,
    qos,
    retain: retained,
    isReleased: false,
    // What reaches a subscriber at QoS 1 or 2 was published at one of them.
    ...(share !== undefined && {
      shared: { topicFilter: share, qos: message.qos as 1 | 2, retain: message.retain },
    }),
    ...(properties !== undefined && { properties }),
    ...(message.expiresAtMs !== undefined && { expiresAtMs: message.expiresAtMs }),
  });
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
