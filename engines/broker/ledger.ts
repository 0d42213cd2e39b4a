import type { ReasonCode, TopicName } from "../mqtt/packet.ts";
import type { Authority } from "../oauth/authority.ts";
import type { Connection } from "./connection.ts";
import { distribute, hasSubscribers } from "./deliver.ts";
import type { CanonicalTopic, Message } from "./message.ts";
import type { Mount } from "./mount.ts";
import type { BrokerState } from "./state.ts";
import { keepSoon } from "./unsaved.ts";

/** What somebody tried and may not, in one line however often it was. Only the owner reads it. */
export interface Refusal {
  readonly kind: Authority["kind"];
  /** A device's handle, or the grant of an app. */
  readonly handle: string;
  readonly action: "publish" | "subscribe";
  /** As the owner would write it, if it has a place in the tree; "" for those beyond what is kept apart. */
  readonly topic: string;
  readonly reasonCode: ReasonCode;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly count: number;
}

/** Where the owner reads it (MESSAGING.md §2). */
export const ledgerTopic = "ledger" as CanonicalTopic & TopicName; // the platform's own, and no wildcard in it
/** Topics that are kept apart: of one connection until it ends, and of one device or app in the rows. */
const topicsApart = { ofConnection: 16, ofOne: 32 } as const;
/** Lines in all; the one that happened longest ago makes room. */
const mostRows = 200;
const longestTopic = 200;
/** A connection that lasts has its part written this often, if anything came to it. */
const saveEveryMs = 3_600_000;

/**
 * Counts an attempt outside the mount or the permissions. Like the newest values at QoS 0 (docs/decisions/022) it lies
 * beside the socket until the connection ends, so that somebody who is refused all day costs a row.
 *
 * @param topic a topic name, or a topic filter without its `$share/…`, in the names of `mount`.
 */
export function recordRefusal(
  state: BrokerState,
  connection: Connection,
  mount: Mount,
  attempt: Pick<Refusal, "action" | "topic" | "reasonCode">,
): void {
  const { authority, refusals } = connection;
  if (authority === undefined) return;
  const canonical = mount.toCanonical(attempt.topic as TopicName); // a filter's levels are exchanged like a name's
  const line: Refusal = {
    ...attempt,
    topic: (canonical ?? attempt.topic).slice(0, longestTopic),
    kind: authority.kind,
    handle: authority.handle,
    firstAtMs: state.nowMs,
    lastAtMs: state.nowMs,
    count: 1,
  };
  addLine(refusals, line, topicsApart.ofConnection);
  const [oldest = line] = refusals.values();
  if (state.nowMs - oldest.firstAtMs >= saveEveryMs) saveRefusals(state, connection);
  keepSoon(state, connection);
  if (!hasSubscribers(state.routes.find(ledgerTopic))) return;
  state.ledgerDueAtMs ??= state.nowMs + state.limits.unsavedMs;
  state.wakeAt(state.ledgerDueAtMs);
}

/**
 * The same for who has no connection, such as an app's rules: written at once.
 *
 * @param attempts topics as the owner would write them.
 */
export function recordRefusalsOf(
  state: BrokerState,
  who: Pick<Refusal, "kind" | "handle">,
  attempts: readonly Pick<Refusal, "action" | "topic" | "reasonCode">[],
): void {
  const lines = tableOf([]);
  for (const attempt of attempts) {
    const topic = attempt.topic.slice(0, longestTopic);
    const times = { firstAtMs: state.nowMs, lastAtMs: state.nowMs, count: 1 };
    addLine(lines, { ...attempt, ...who, ...times, topic }, topicsApart.ofConnection);
  }
  saveLines(state, lines.values());
  if (!hasSubscribers(state.routes.find(ledgerTopic))) return;
  state.ledgerDueAtMs ??= state.nowMs + state.limits.unsavedMs;
  state.wakeAt(state.ledgerDueAtMs);
}

/** The connection ends, and its attachment with it. */
export function saveRefusals(state: BrokerState, connection: Connection): void {
  if (connection.refusals.size === 0) return;
  saveLines(state, connection.refusals.values());
  connection.refusals.clear();
}

function saveLines(state: BrokerState, lines: Iterable<Refusal>): void {
  const stored = tableOf(state.store.refusals());
  for (const line of lines) {
    const saved = addLine(stored, line, topicsApart.ofOne);
    state.store.apply({ kind: "save-refusal", refusal: saved });
  }
  for (const line of oldestFirst(stored).slice(0, Math.max(0, stored.size - mostRows))) {
    state.store.apply({ kind: "delete-refusal", refusal: line });
  }
}

/** The lines of all, saved or not, as one message; `undefined` if nobody was refused anything. */
export function ledgerMessage(state: BrokerState): Message | undefined {
  const lines = tableOf(state.store.refusals());
  for (const { refusals } of state.connections.values()) {
    for (const line of refusals.values()) addLine(lines, line, topicsApart.ofOne);
  }
  if (lines.size === 0) return undefined;
  const refused = oldestFirst(lines)
    .slice(-mostRows)
    .reverse()
    .map(({ kind, handle, action, topic, reasonCode, firstAtMs, lastAtMs, count }) => ({
      who: { kind, handle },
      action,
      ...(topic !== "" && { topic }),
      reason_code: reasonCode,
      first_at: new Date(firstAtMs).toISOString(),
      last_at: new Date(lastAtMs).toISOString(),
      count,
    }));
  return {
    topicName: ledgerTopic,
    payload: new TextEncoder().encode(JSON.stringify({ refused })),
    qos: 0,
    retain: true,
    publisher: { kind: "system", handle: "" },
  };
}

/** Tells those who listen, if something came to it and it is time. */
export function publishLedger(state: BrokerState): void {
  if (state.ledgerDueAtMs === undefined || state.ledgerDueAtMs > state.nowMs) return;
  state.ledgerDueAtMs = undefined;
  const message = ledgerMessage(state);
  if (message !== undefined) distribute(state, state.routes.find(ledgerTopic), message, undefined);
}

/** @returns lines by their `keyOf`. */
export function tableOf(lines: Iterable<Refusal>): Map<string, Refusal> {
  const table = new Map<string, Refusal>();
  for (const line of lines) table.set(keyOf(line), line);
  return table;
}

/** Adds a line to the one it is one with, or to the rest of its sender's if that has too many. @returns the sum. */
function addLine(table: Map<string, Refusal>, line: Refusal, most: number): Refusal {
  let key = keyOf(line);
  let added = line;
  if (!table.has(key)) {
    let own = 0;
    for (const { kind, handle } of table.values()) if (kind === line.kind && handle === line.handle) own++;
    if (own >= most) {
      added = { ...line, topic: "" };
      key = keyOf(added);
    }
  }
  const known = table.get(key);
  const sum: Refusal =
    known === undefined
      ? added
      : {
          ...added,
          firstAtMs: Math.min(known.firstAtMs, added.firstAtMs),
          lastAtMs: Math.max(known.lastAtMs, added.lastAtMs),
          count: known.count + added.count,
        };
  table.set(key, sum);
  return sum;
}

/** What makes two lines one. */
export function keyOf({ kind, handle, action, topic, reasonCode }: Refusal): string {
  return JSON.stringify([kind, handle, action, topic, reasonCode]);
}

function oldestFirst(table: ReadonlyMap<string, Refusal>): Refusal[] {
  return [...table.values()].sort((a, b) => a.lastAtMs - b.lastAtMs || (keyOf(a) < keyOf(b) ? -1 : 1));
}
