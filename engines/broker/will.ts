import type { ReasonCode, Will } from "../mqtt/packet.ts";
import { reasonCode } from "../mqtt/reason-code.ts";
import { levelsOf } from "../mqtt/topic.ts";
import type { Authority } from "../oauth/authority.ts";
import { publishMessage } from "./deliver.ts";
import type { Mount } from "./mount.ts";
import { compilePermissions } from "./permission.ts";
import type { Session } from "./session.ts";
import type { BrokerState } from "./state.ts";
import type { StoredWill } from "./store.ts";
import { canonicalProperties } from "./view.ts";

/**
 * A client's will in canonical names.
 *
 * @returns a reason code if that may not be published there: the connection is refused then (RFC 9431 §2.2.1).
 */
export function toStoredWill(
  state: BrokerState,
  mount: Mount,
  { kind, handle, permissions }: Authority,
  will: Will,
): StoredWill | ReasonCode {
  if (levelsOf(will.topicName) > state.limits.topicLevels) return reasonCode.topicNameInvalid;
  const topicName = mount.toCanonical(will.topicName);
  const isPermitted =
    // `$auth/` is the platform's own in every mount.
    !will.topicName.startsWith("$auth/") &&
    mount.view.mayPublish(will.topicName) &&
    compilePermissions(permissions).mayPublish(will.topicName);
  if (topicName === undefined || !isPermitted) return reasonCode.notAuthorized;
  const properties = canonicalProperties(mount, will.properties);
  const expirySeconds = will.properties?.messageExpiryInterval;
  return {
    message: {
      topicName,
      payload: will.payload.slice(),
      qos: will.qos,
      retain: will.retain,
      publisher: { kind, handle },
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
