import type { DecodeFailure } from "../mqtt/decoder.ts";
import type { Disconnect, Packet } from "../mqtt/packet.ts";
import { reasonCode } from "../mqtt/reason-code.ts";
import type {
  Authority,
  ClaimedDevice,
  GrantId,
  Introspection,
  RevocationNotice,
} from "../oauth/authority.ts";
import { acknowledge } from "./acknowledge.ts";
import { askWho, renewed } from "./authority.ts";
import { introspectionCost, spend, spendFrame } from "./budget.ts";
import { PendingCommands } from "./commands.ts";
import { connect, connectAuthenticated, mountOf, refuse } from "./connect.ts";
import { bearerToken } from "./connect-token.ts";
import { type Attachment, Connection } from "./connection.ts";
import { nextAlarm, runDeadlines, watchConnection } from "./deadlines.ts";
import { publishMessage } from "./deliver.ts";
import type { ConnectionId, Effect } from "./effect.ts";
import { addDevice, revoke, setGrant } from "./grants.ts";
import { recordRefusalsOf } from "./ledger.ts";
import { endConnection, endSession, refuseConnection } from "./lifecycle.ts";
import type { Message } from "./message.ts";
import { publish } from "./publish.ts";
import { isEnded } from "./send-publish.ts";
import { Session, sessionKey } from "./session.ts";
import { type BrokerPorts, BrokerState } from "./state.ts";
import type { StoredGrant } from "./store.ts";
import { subscribe, unsubscribe } from "./subscribe.ts";
import { keepPending } from "./unsaved.ts";
import { scheduleWill } from "./will.ts";

/** One frame, or one piece of a stream. */
export interface Arrival {
  readonly from: ConnectionId;
  readonly bytes: Uint8Array;
}

/**
 * One user's MQTT broker, without sockets, clock or disk of its own. Each call is one turn: it changes the store
 * and returns what else is to happen. Everything it holds in memory can be made again from the store and the
 * attachments, so it may be thrown away between any two turns.
 *
 * @see MESSAGING.md §1-4, §9
 */
export class Broker {
  readonly #state: BrokerState;

  /**
   * @param attachments of the sockets that are open now: after hibernation those from before it, else none.
   */
  constructor(ports: BrokerPorts, attachments: readonly Attachment[] = []) {
    this.#state = new BrokerState(ports);
    this.#state.nowMs = ports.now();
    this.#state.wokeAtMs = this.#state.nowMs;
    restore(this.#state, attachments);
  }

  /**
   * To be called once after construction: sessions whose sockets a restart took are ended as if the network
   * had failed.
   *
   * @param alarmAtMs what the shell's alarm is set to, if it is.
   */
  wake(alarmAtMs?: number): Effect[] {
    const state = this.#state;
    return state.turn(() => {
      if (alarmAtMs !== undefined) state.alarmAtMs = alarmAtMs;
      for (const session of [...state.sessions.values()]) {
        if (session.connection !== undefined || session.endsAtMs !== undefined) continue;
        scheduleWill(state, session);
        if (session.expirySeconds === 0) {
          endSession(state, session);
          continue;
        }
        session.endsAtMs = state.nowMs + session.expirySeconds * 1000;
        state.store.apply({ kind: "save-session", session: session.record() });
        state.wakeAt(session.endsAtMs);
      }
    });
  }

  /** A socket was accepted. `authority` is there when the gateway has already introspected the token. */
  open(id: ConnectionId, authority?: Authority): Effect[] {
    const state = this.#state;
    return this.#turn(() => {
      const connection = new Connection(id, state.nowMs, state.limits, state.topicNames);
      connection.authority = authority;
      state.connections.set(id, connection);
      state.keep(connection);
      // Whoever has shown a token may be silent until the next turn: an alarm would cost each connection a commit.
      if (authority === undefined) watchConnection(state, connection);
      else state.dueAt(connection.silentUntilMs(state.limits));
    });
  }

  /** Whether a socket that has shown no token may be accepted besides those that are here. */
  get hasRoomForStranger(): boolean {
    let strangers = 0;
    for (const { authority } of this.#state.connections.values()) if (authority === undefined) strangers++;
    return strangers < this.#state.limits.strangers;
  }

  /** Bytes arrived: part of a packet, one, or many. */
  receive(id: ConnectionId, bytes: Uint8Array): Effect[] {
    return this.#turn(() => receive(this.#state, id, bytes));
  }

  /** The same for what arrived one after the other on any connections: what leaves for one of them leaves together. */
  receiveAll(arrivals: readonly Arrival[]): Effect[] {
    return this.#turn(() => {
      for (const { from, bytes } of arrivals) receive(this.#state, from, bytes);
    });
  }

  /** The answer to an `authenticate` effect; `undefined` if nobody could say. */
  authenticated(id: ConnectionId, introspection: Introspection | undefined): Effect[] {
    const state = this.#state;
    return this.#turn(() => {
      const connection = state.connections.get(id);
      const waiting = connection?.waiting;
      if (connection === undefined || waiting === undefined) return;
      connection.waiting = undefined;
      if (waiting.for === "connect") connectAuthenticated(state, connection, waiting.packet, introspection);
      else renewed(state, connection, waiting, introspection);
      releaseHeld(state, connection);
      if (connection.isGone && connection.waiting === undefined) {
        endConnection(state, connection, { isWillKept: true });
      }
    });
  }

  /** The socket is gone, or its client closed it; without a DISCONNECT before, the will goes out. */
  closed(id: ConnectionId): Effect[] {
    const state = this.#state;
    return this.#turn(() => {
      const connection = state.connections.get(id);
      if (connection === undefined) return;
      if (connection.waiting !== undefined) connection.isGone = true;
      else endConnection(state, connection, { isWillKept: true });
    });
  }

  /** A text frame came, which MQTT over WebSocket has not ([MQTT-6.0.0-1], [MQTT-3.1.1:6.0.0-1]). */
  receivedText(id: ConnectionId): Effect[] {
    const state = this.#state;
    return this.#turn(() => {
      const connection = state.connections.get(id);
      if (connection !== undefined) endConnection(state, connection, { isWillKept: true, closeCode: 1003 });
    });
  }

  /** The alarm went off, on time or late. */
  alarm(): Effect[] {
    const state = this.#state;
    return this.#turn(() => {
      state.alarmAtMs = Number.POSITIVE_INFINITY;
      runDeadlines(state);
      state.wakeAt(nextAlarm(state));
    });
  }

  addDevice(device: ClaimedDevice): Effect[] {
    return this.#turn(() => addDevice(this.#state, device));
  }

  devices(): readonly ClaimedDevice[] {
    return [...this.#state.devices.values()];
  }

  /** Publishes in the name of the platform, such as the results of the owner's rules. */
  publish(messages: readonly Message[]): Effect[] {
    return this.#turn(() => {
      for (const message of messages) publishMessage(this.#state, message, undefined);
    });
  }

  /** Tells the owner's ledger what an app's rules tried and may not: topics that they wanted to publish to. */
  refused(grantId: GrantId, topics: readonly string[]): Effect[] {
    const attempts = topics.map((topic) => ({
      action: "publish" as const,
      topic,
      reasonCode: reasonCode.notAuthorized,
    }));
    return this.#turn(() => recordRefusalsOf(this.#state, { kind: "app", handle: grantId }, attempts));
  }

  setGrant(grant: StoredGrant): Effect[] {
    return this.#turn(() => setGrant(this.#state, grant));
  }

  grant(grantId: GrantId): StoredGrant | undefined {
    return this.#state.grants.get(grantId);
  }

  revoke(notice: RevocationNotice): Effect[] {
    return this.#turn(() => revoke(this.#state, notice));
  }

  /** One turn, and at its end whatever has become due, so that most of it needs no alarm. */
  #turn(work: () => void): Effect[] {
    const state = this.#state;
    return state.turn(() => {
      work();
      if (state.nowMs >= state.dueAtMs) runDeadlines(state);
    });
  }
}

/** Takes what arrived through its steps: authority, packets, what is left of the last one. */
function receive(state: BrokerState, id: ConnectionId, bytes: Uint8Array): void {
  const connection = state.connections.get(id);
  if (connection === undefined) return;
  state.counters.bytesReceived += bytes.byteLength;
  spendFrame(state, connection);
  if (isEnded(state, connection)) {
    refuseConnection(state, connection, reasonCode.notAuthorized);
    return;
  }
  const { packets, failure } = connection.decoder.push(bytes);
  if (packets.length > 0) seen(state, connection);
  keepPending(state, connection);
  if (connection.waiting !== undefined) connection.heldBytes += bytes.byteLength;
  for (const packet of packets) take(state, connection, packet);
  if (failure !== undefined) fail(state, connection, failure);
  if (connection.heldBytes > state.limits.maximumPacketBytes) {
    endConnection(state, connection, { isWillKept: true, closeCode: 1009 });
  }
}

/** Builds the tables from the store, and ties the open sockets to their sessions. */
function restore(state: BrokerState, attachments: readonly Attachment[]): void {
  const stored = state.store.load();
  for (const device of stored.devices) state.devices.set(device.handle, device);
  for (const [handle, epoch] of stored.refusedEpochs) state.refusedEpochs.set(handle, epoch);
  state.commands = new PendingCommands(stored.commands);
  for (const grant of stored.grants) {
    state.grants.set(grant.grantId, grant);
    state.routes.setApp(grant, []);
  }
  for (const record of stored.sessions) {
    state.nextSessionId = Math.max(state.nextSessionId, record.id + 1);
    const mount = mountOf(state, record);
    if (mount === undefined) continue;
    const session = new Session(record, mount);
    state.sessions.set(session.id, session);
    state.clients.set(sessionKey(session.kind, session.handle, session.mqttClientId), session);
    state.routes.list(session);
  }
  for (const attachment of attachments) {
    const { client } = attachment;
    const session = client === undefined ? undefined : state.sessions.get(client.session);
    // A socket of an earlier connection that is still closing has nothing to do with the session any more.
    if (client !== undefined && session?.generation !== client.generation) continue;
    const connection = new Connection(
      attachment.connection,
      state.nowMs,
      state.limits,
      state.topicNames,
      attachment,
    );
    state.connections.set(connection.id, connection);
    if (session === undefined || client === undefined) continue;
    connection.session = session;
    session.connection = connection;
    for (const topicName of connection.fresh.keys()) state.freshRetained.set(topicName, connection);
    restoreOutgoing(state, session, client);
  }
}

/** What was on its way to a client when the object fell asleep; a session with rows reads them when needed. */
function restoreOutgoing(
  state: BrokerState,
  session: Session,
  client: NonNullable<Attachment["client"]>,
): void {
  session.unsentFromSeq = client.unsentFromSeq;
  if (session.isPersistent) return;
  session.incoming = new Set(client.received);
  const inFlight = new Map(
    client.inFlight?.map(([packetId, qos, seq, isReleased]) => [packetId, { qos, seq, isReleased }]),
  );
  const waiting = state.store
    .deliveries(session.id)
    .filter(({ packetId }) => packetId === undefined || !inFlight.has(packetId));
  session.outgoing = {
    inFlight,
    waiting,
    savedWaiting: waiting.length,
    lastPacketId: client.lastPacketId,
  };
}

/** Heard from the client. The attachment is only written when it would be too far behind. */
function seen(state: BrokerState, connection: Connection): void {
  connection.lastSeenMs = state.nowMs;
  connection.seenSlackMs = 0;
  connection.unheardBytes = 0;
  if (connection.keepAliveSeconds === 0) return;
  const slackMs = connection.keepAliveSeconds * 1000 * state.limits.keepAliveSlack;
  if (state.nowMs - connection.attachedSeenMs >= slackMs) state.keep(connection);
}

/** One packet: held while the client waits to be known, otherwise dispatched. */
function take(state: BrokerState, connection: Connection, packet: Packet): void {
  if (connection.isClosed) return;
  if (connection.waiting !== undefined) {
    connection.held.push(packet);
    return;
  }
  if (packet.type === "connect") {
    connect(state, connection, packet);
    return;
  }
  const { session } = connection;
  // The decoder lets nothing through before a CONNECT, and an unaccepted one closes.
  if (session === undefined) return;
  switch (packet.type) {
    case "publish":
      publish(state, connection, session, packet);
      return;
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      acknowledge(state, connection, session, packet);
      return;
    case "subscribe":
      subscribe(state, connection, session, packet);
      return;
    case "unsubscribe":
      unsubscribe(state, connection, session, packet);
      return;
    case "pingreq":
      // [MQTT-3.12.4-1] [MQTT-3.1.1:3.12.4-1]
      state.send(connection, { type: "pingresp" });
      return;
    case "disconnect":
      disconnect(state, connection, session, packet);
      return;
    case "auth":
      reauthenticate(state, connection, packet.properties ?? {}, packet.reasonCode);
      return;
    case "connack":
    case "suback":
    case "unsuback":
    case "pingresp":
      // The decoder refuses what only a server sends.
      return;
  }
}

/** Goes on with what arrived while the client was being identified. */
function releaseHeld(state: BrokerState, connection: Connection): void {
  connection.heldBytes = 0;
  const held = connection.held.splice(0);
  for (const packet of held) take(state, connection, packet);
  if (connection.waiting === undefined && connection.failure !== undefined) {
    refuseConnection(state, connection, connection.failure.code, connection.failure.reason);
  }
}

/** The stream cannot go on: said in the client's own protocol where that is possible (MQTT 5.0 §4.13). */
function fail(state: BrokerState, connection: Connection, failure: DecodeFailure): void {
  const { reasonCode: code, message: reason, protocolLevel } = failure;
  if (connection.isClosed) return;
  if (connection.waiting !== undefined) {
    connection.failure = { code, reason };
    return;
  }
  if (connection.session !== undefined) {
    refuseConnection(state, connection, code, reason);
    return;
  }
  if (protocolLevel !== undefined) {
    connection.protocolLevel = protocolLevel;
    // [MQTT-3.1.2-2] [MQTT-3.1.1:3.1.2-2] an unknown level gets CONNACK in the form that it can read
    if (protocolLevel === 5 || code === reasonCode.unsupportedProtocolVersion) {
      refuse(state, connection, code, reason);
      return;
    }
  }
  // [MQTT-3.1.0-1] [MQTT-3.1.1:3.1.0-1] [MQTT-3.1.4-1] [MQTT-3.1.1:3.1.4-1] nobody that could be answered
  endConnection(state, connection, { isWillKept: false, closeCode: 1002 });
}

/** DISCONNECT from the client (MQTT 5.0 §3.14, MQTT 3.1.1 §3.14). */
function disconnect(state: BrokerState, connection: Connection, session: Session, packet: Disconnect): void {
  const expirySeconds = packet.properties?.sessionExpiryInterval;
  if (expirySeconds !== undefined) {
    if (session.expirySeconds === 0 && expirySeconds > 0) {
      // [MQTT-3.14.2-2] a session that was to end now cannot be made to stay
      refuseConnection(state, connection, reasonCode.protocolError);
      return;
    }
    session.expirySeconds = Math.min(expirySeconds, state.limits.sessionExpirySeconds);
  }
  // [MQTT-3.14.4-3] [MQTT-3.1.1:3.14.4-3] the will is discarded, unless 0x04 or an error asks for it
  endConnection(state, connection, { isWillKept: packet.reasonCode !== reasonCode.normalDisconnection });
}

/** AUTH: only to renew the token, with the method of CONNECT (MQTT 5.0 §4.12.1). */
function reauthenticate(
  state: BrokerState,
  connection: Connection,
  properties: NonNullable<Disconnect["properties"]>,
  code: number,
): void {
  const isSameMethod = properties.authenticationMethod === connection.authenticationMethod;
  // [MQTT-4.12.0-6] [MQTT-4.12.1-1] no method in CONNECT, no AUTH
  if (connection.authenticationMethod === undefined || !isSameMethod || code !== reasonCode.reAuthenticate) {
    refuseConnection(state, connection, reasonCode.protocolError);
    return;
  }
  const token = bearerToken(properties.authenticationData);
  if (token === undefined) refuseConnection(state, connection, reasonCode.notAuthorized);
  else if (spend(state, connection, introspectionCost) !== "granted") {
    refuseConnection(state, connection, reasonCode.messageRateTooHigh);
  } else askWho(state, connection, { for: "auth", token });
}
