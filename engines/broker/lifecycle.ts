import type { ReasonCode } from "../mqtt/packet.ts";
import { reasonCode } from "../mqtt/reason-code.ts";
import type { Connection } from "./connection.ts";
import { saveRefusals } from "./ledger.ts";
import { unloadOutgoing } from "./outgoing.ts";
import { saveRetained } from "./retained.ts";
import { type Session, sessionKey } from "./session.ts";
import { handOn, unfinishedShared } from "./share-group.ts";
import type { BrokerState } from "./state.ts";
import { forgetWill, publishWill, scheduleWill } from "./will.ts";

/** WebSocket close codes (RFC 6455 §7.4.1). */
const socketClose = { normal: 1000, protocolError: 1002, policyViolation: 1008, tooLarge: 1009 } as const;

/**
 * Ends a connection because of what its client did or may no longer do: DISCONNECT with the reason in 5.0, then
 * the socket closes, and the will goes out.
 *
 * @param reasonString names a field and a rule, never a value.
 * @see MQTT 5.0 §4.13.1
 */
export function refuseConnection(
  state: BrokerState,
  connection: Connection,
  code: ReasonCode,
  reasonString?: string,
): void {
  if (connection.isClosed) return;
  if (connection.session !== undefined && connection.protocolLevel === 5) {
    // [MQTT-3.14.0-1] never before CONNACK
    // MQTT 5.0 §3.1.2.11.7 would allow the reason here in any case; who does not want it does not get it.
    const isExplained = reasonString !== undefined && connection.wantsProblemInformation;
    state.send(connection, {
      type: "disconnect",
      reasonCode: code,
      ...(isExplained && { properties: { reasonString } }),
    });
  }
  endConnection(state, connection, { isWillKept: true, closeCode: closeCodeOf(code) });
}

/** How a connection ends: whether its will is still to go out, and with which WebSocket code. */
export interface Ending {
  readonly isWillKept: boolean;
  readonly closeCode?: number;
}

/**
 * Ends a connection once, whoever wanted it. Its session stays for as long as it said it would.
 *
 * @see MQTT 5.0 §3.1.2.11.2, §4.1, §4.12
 */
export function endConnection(state: BrokerState, connection: Connection, ending: Ending): void {
  if (connection.isClosed) return;
  state.close(connection, ending.closeCode ?? socketClose.normal);
  saveRetained(state, connection);
  saveRefusals(state, connection);
  const { session } = connection;
  if (session === undefined || session.connection !== connection) return;
  session.connection = undefined;
  // One that ends now has something in memory only.
  if (session.isPersistent) unloadOutgoing(session);
  if (!ending.isWillKept) forgetWill(session);
  scheduleWill(state, session);
  if (session.expirySeconds === 0) {
    // [MQTT-3.1.2-23] [MQTT-3.1.1:3.1.2-6] kept for the Session Expiry Interval; 0 ends with the connection
    endSession(state, session);
    return;
  }
  session.endsAtMs = state.nowMs + session.expirySeconds * 1000;
  state.store.apply({ kind: "save-session", session: session.record() });
  state.wakeAt(session.endsAtMs);
}

/** [MQTT-4.1.0-2] the session is over: its subscriptions and messages go, and a will that still waited goes out. */
export function endSession(state: BrokerState, session: Session): void {
  if (session.willDueAtMs !== undefined) publishWill(state, session);
  dropSession(state, session);
}

/** The same without the will, for a principal that has nothing to say any more. */
export function dropSession(state: BrokerState, session: Session): void {
  forgetWill(session);
  const unfinished = unfinishedShared(state, session);
  state.routes.remove(session);
  state.sessions.delete(session.id);
  const key = sessionKey(session.kind, session.handle, session.mqttClientId);
  if (state.clients.get(key) === session) state.clients.delete(key);
  state.store.apply({ kind: "delete-session", session: session.id });
  handOn(state, session, unfinished);
}

function closeCodeOf(code: ReasonCode): number {
  switch (code) {
    case reasonCode.malformedPacket:
    case reasonCode.protocolError:
      return socketClose.protocolError;
    case reasonCode.packetTooLarge:
      return socketClose.tooLarge;
    case reasonCode.sessionTakenOver:
    case reasonCode.keepAliveTimeout:
      return socketClose.normal;
    default:
      return socketClose.policyViolation;
  }
}
