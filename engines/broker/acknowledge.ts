import type { Puback } from "../mqtt/packet.ts";
import { reasonCode } from "../mqtt/reason-code.ts";
import type { Connection } from "./connection.ts";
import { refuseConnection } from "./lifecycle.ts";
import { loadOutgoing, sendWaiting } from "./outgoing.ts";
import type { Session } from "./session.ts";
import type { BrokerState } from "./state.ts";
import { keepSoon } from "./unsaved.ts";

/** The client's PUBACK, PUBREC or PUBCOMP for a message of ours, or its PUBREL for one of its own. */
export function acknowledge(
  state: BrokerState,
  connection: Connection,
  session: Session,
  packet: Puback,
): void {
  switch (packet.type) {
    case "puback":
      delivered(state, connection, session, packet.packetId, 1);
      return;
    case "pubrec":
      release(state, connection, session, packet);
      return;
    case "pubcomp":
      delivered(state, connection, session, packet.packetId, 2, true);
      return;
    case "pubrel":
      complete(state, connection, session, packet.packetId);
      return;
  }
}

/** The packet identifier is free again, and there is room for one more. */
function delivered(
  state: BrokerState,
  connection: Connection,
  session: Session,
  packetId: number,
  qos: 1 | 2,
  isCompleted = false,
): void {
  const { inFlight } = loadOutgoing(state, session);
  const known = inFlight.get(packetId);
  // An acknowledgement of nothing may be a late one; of the wrong kind, or too early, it never is.
  if (known === undefined) return;
  if (known.qos !== qos || (isCompleted && !known.isReleased)) {
    refuseConnection(state, connection, reasonCode.protocolError);
    return;
  }
  // [MQTT-4.8.2-6] with whatever reason code: nobody else of a share group gets what this client refused
  inFlight.delete(packetId);
  const hasRow = known.seq > 0 && known.kept === undefined;
  if (hasRow) state.store.apply({ kind: "delivered", session: session.id, seq: known.seq });
  if (!session.isPersistent) keepSoon(state, connection);
  sendWaiting(state, session);
}

/** QoS 2, second step: the client has the message; only the identifier is still in use. */
function release(state: BrokerState, connection: Connection, session: Session, packet: Puback): void {
  const { packetId } = packet;
  const known = loadOutgoing(state, session).inFlight.get(packetId);
  if (known?.qos === 1) {
    refuseConnection(state, connection, reasonCode.protocolError);
    return;
  }
  if (known === undefined) {
    // [MQTT-4.3.3-4] a PUBREC asks for a PUBREL; 5.0 says that the identifier is not known
    state.send(connection, { type: "pubrel", packetId, reasonCode: reasonCode.packetIdentifierNotFound });
    return;
  }
  if (packet.reasonCode >= 0x80) {
    // [MQTT-4.3.3-4] refused by the client: no PUBREL, and the identifier is free
    delivered(state, connection, session, packetId, 2);
    return;
  }
  if (!known.isReleased) {
    known.isReleased = true;
    if (known.seq > 0) state.store.apply({ kind: "released", session: session.id, seq: known.seq });
    if (!session.isPersistent) keepSoon(state, connection);
  }
  // [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-3.1.1:4.3.3-1]
  state.send(connection, { type: "pubrel", packetId, reasonCode: reasonCode.success });
}

/** QoS 2 of the client's, last step: its identifier may be used for a new message from now on. */
function complete(state: BrokerState, connection: Connection, session: Session, packetId: number): void {
  const isKnown = receivedIds(state, session).delete(packetId);
  if (isKnown && session.isPersistent)
    state.store.apply({ kind: "completed", session: session.id, packetId });
  // MQTT 5.0 §4.9: each PUBCOMP gives the client one back, never more than it began with.
  if (connection.openIncoming > 0) connection.openIncoming--;
  keepSoon(state, connection);
  // [MQTT-4.3.3-11] [MQTT-3.1.1:4.3.3-2] PUBCOMP with the same identifier, also when it is asked for twice
  state.send(connection, {
    type: "pubcomp",
    packetId,
    reasonCode: isKnown ? reasonCode.success : reasonCode.packetIdentifierNotFound,
  });
}

/** QoS 2 identifiers of the client's between PUBLISH and PUBREL. */
export function receivedIds(state: BrokerState, session: Session): Set<number> {
  session.incoming ??= new Set(state.store.receivedPacketIds(session.id));
  return session.incoming;
}
