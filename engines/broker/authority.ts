import { reasonCode } from "../mqtt/reason-code.ts";
import type { Authority, Introspection } from "../oauth/authority.ts";
import type { Connection, Waiting } from "./connection.ts";
import { watchConnection } from "./deadlines.ts";
import { refuseConnection } from "./lifecycle.ts";
import { acknowledgeWith } from "./publish.ts";
import type { BrokerState } from "./state.ts";

/** Asks the shell whose token this is; what the client sends meanwhile is held, in its order. */
export function askWho(state: BrokerState, connection: Connection, waiting: Waiting): void {
  connection.waiting = waiting;
  state.effect({ kind: "authenticate", on: connection.id, token: waiting.token });
}

/**
 * What an active token's authority comes to here: of this user, not refused since, not ended, and for an app
 * with a consent that the owner has stored.
 *
 * @returns the authority with the sooner of the token's and the consent's end, or `undefined`: nobody is told
 * which of the reasons it was.
 */
export function admit(state: BrokerState, authority: Authority): Authority | undefined {
  if (authority.user !== state.ports.user) return undefined;
  if (authority.epoch < refusedBelow(state, authority.handle)) return undefined;
  if (authority.expiresAtMs <= state.nowMs) return undefined;
  if (authority.kind !== "app") return authority;
  const grant = state.grants.get(authority.handle);
  if (grant === undefined || grant.expiresAtMs <= state.nowMs) return undefined;
  return { ...authority, expiresAtMs: Math.min(authority.expiresAtMs, grant.expiresAtMs) };
}

function refusedBelow(state: BrokerState, handle: string): number {
  return Math.max(state.refusedEpochs.get(handle) ?? 0, state.refusedEpochs.get("*") ?? 0);
}

/** The answer for a connection that is to go on under a new token of the same principal. */
export function renewed(
  state: BrokerState,
  connection: Connection,
  waiting: Exclude<Waiting, { for: "connect" }>,
  introspection: Introspection | undefined,
): void {
  const isAccepted = introspection?.active === true && renew(state, connection, introspection.authority);
  if (waiting.for === "auth") {
    if (!isAccepted) {
      // [MQTT-4.12.1-2] a failed re-authentication ends the connection
      refuseConnection(state, connection, reasonCode.notAuthorized);
      return;
    }
    const { authenticationMethod } = connection;
    state.send(connection, {
      type: "auth",
      reasonCode: reasonCode.success,
      ...(authenticationMethod !== undefined && { properties: { authenticationMethod } }),
    });
    return;
  }
  const { packetId } = waiting;
  if (!isAccepted && connection.protocolLevel !== 5) {
    // Below 5.0 a PUBACK would say yes, so the connection says no.
    refuseConnection(state, connection, reasonCode.notAuthorized);
    return;
  }
  if (packetId === undefined) return;
  const code = isAccepted ? reasonCode.success : reasonCode.notAuthorized;
  acknowledgeWith(state, connection, { qos: 1, packetId }, code);
}

/** The same user, kind and handle as before; everything else may have changed. */
function renew(state: BrokerState, connection: Connection, offered: Authority): boolean {
  const current = connection.authority;
  const { session } = connection;
  const authority = admit(state, offered);
  if (authority === undefined || current === undefined || session === undefined) return false;
  if (authority.kind !== current.kind || authority.handle !== current.handle) return false;
  connection.authority = authority;
  connection.wasToldOfExpiry = false;
  if (JSON.stringify(session.permissions) !== JSON.stringify(authority.permissions)) {
    session.permissions = authority.permissions;
    state.store.apply({ kind: "save-session", session: session.record() });
    state.routes.changed();
  }
  state.keep(connection);
  watchConnection(state, connection);
  return true;
}
