import type { TopicName } from "../mqtt/packet.ts";
import { reasonCode } from "../mqtt/reason-code.ts";
import type { Connection } from "./connection.ts";
import { deliverTo } from "./deliver.ts";
import { endGrant } from "./grants.ts";
import { publishLedger } from "./ledger.ts";
import { endConnection, endSession, refuseConnection } from "./lifecycle.ts";
import { grantTopic } from "./mount.ts";
import { sweepRetained } from "./retained.ts";
import type { Target } from "./routes.ts";
import { type Session, sessionKey } from "./session.ts";
import type { BrokerState } from "./state.ts";
import { expiringTopic } from "./subscribe.ts";
import { publishSys } from "./sys.ts";
import { saveUnsaved } from "./unsaved.ts";
import { publishWill } from "./will.ts";

/** How long before its end a session hears of it (MESSAGING.md §3). */
const expiringNoticeMs = 60_000;

/**
 * When the alarm must go off: the soonest deadline that cannot wait for a turn that happens anyway.
 *
 * @returns `Infinity` if there is none.
 */
export function nextAlarm(state: BrokerState): number {
  return soonest(state, (connection) => silenceAlarm(state, connection));
}

/** The soonest of everything that time brings about, with `silence` for a connection's keep alive. */
function soonest(state: BrokerState, silence: (connection: Connection) => number): number {
  let atMs = Math.min(
    state.sysDueAtMs ?? Number.POSITIVE_INFINITY,
    state.ledgerDueAtMs ?? Number.POSITIVE_INFINITY,
    state.unsavedDueAtMs ?? Number.POSITIVE_INFINITY,
  );
  for (const connection of state.connections.values()) {
    atMs = Math.min(atMs, silence(connection), endOf(connection), noticeOf(connection));
  }
  for (const session of state.sessions.values()) {
    atMs = Math.min(atMs, session.willDueAtMs ?? atMs, session.endsAtMs ?? atMs);
  }
  for (const grant of state.grants.values()) atMs = Math.min(atMs, grant.expiresAtMs);
  return atMs;
}

/** Carries out all that is due, the oldest first. Safe to run twice, late, or for nothing. */
export function runDeadlines(state: BrokerState): void {
  const due = [...dueNow(state)].sort((a, b) => a.atMs - b.atMs || (a.name < b.name ? -1 : 1));
  for (const { run } of due) run();
  state.dueAtMs = soonest(state, (connection) => connection.silentUntilMs(state.limits));
  if (state.unsavedDueAtMs !== undefined) saveUnsaved(state);
  publishSys(state);
  publishLedger(state);
  // An alarm that only looked after keep alives is frequent, and a sweep reads every retained row.
  if (due.length === 0) return;
  sweepRetained(state);
  state.commands.forget(state, ({ expiresAtMs }) => expiresAtMs <= state.nowMs);
}

interface Due {
  readonly atMs: number;
  /** Orders what is due in the same moment. */
  readonly name: string;
  readonly run: () => void;
}

function* dueNow(state: BrokerState): Iterable<Due> {
  const { nowMs } = state;
  for (const connection of state.connections.values()) {
    const name = connection.session === undefined ? "" : nameOf(connection.session);
    const endsAtMs = endOf(connection);
    const silentUntilMs = connection.silentUntilMs(state.limits);
    const noticeAtMs = noticeOf(connection);
    if (endsAtMs <= nowMs) {
      yield {
        atMs: endsAtMs,
        name,
        run: () => refuseConnection(state, connection, reasonCode.notAuthorized),
      };
    } else if (silentUntilMs <= nowMs) {
      yield { atMs: silentUntilMs, name, run: () => closeSilent(state, connection) };
    } else if (noticeAtMs <= nowMs) {
      yield { atMs: noticeAtMs, name, run: () => tellOfExpiry(state, connection) };
    }
  }
  for (const session of state.sessions.values()) {
    if (session.connection !== undefined) continue;
    const { willDueAtMs, endsAtMs } = session;
    if (willDueAtMs !== undefined && willDueAtMs <= nowMs) {
      yield { atMs: willDueAtMs, name: nameOf(session), run: () => sendDelayedWill(state, session) };
    }
    if (endsAtMs !== undefined && endsAtMs <= nowMs) {
      yield { atMs: endsAtMs, name: nameOf(session), run: () => endSession(state, session) };
    }
  }
  for (const { grantId, expiresAtMs } of state.grants.values()) {
    if (expiresAtMs > nowMs) continue;
    yield { atMs: expiresAtMs, name: grantId, run: () => endGrant(state, grantId, reasonCode.notAuthorized) };
  }
}

function nameOf({ kind, handle, mqttClientId }: Session): string {
  return sessionKey(kind, handle, mqttClientId);
}

function sendDelayedWill(state: BrokerState, session: Session): void {
  if (session.willDueAtMs === undefined) return;
  publishWill(state, session);
  state.store.apply({ kind: "save-session", session: session.record() });
}

/** A new or renewed connection: the alarm must not come later than it needs. */
export function watchConnection(state: BrokerState, connection: Connection): void {
  state.dueAt(connection.silentUntilMs(state.limits));
  state.wakeAt(Math.min(silenceAlarm(state, connection), endOf(connection), noticeOf(connection)));
}

/** Someone began to listen: the silence of others may concern them from now on. */
export function watchSilence(state: BrokerState): void {
  for (const connection of state.connections.values()) {
    // An alarm that is soon enough anyway spares the look at who listens.
    const isAlarmLater = connection.silentUntilMs(state.limits) < state.alarmAtMs;
    if (isAlarmLater) state.wakeAt(silenceAlarm(state, connection));
  }
}

/**
 * When silence must be noticed even if nothing else wakes the object; `Infinity` if nobody would hear of it. An
 * alarm that goes off once a minute for a client that is well costs more than all its messages
 * (docs/decisions/023).
 */
function silenceAlarm(state: BrokerState, connection: Connection): number {
  const { session, keepAliveSeconds } = connection;
  const silentUntilMs = connection.silentUntilMs(state.limits);
  if (session === undefined || keepAliveSeconds < state.limits.lazyKeepAliveSeconds) return silentUntilMs;
  if (session.will === undefined) return Number.POSITIVE_INFINITY;
  const { targets, shared } = state.routes.find(session.will.message.topicName);
  const isHeard = (target: Target) => target.session !== session && target.session.connection !== undefined;
  const hasListener = targets.some(isHeard) || shared.some(({ members }) => members.some(isHeard));
  return hasListener ? silentUntilMs : Number.POSITIVE_INFINITY;
}

/** Someone wants to know when the token ends. */
export function watchExpiry(state: BrokerState, connection: Connection): void {
  state.wakeAt(noticeOf(connection));
}

function endOf(connection: Connection): number {
  return connection.authority?.expiresAtMs ?? Number.POSITIVE_INFINITY;
}

function noticeOf(connection: Connection): number {
  const isWanted = connection.session?.subscriptions.has(expiringTopic) === true;
  return isWanted && !connection.wasToldOfExpiry
    ? endOf(connection) - expiringNoticeMs
    : Number.POSITIVE_INFINITY;
}

function closeSilent(state: BrokerState, connection: Connection): void {
  if (connection.session === undefined) endConnection(state, connection, { isWillKept: false });
  // [MQTT-3.1.2-22] [MQTT-3.1.1:3.1.2-24] as if the network had failed
  else refuseConnection(state, connection, reasonCode.keepAliveTimeout);
}

function tellOfExpiry(state: BrokerState, connection: Connection): void {
  const { session, authority } = connection;
  if (session === undefined || authority === undefined) return;
  connection.wasToldOfExpiry = true;
  state.keep(connection);
  const payload = new TextEncoder().encode(
    JSON.stringify({ expires_at: new Date(authority.expiresAtMs).toISOString() }),
  );
  const { qos = 0 } = session.subscriptions.get(expiringTopic) ?? {};
  const topicName = expiringTopic as TopicName; // the platform's own, without wildcards
  deliverTo(
    state,
    session,
    topicName,
    { qos, retained: false },
    {
      topicName: grantTopic(""), // has no place in the tree; it goes to this session only
      payload,
      qos: 1,
      retain: false,
      publisher: { kind: "system", handle: "" },
    },
  );
}
