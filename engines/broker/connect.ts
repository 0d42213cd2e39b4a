import type { Connack, Connect, ReasonCode } from "../mqtt/packet.ts";
import { reasonCode } from "../mqtt/reason-code.ts";
import type { Authority, Introspection } from "../oauth/authority.ts";
import { base64url } from "../oauth/base64url.ts";
import { admit, askWho } from "./authority.ts";
import { connectToken } from "./connect-token.ts";
import type { Connection } from "./connection.ts";
import { watchConnection, watchSilence } from "./deadlines.ts";
import { recordRefusal } from "./ledger.ts";
import { endConnection, endSession } from "./lifecycle.ts";
import type { Mount } from "./mount.ts";
import { resend, unloadOutgoing } from "./outgoing.ts";
import { Session, sessionKey } from "./session.ts";
import type { BrokerState } from "./state.ts";
import { forgetWill, publishWill, toStoredWill } from "./will.ts";

/** CONNECT: who it is, unless the gateway already said so, and then the session. */
export function connect(state: BrokerState, connection: Connection, packet: Connect): void {
  connection.protocolLevel = packet.protocolLevel;
  connection.maximumPacketBytes = Math.min(
    packet.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    // What we send may be larger than what we take: a topic is longer in the owner's names than in a device's.
    2 * state.limits.maximumPacketBytes,
  );
  // Reasons in words go to those who ask for them; the default of 5.0 allows them, and many a client trips over them.
  connection.wantsProblemInformation = packet.properties?.requestProblemInformation === 1;
  const token = connectToken(packet);
  // A method that is not offered is refused even where the gateway has brought the authority.
  if (token === reasonCode.badAuthenticationMethod) {
    refuse(state, connection, token);
    return;
  }
  connection.authenticationMethod = packet.properties?.authenticationMethod;
  if (connection.authority !== undefined) {
    open(state, connection, packet, connection.authority);
    return;
  }
  if (typeof token === "number") {
    refuse(state, connection, token);
    return;
  }
  askWho(state, connection, { for: "connect", packet, token });
}

/** The answer to `askWho` for a CONNECT; `undefined` if nobody could say. */
export function connectAuthenticated(
  state: BrokerState,
  connection: Connection,
  packet: Connect,
  introspection: Introspection | undefined,
): void {
  if (introspection === undefined) {
    refuse(state, connection, reasonCode.serverUnavailable);
  } else if (!introspection.active) {
    refuse(state, connection, reasonCode.notAuthorized);
  } else {
    open(state, connection, packet, introspection.authority);
  }
}

/** [MQTT-3.1.4-2] [MQTT-3.2.2-7] [MQTT-3.1.1:3.2.2-5] CONNACK with a refusal, then the socket closes. */
export function refuse(
  state: BrokerState,
  connection: Connection,
  code: ReasonCode,
  reasonString?: string,
): void {
  state.send(connection, {
    type: "connack",
    sessionPresent: false,
    reasonCode: code,
    ...(reasonString !== undefined && { properties: { reasonString } }),
  });
  endConnection(state, connection, { isWillKept: false });
}

/** Authority is known: the session, CONNACK, and what waited for the client. */
function open(state: BrokerState, connection: Connection, packet: Connect, offered: Authority): void {
  const authority = admit(state, offered);
  if (authority === undefined) {
    refuse(state, connection, reasonCode.notAuthorized);
    return;
  }
  connection.authority = authority;
  const { protocolLevel, mqttClientId } = packet;
  if (mqttClientId === "" && (protocolLevel === 3 || (protocolLevel === 4 && !packet.cleanStart))) {
    // [MQTT-3.1.1:3.1.3-8] an empty client id needs a clean session; 3.1 has none at all
    refuse(state, connection, reasonCode.clientIdentifierNotValid);
    return;
  }
  const mount = mountOf(state, authority);
  if (mount === undefined) {
    // An app whose consent is not known here.
    refuse(state, connection, reasonCode.notAuthorized);
    return;
  }
  // [MQTT-3.1.4-2] before anything of an older connection or session ends for this one
  const will = packet.will === undefined ? undefined : toStoredWill(state, mount, authority, packet.will);
  if (typeof will === "number") {
    const topic = packet.will?.topicName ?? "";
    if (will === reasonCode.notAuthorized)
      recordRefusal(state, connection, mount, { action: "publish", topic, reasonCode: will });
    refuse(state, connection, will);
    return;
  }
  // [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.1.1:3.1.3-6] the server assigns a unique one
  const assigned = mqttClientId === "" ? base64url(state.ports.random(16)) : undefined;
  const key = sessionKey(authority.kind, authority.handle, assigned ?? mqttClientId);
  takeOver(state, key);
  const previous = resumable(state, key, packet);
  if (previous === undefined && isFull(state, authority)) {
    refuse(state, connection, reasonCode.quotaExceeded);
    return;
  }
  const session = previous ?? newSession(state, connection, authority, assigned ?? mqttClientId, mount);
  if (session.permissions !== authority.permissions) {
    session.permissions = authority.permissions;
    state.routes.changed();
  }
  // [MQTT-3.1.2-7] [MQTT-3.1.2-8] the will of this connection replaces the last one's
  session.will = will;
  attach(state, connection, session, packet, authority);
  state.clients.set(key, session);
  state.sessions.set(session.id, session);
  state.store.apply({ kind: "save-session", session: session.record() });
  const isTold = state.send(
    connection,
    connack(state, connection, session, packet, previous !== undefined, assigned),
  );
  if (!isTold) {
    // [MQTT-3.1.2-24] a client that takes no CONNACK of ours cannot be told our limits, and so not be served
    endConnection(state, connection, { isWillKept: false });
    return;
  }
  if (previous !== undefined) resend(state, session);
  state.keep(connection);
  watchConnection(state, connection);
  if (session.subscriptions.size > 0) watchSilence(state);
}

/** [MQTT-3.1.4-3] [MQTT-3.1.1:3.1.4-2] the same client again: the older connection ends, its will goes out. */
function takeOver(state: BrokerState, key: string): void {
  const older = state.clients.get(key)?.connection;
  if (older === undefined) return;
  if (older.protocolLevel === 5) {
    state.send(older, { type: "disconnect", reasonCode: reasonCode.sessionTakenOver });
  }
  endConnection(state, older, { isWillKept: true });
}

/** The client's session, if it has one and wants it; otherwise what is left of it ends now. */
function resumable(state: BrokerState, key: string, packet: Connect): Session | undefined {
  const session = state.clients.get(key);
  if (session === undefined) return undefined;
  const isOver = session.endsAtMs !== undefined && session.endsAtMs <= state.nowMs;
  if (!packet.cleanStart && !isOver) {
    // [MQTT-3.1.3-9] back before the Will Delay was over: the will is not sent
    if (session.willDueAtMs !== undefined && session.willDueAtMs <= state.nowMs) publishWill(state, session);
    forgetWill(session);
    return session;
  }
  // [MQTT-3.1.2-4] [MQTT-3.1.1:3.1.2-6] a clean start discards it
  endSession(state, session);
  return undefined;
}

function isFull(state: BrokerState, { kind, handle }: Authority): boolean {
  const { limits, sessions } = state;
  let connected = 0;
  let own = 0;
  for (const session of sessions.values()) {
    if (session.connection !== undefined) connected++;
    if (session.kind === kind && session.handle === handle) own++;
  }
  const isOwnFull = kind !== "owner" && own >= limits.sessionsOfOne;
  return isOwnFull || sessions.size >= limits.sessions || connected >= limits.connections;
}

function newSession(
  state: BrokerState,
  connection: Connection,
  authority: Authority,
  mqttClientId: string,
  mount: Mount,
): Session {
  return new Session(
    {
      id: state.nextSessionId++,
      kind: authority.kind,
      handle: authority.handle,
      mqttClientId,
      protocolLevel: connection.protocolLevel,
      generation: 0,
      isConnected: true,
      expirySeconds: 0,
      permissions: authority.permissions,
      subscriptions: [],
    },
    mount,
  );
}

/** The view of the tree that an authority opens. */
export function mountOf(
  state: BrokerState,
  authority: Pick<Authority, "kind" | "handle">,
): Mount | undefined {
  switch (authority.kind) {
    case "device":
      return state.routes.device(authority.handle);
    case "app":
      return state.routes.app(authority.handle);
    case "owner":
      return state.routes.owner;
  }
}

/** Ties the socket and the session together, in the terms of this CONNECT. */
function attach(
  state: BrokerState,
  connection: Connection,
  session: Session,
  packet: Connect,
  authority: Authority,
): void {
  const { protocolLevel, properties } = packet;
  connection.session = session;
  connection.authority = authority;
  connection.keepAliveSeconds = keepAlive(state, packet);
  // Levels 3 and 4 know no Receive Maximum; 0 is a protocol error that the decoder refused.
  connection.receiveMaximum = properties?.receiveMaximum ?? 65_535;
  connection.topicAliasMaximum = properties?.topicAliasMaximum ?? 0;
  session.connection = connection;
  session.protocolLevel = protocolLevel;
  session.generation++;
  session.endsAtMs = undefined;
  unloadOutgoing(session);
  session.expirySeconds = Math.min(requestedExpiry(packet), state.limits.sessionExpirySeconds);
}

/** Below 5.0 a session that is not clean has no end of its own (MQTT 5.0 §3.1.2.11.2). */
function requestedExpiry(packet: Connect): number {
  if (packet.protocolLevel === 5) return packet.properties?.sessionExpiryInterval ?? 0;
  return packet.cleanStart ? 0 : 0xffff_ffff;
}

/** A 5.0 client can be told to wake us less often, or to be heard more often; others get what they asked for. */
function keepAlive({ limits }: BrokerState, { keepAliveSeconds, protocolLevel }: Connect): number {
  if (protocolLevel !== 5) return keepAliveSeconds;
  const longest = limits.maximumKeepAliveSeconds;
  if (keepAliveSeconds === 0) return longest > 0xffff ? 0 : longest;
  const isRaised = keepAliveSeconds >= 30 && keepAliveSeconds < limits.serverKeepAliveSeconds;
  return Math.min(isRaised ? limits.serverKeepAliveSeconds : keepAliveSeconds, longest);
}

/** What the client needs to know of the server's limits and choices (MQTT 5.0 §3.2.2.3). */
function connack(
  state: BrokerState,
  connection: Connection,
  session: Session,
  packet: Connect,
  sessionPresent: boolean,
  assigned: string | undefined,
): Connack {
  // [MQTT-3.2.2-2] [MQTT-3.2.2-3] [MQTT-3.1.1:3.2.2-2] [MQTT-3.1.1:3.2.2-3] whether a session was there
  const base = { type: "connack", sessionPresent, reasonCode: reasonCode.success } as const;
  if (connection.protocolLevel !== 5) return base;
  const { limits } = state;
  const isExpiryChanged = session.expirySeconds !== requestedExpiry(packet);
  const { authenticationMethod, keepAliveSeconds } = connection;
  const wantsResponseTopic = packet.properties?.requestResponseInformation === 1;
  return {
    ...base,
    properties: {
      ...(isExpiryChanged && { sessionExpiryInterval: session.expirySeconds }),
      receiveMaximum: limits.receiveMaximum,
      maximumPacketSize: limits.maximumPacketBytes,
      topicAliasMaximum: limits.topicAliasMaximum,
      // [MQTT-3.1.3-7] [MQTT-3.2.2-16]
      ...(assigned !== undefined && { assignedClientIdentifier: assigned }),
      // [MQTT-3.1.2-21] [MQTT-3.2.2-21] the client keeps to this one
      ...(keepAliveSeconds !== packet.keepAliveSeconds && { serverKeepAlive: keepAliveSeconds }),
      // MQTT 5.0 §3.2.2.3.15: only the owner has topics to spare; an app answers where it asks
      ...(wantsResponseTopic &&
        session.kind === "owner" && { responseInformation: `responses/${session.id}` }),
      // [MQTT-4.12.0-5] the same method in CONNACK
      ...(authenticationMethod !== undefined && { authenticationMethod }),
    },
  };
}
