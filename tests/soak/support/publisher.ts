import type { Packet, TopicName } from "../../../engines/mqtt/packet.ts";
import { SoakClient, type SoakClientOptions } from "./soak-client.ts";

interface InFlight {
  readonly n: number;
  readonly qos: 1 | 2;
  readonly isRetained: boolean;
  isReleased: boolean;
}

const windowSize = 8;

/** The topics of the soak, in a device's own names. */
export const topics = { 1: "telemetry/soak/one", 2: "telemetry/soak/two", kept: "telemetry/kept" } as const;

/** Publishes numbers at QoS 1 and 2, as a client that keeps every rule of the protocol. */
export class SoakPublisher extends SoakClient {
  /** Numbers that the server has taken responsibility for: PUBACK, or PUBREC. */
  readonly acknowledged = new Map<number, 1 | 2>();
  /** The newest number that is retained for certain. */
  lastRetained = 0;
  readonly #inFlight = new Map<number, InFlight>();
  readonly #random: () => number;
  #lastNumber = 0;
  #lastPacketId = 0;
  #isPublishing = false;
  #onIdle: () => void = () => {};
  onAcknowledged: () => void = () => {};

  constructor(options: SoakClientOptions, random: () => number) {
    super(options);
    this.#random = random;
  }

  publish(): void {
    this.#isPublishing = true;
    this.#fill();
  }

  /** Sends nothing new, and resolves when everything is acknowledged to the end. */
  finish(): Promise<void> {
    this.#isPublishing = false;
    if (this.#inFlight.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** How many numbers were published. */
  get published(): number {
    return this.#lastNumber;
  }

  protected override connected(): void {
    // [MQTT-4.4.0-1] everything that is not acknowledged, with its identifier and in its order
    for (const [packetId, message] of this.#inFlight) {
      if (message.isReleased) this.send({ type: "pubrel", packetId, reasonCode: 0 });
      else this.#sendPublish(packetId, message, true);
    }
    this.#fill();
  }

  protected override received(packet: Packet): void {
    switch (packet.type) {
      case "puback":
        this.#take(packet.packetId, 1, packet.reasonCode);
        this.#done(packet.packetId);
        return;
      case "pubrec": {
        const message = this.#take(packet.packetId, 2, packet.reasonCode);
        if (message !== undefined) message.isReleased = true;
        this.send({ type: "pubrel", packetId: packet.packetId, reasonCode: 0 });
        return;
      }
      case "pubcomp":
        this.#done(packet.packetId);
        return;
      default:
        this.violated(`got a ${packet.type}`);
    }
  }

  #take(packetId: number, qos: 1 | 2, reasonCode: number): InFlight | undefined {
    const message = this.#inFlight.get(packetId);
    if (message === undefined) return undefined; // of an earlier connection; answered twice
    if (message.qos !== qos)
      this.violated(`an answer of QoS ${qos} to number ${message.n} of QoS ${message.qos}`);
    // 0x10 would mean that the subscription is gone.
    const isFine = reasonCode === 0 || (message.isRetained && reasonCode === 0x10);
    if (!isFine) this.violated(`number ${message.n}: 0x${reasonCode.toString(16)}`);
    if (message.isRetained) this.lastRetained = Math.max(this.lastRetained, message.n);
    else this.acknowledged.set(message.n, qos);
    this.onAcknowledged();
    return message;
  }

  #done(packetId: number): void {
    this.#inFlight.delete(packetId);
    this.#fill();
    if (this.#inFlight.size === 0 && !this.#isPublishing) this.#onIdle();
  }

  #fill(): void {
    while (this.#isPublishing && this.connections > 0 && this.#inFlight.size < windowSize) {
      do this.#lastPacketId = (this.#lastPacketId % 65_535) + 1;
      while (this.#inFlight.has(this.#lastPacketId));
      const kind = this.#random();
      const isRetained = kind < 0.1;
      const message = {
        n: ++this.#lastNumber,
        qos: isRetained || kind < 0.5 ? 1 : 2,
        isRetained,
        isReleased: false,
      } satisfies InFlight;
      this.#inFlight.set(this.#lastPacketId, message);
      this.#sendPublish(this.#lastPacketId, message, false);
    }
  }

  #sendPublish(packetId: number, { n, qos, isRetained }: InFlight, dup: boolean): void {
    this.send({
      type: "publish",
      topicName: (isRetained ? topics.kept : topics[qos]) as TopicName, // no wildcard in them
      payload: new TextEncoder().encode(String(n)),
      qos,
      retain: isRetained,
      dup,
      packetId,
    });
  }
}
