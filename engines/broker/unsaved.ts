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

/** Writes it now: what waits for sessions that end with their connection, and large incomplete packets. */
export function saveUnsaved(state: BrokerState): void {
  state.unsavedDueAtMs = undefined;
  for (const connection of state.connections.values()) {
    saveWaiting(state, connection);
    if (connection.decoder.pendingBytes > smallPendingBytes) {
      connection.attachesPending = true;
      state.keep(connection);
    }
  }
}

function saveWaiting(state: BrokerState, { session }: Connection): void {
  const outgoing = session?.outgoing;
  if (session === undefined || outgoing === undefined) return;
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
