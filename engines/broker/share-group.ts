import type { TopicName } from "../mqtt/packet.ts";
import { deliver } from "./deliver.ts";
import type { Delivery } from "./message.ts";
import { hasRoom } from "./outgoing.ts";
import type { SharedTargets, Target } from "./routes.ts";
import { isEnded } from "./send-publish.ts";
import type { Session } from "./session.ts";
import type { BrokerState } from "./state.ts";
import { canonicalProperties } from "./view.ts";

/**
 * Whose turn it is among the members that can take a message at once; failing that, among those that are here;
 * then among those for which it would be kept; then among all.
 */
export function chooseMember(state: BrokerState, { members, turn }: SharedTargets): Target {
  const isHere = ({ session: { connection } }: Target) =>
    connection !== undefined && !isEnded(state, connection);
  const isReady = (member: Target) => isHere(member) && hasRoom(state, member.session);
  const isKept = ({ granted }: Target) => granted.qos > 0;
  for (const suits of [isReady, isHere, isKept]) {
    for (let i = 0; i < members.length; i++) {
      const member = members[(turn.next + i) % members.length] as Target; // inside the list
      if (!suits(member)) continue;
      turn.next = (turn.next + i + 1) % members.length;
      return member;
    }
  }
  turn.next %= members.length;
  return members[turn.next++] as Target; // inside the list, which is never empty
}

/**
 * What shared subscriptions gave to a session that ends, and what its client has not acknowledged: QoS 1 sent or
 * waiting, QoS 2 only if it never left. In the order of sending.
 */
export function unfinishedShared(state: BrokerState, session: Session): Delivery[] {
  const bySeq = new Map(state.store.deliveries(session.id).map((delivery) => [delivery.seq, delivery]));
  for (const [packetId, { seq, kept }] of session.outgoing?.inFlight ?? []) {
    if (kept !== undefined) bySeq.set(seq, { ...kept, seq, packetId });
  }
  for (const delivery of session.outgoing?.waiting ?? []) bySeq.set(delivery.seq, delivery);
  return (
    [...bySeq.values()]
      .filter(({ shared }) => shared !== undefined)
      // [MQTT-4.8.2-5] a QoS 2 delivery that has begun is nobody else's, even if its member never comes back
      .filter(({ qos, packetId }) => qos === 1 || packetId === undefined)
      .sort((a, b) => a.seq - b.seq)
  );
}

/**
 * The session is gone: the other members of its share groups get what it left (MQTT 5.0 §4.8.2 says that a server
 * should). What nobody else is there for is lost with it.
 */
export function handOn(state: BrokerState, { mount }: Session, unfinished: readonly Delivery[]): void {
  for (const { shared, topicName, payload, properties, expiresAtMs } of unfinished) {
    const canonical = mount.toCanonical(topicName as TopicName); // was one when it was queued
    const isOver = expiresAtMs !== undefined && expiresAtMs <= state.nowMs;
    if (shared === undefined || canonical === undefined || isOver) continue;
    const group = state.routes
      .find(canonical)
      .shared.find((one) => one.mount === mount && one.topicFilter === shared.topicFilter);
    if (group === undefined) continue;
    const member = chooseMember(state, group);
    const canonicalised = canonicalProperties(mount, properties);
    deliver(state, member, member.granted, {
      topicName: canonical,
      payload,
      qos: shared.qos,
      retain: shared.retain,
      // What the mount may not see of the publisher's properties is gone already.
      publisher: { kind: "system", handle: "" },
      ...(canonicalised !== undefined && { properties: canonicalised }),
      ...(expiresAtMs !== undefined && { expiresAtMs }),
    });
  }
}
