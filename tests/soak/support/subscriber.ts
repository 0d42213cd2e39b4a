import type { Packet, TopicFilter } from "../../../engines/mqtt/packet.ts";
import { SoakClient } from "./soak-client.ts";

/** Takes what the publisher sends, as a client that keeps every rule of the protocol, and counts. */
export class SoakSubscriber extends SoakClient {
  /** Number → how often it was delivered: at QoS 2 once, whatever happens. */
  readonly delivered = { 1: new Map<number, number>(), 2: new Map<number, number>() };
  readonly #received = new Set<number>();
  readonly #newest = { 1: 0, 2: 0 };
  #subscribed = Promise.withResolvers<void>();
  onDelivered: () => void = () => {};

  /** Resolves once the subscription is acknowledged; it is never made again. */
  get subscribed(): Promise<void> {
    return this.#subscribed.promise;
  }

  protected override connected(isNew: boolean): void {
    if (!isNew) return;
    this.#received.clear();
    this.send({
      type: "subscribe",
      packetId: 1,
      subscriptions: [
        {
          topicFilter: "telemetry/soak/+" as TopicFilter, // a filter
          qos: 2,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
        },
      ],
    });
  }

  protected override received(packet: Packet): void {
    switch (packet.type) {
      case "suback":
        if (packet.reasonCodes[0] !== 2) this.violated(`SUBACK ${packet.reasonCodes[0]}`);
        this.#subscribed.resolve();
        return;
      case "publish": {
        const n = Number(new TextDecoder().decode(packet.payload));
        const { packetId = 0, qos } = packet;
        if (qos === 0) {
          this.violated(`number ${n} came at QoS 0`);
          return;
        }
        if (qos === 1) {
          this.#deliver(1, n, packet.dup);
          this.send({ type: "puback", packetId, reasonCode: 0 });
          return;
        }
        if (!this.#received.has(packetId)) {
          this.#received.add(packetId);
          this.#deliver(2, n, packet.dup);
        }
        this.send({ type: "pubrec", packetId, reasonCode: 0 });
        return;
      }
      case "pubrel":
        this.#received.delete(packet.packetId);
        this.send({ type: "pubcomp", packetId: packet.packetId, reasonCode: 0 });
        return;
      default:
        this.violated(`got a ${packet.type}`);
    }
  }

  #deliver(qos: 1 | 2, n: number, dup: boolean): void {
    const counts = this.delivered[qos];
    const count = (counts.get(n) ?? 0) + 1;
    counts.set(n, count);
    if (qos === 2 && count > 1) this.violated(`number ${n} of QoS 2 was delivered ${count} times`);
    // [MQTT-4.6.0-6] each topic in its order, but for what comes again
    if (count === 1 && n < this.#newest[qos] && !dup)
      this.violated(`number ${n} came after ${this.#newest[qos]}`);
    this.#newest[qos] = Math.max(this.#newest[qos], n);
    this.onDelivered();
  }
}
