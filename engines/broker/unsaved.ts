import { refill } from "./budget.ts";
import type { Connection } from "./connection.ts";
import type { BrokerState } from "./state.ts";

/** Incomplete packets up to this size are attached with every turn; it costs nothing. */
export const smallPendingBytes = 1024;

/**
 * Something is in memory only that must survive sleep. An idle object sleeps after 10 s, so there is time to see
 * whether it settles by itself: writing it in every turn would let a client that sends a large packet byte by byte
 * make us write it as often.
 */
export function saveSoon(state: BrokerState): void {
  state.unsavedDueAtMs ??= state.nowMs + state.limits.unsavedMs;
  if (state.unsavedDueAtMs <= state.nowMs) saveUnsaved(state);
  else state.wakeAt(state.unsavedDueAtMs);
}

/** How often the attachment of a busy connection is written at once: so many a second, after so many. */
const attaching = { perSecond: 2, burst: 20 };

/**
 * The attachment has to change, but needs to be right only when the object sleeps. On a quiet connection it is
 * written in this turn, which is free; on a busy one, where writing it would cost more than the message, by
 * `saveUnsaved`.
 */
export function keepSoon(state: BrokerState, connection: Connection): void {
  refill(connection.attaching, state.nowMs, attaching.perSecond, attaching.burst);
  if (connection.attaching.left >= 1 || state.limits.unsavedMs === 0) {
    connection.attaching.left--;
    state.keep(connection);
    return;
  }
  connection.isStale = true;
  saveSoon(state);
}

/** Writes it now: commands at QoS 0, what is on its way to sessions that end with their connection, stale attachments, large incomplete packets. */
export function saveUnsaved(state: BrokerState): void {
  state.unsavedDueAtMs = undefined;
  state.commands.save(state);
  for (const connection of state.connections.values()) {
    saveWaiting(state, connection);
    if (connection.decoder.pendingBytes > smallPendingBytes) {
      connection.attachesPending = true;
      state.keep(connection);
    } else if (connection.isStale) {
      state.keep(connection);
    }
  }
}

function saveWaiting(state: BrokerState, { session }: Connection): void {
  const outgoing = session?.outgoing;
  if (session === undefined || outgoing === undefined) return;
  for (const [packetId, entry] of outgoing.inFlight) {
    const { kept, seq } = entry;
    if (kept === undefined) continue;
    state.store.apply({ kind: "enqueue", session: session.id, delivery: { ...kept, seq, packetId } });
    entry.kept = undefined;
  }
  for (const delivery of outgoing.waiting.slice(outgoing.savedWaiting)) {
    state.store.apply({ kind: "enqueue", session: session.id, delivery });
  }
  outgoing.savedWaiting = outgoing.waiting.length;
}

/** After bytes came: the attachment must not be asleep with another start of a packet than this. */
export function keepPending(state: BrokerState, connection: Connection): void {
  const { pendingBytes } = connection.decoder;
  if (pendingBytes > smallPendingBytes) saveSoon(state);
  else if (pendingBytes > 0 || connection.attachedPendingBytes > 0) state.keep(connection);
}
