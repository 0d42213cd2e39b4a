import { distribute } from "./deliver.ts";
import type { CanonicalTopic, Message } from "./message.ts";
import { retainedTotals } from "./retained-room.ts";
import type { BrokerState } from "./state.ts";

/** Topics about the broker itself; only the owner's mount has them. */
const root = "$SYS/broker";

/** How often those who subscribed hear of it; each time wakes the object. */
const intervalMs = 60_000;

/** What the broker tells of itself: counts since it woke, and sizes as they are now. */
export function* sysMessages(state: BrokerState): Iterable<Message> {
  const { counters, sessions, connections } = state;
  let subscriptions = 0;
  let waiting = 0;
  for (const session of sessions.values()) {
    subscriptions += session.subscriptions.size;
    waiting += session.outgoing?.waiting.length ?? session.queued?.messages ?? 0;
  }
  const values: readonly (readonly [string, number])[] = [
    ["uptime", Math.floor((state.nowMs - state.wokeAtMs) / 1000)],
    ["clients/connected", connections.size],
    ["clients/total", sessions.size],
    ["subscriptions/count", subscriptions],
    ["retained messages/count", retainedTotals(state).all.topics],
    ["messages/received", counters.messagesReceived],
    ["messages/sent", counters.messagesSent],
    ["messages/dropped", counters.messagesDropped],
    ["messages/waiting", waiting],
    ["bytes/received", counters.bytesReceived],
    ["bytes/sent", counters.bytesSent],
    ["publish/refused", counters.publishesRefused],
    ["subscribe/refused", counters.subscriptionsRefused],
  ];
  for (const [name, value] of values) {
    yield {
      topicName: `${root}/${name}` as CanonicalTopic, // made here, in the canonical tree
      payload: new TextEncoder().encode(String(value)),
      qos: 0,
      retain: true,
      publisher: { kind: "system", handle: "" },
    };
  }
}

/** Publishes the numbers if someone listens and it is time. */
export function publishSys(state: BrokerState): void {
  if (!isWanted(state)) {
    state.sysDueAtMs = undefined;
    return;
  }
  if ((state.sysDueAtMs ?? 0) > state.nowMs) return;
  state.sysDueAtMs = state.nowMs + intervalMs;
  for (const message of sysMessages(state)) {
    distribute(state, state.routes.find(message.topicName), message, undefined);
  }
}

/** Someone subscribed: the numbers come again after the interval. */
export function watchSys(state: BrokerState): void {
  state.sysDueAtMs ??= state.nowMs + intervalMs;
  state.wakeAt(state.sysDueAtMs);
}

/** Whether a filter can match anything here: a leading wildcard does not ([MQTT-4.7.2-1]). */
export function isSysFilter(filter: string): boolean {
  return filter.startsWith("$SYS/");
}

function isWanted(state: BrokerState): boolean {
  for (const { kind, connection, subscriptions } of state.sessions.values()) {
    if (kind === "owner" && connection !== undefined && [...subscriptions.keys()].some(isSysFilter))
      return true;
  }
  return false;
}
