import type { Will } from "../mqtt/packet.ts";
import { publishMessage } from "./deliver.ts";
import type { Session } from "./session.ts";
import type { BrokerState } from "./state.ts";
import type { StoredWill } from "./store.ts";
import { canonicalProperties } from "./view.ts";

/**
 * A client's will in canonical names.
 *
 * @returns `undefined` if the session may not publish there: the connection is refused then (RFC 9431 §2.2.1).
 */
export function toStoredWill(session: Session, will: Will): StoredWill | undefined {
  const topicName = session.mount.toCanonical(will.topicName);
  if (topicName === undefined || !session.mayPublish(will.topicName)) return undefined;
  const properties = canonicalProperties(session.mount, will.properties);
  const expirySeconds = will.properties?.messageExpiryInterval;
  return {
    message: {
      topicName,
      payload: will.payload.slice(),
      qos: will.qos,
      retain: will.retain,
      publisher: session.publisher,
      ...(properties !== undefined && { properties }),
    },
    delaySeconds: will.properties?.willDelayInterval ?? 0,
    ...(expirySeconds !== undefined && { expirySeconds }),
  };
}

/**
 * The connection was lost: the will goes out now, or when its delay or the session is over, whichever is first.
 *
 * @see MQTT 5.0 §3.1.2.5, §3.1.3.2.2
 */
export function scheduleWill(state: BrokerState, session: Session): void {
  if (session.will === undefined) return;
  // [MQTT-3.1.3-9] Will Delay Interval, but not beyond the session's end
  const delaySeconds = Math.min(session.will.delaySeconds, session.expirySeconds);
  if (delaySeconds === 0) {
    publishWill(state, session);
    return;
  }
  session.willDueAtMs = state.nowMs + delaySeconds * 1000;
  state.wakeAt(session.willDueAtMs);
}

/** [MQTT-3.1.2-10] once published it is removed from the session. */
export function publishWill(state: BrokerState, session: Session): void {
  const { will } = session;
  if (will === undefined) return;
  forgetWill(session);
  const { message, expirySeconds } = will;
  // The owner may have narrowed the view since CONNECT; the end of the token alone takes nothing back (RFC 9431 §2.2).
  const topicName = session.mount.toLocal(message.topicName);
  if (topicName === undefined || !session.mount.view.mayPublish(topicName)) return;
  publishMessage(
    state,
    expirySeconds === undefined ? message : { ...message, expiresAtMs: state.nowMs + expirySeconds * 1000 },
    session,
  );
}

/** [MQTT-3.14.4-3] [MQTT-3.1.1:3.14.4-3] DISCONNECT without an error discards it. */
export function forgetWill(session: Session): void {
  session.will = undefined;
  session.willDueAtMs = undefined;
}
