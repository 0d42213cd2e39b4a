import type { Packet, ProtocolLevel, Publish, TopicFilter, TopicName } from "../../../engines/mqtt/packet.ts";
import { type Carrier, MqttPeer } from "../../support/mqtt-peer.ts";

/** One MQTT connection that takes and acknowledges everything, and can tell when it has heard all there is. */
export class Link {
  readonly #peer: MqttPeer;
  /** Every PUBLISH so far, in the order of arrival. */
  readonly heard: Publish[] = [];
  /** When the connection ended, by `performance.now()`; `undefined` while it is open. */
  endedAtMs: number | undefined;
  readonly #waiting: { fits: (packet: Packet) => boolean; take: (packet: Packet | undefined) => void }[] = [];
  #lastId = 0;
  readonly #ended = Promise.withResolvers<void>();

  private constructor(peer: MqttPeer) {
    this.#peer = peer;
  }

  /**
   * Opens and connects.
   * @param token the password; `undefined` where the upgrade carries it.
   * @returns the link, or the status or reason code that refused it.
   */
  static async open(
    carrier: Carrier,
    token: string | undefined,
    changes: Parameters<MqttPeer["connect"]>[1] = {},
    level: ProtocolLevel = 4,
  ): Promise<Link | number> {
    const peer = await MqttPeer.open(carrier, level);
    if (typeof peer === "number") return peer;
    const link = new Link(peer);
    void link.#run();
    const answer = link.#next((packet) => packet.type === "connack");
    peer.connect(token, changes);
    const packet = await answer;
    if (packet?.type !== "connack") return 0x80;
    return packet.reasonCode === 0 ? link : packet.reasonCode;
  }

  async #run(): Promise<void> {
    for (;;) {
      const packet = await this.#peer.next();
      if (packet === undefined) break;
      if (packet.type === "publish") {
        this.heard.push(packet);
        if (packet.packetId !== undefined)
          this.#send({ type: "puback", packetId: packet.packetId, reasonCode: 0 });
      }
      for (const waiter of this.#waiting.filter(({ fits }) => fits(packet))) {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        waiter.take(packet);
      }
    }
    this.endedAtMs = performance.now();
    for (const { take } of this.#waiting.splice(0)) take(undefined);
    this.#ended.resolve();
  }

  #next(fits: (packet: Packet) => boolean): Promise<Packet | undefined> {
    if (this.endedAtMs !== undefined) return Promise.resolve(undefined);
    return new Promise((take) => this.#waiting.push({ fits, take }));
  }

  #send(packet: Packet): void {
    if (this.#peer.ended === undefined) this.#peer.send(packet);
  }

  /** Subscribes and waits for the answer. @returns the granted QoS or 0x80; `undefined` when the connection ended. */
  async subscribe(filter: string): Promise<number | undefined> {
    const packetId = ++this.#lastId;
    const answer = this.#next((packet) => packet.type === "suback" && packet.packetId === packetId);
    this.#send({
      type: "subscribe",
      packetId,
      subscriptions: [
        {
          topicFilter: filter as TopicFilter, // written in the tests
          qos: 1,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
        },
      ],
    });
    const packet = await answer;
    return packet?.type === "suback" ? packet.reasonCodes[0] : undefined;
  }

  /** Publishes at QoS 1 and waits for the answer. @returns whether it came. */
  async publish(topic: string, payload: string, retain = false): Promise<boolean> {
    const packetId = ++this.#lastId;
    const answer = this.#next((packet) => packet.type === "puback" && packet.packetId === packetId);
    this.#send({
      type: "publish",
      topicName: topic as TopicName, // written in the tests
      payload: new TextEncoder().encode(payload),
      qos: 1,
      retain,
      dup: false,
      packetId,
    });
    return (await answer) !== undefined;
  }

  /** Waits until everything that was sent to it before now has come: a PINGRESP comes after it. */
  async caughtUp(): Promise<void> {
    const answer = this.#next((packet) => packet.type === "pingresp");
    this.#send({ type: "pingreq" });
    await answer;
  }

  /** Waits for a PUBLISH, also one that came already. @throws Error when the connection ends first. */
  async message(fits: (packet: Publish) => boolean): Promise<Publish> {
    const already = this.heard.find(fits);
    if (already !== undefined) return already;
    const packet = await this.#next((candidate) => candidate.type === "publish" && fits(candidate));
    if (packet?.type !== "publish") throw new Error("the connection ended before the message came");
    return packet;
  }

  /**
   * Waits for the end of the connection.
   * @throws Error if it is still open after ten seconds: whatever was to end it did not.
   */
  async end(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("the connection outlived its authority")), 10_000);
    });
    try {
      await Promise.race([this.#ended.promise, tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Cuts the connection. */
  cut(): void {
    this.#peer.cut();
  }
}

/** The payload of a PUBLISH as text. */
export function textOf({ payload }: Publish): string {
  return new TextDecoder().decode(payload);
}

/** @throws Error if the connection was refused. */
export function accepted(link: Link | number): Link {
  if (typeof link === "number") throw new Error(`the connection was refused with ${link}`);
  return link;
}
