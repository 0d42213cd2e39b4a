import { WebSocket } from "ws";
import { Decoder } from "../../engines/mqtt/decoder.ts";
import { encode } from "../../engines/mqtt/encoder.ts";
import type { Packet, Publish, TopicFilter } from "../../engines/mqtt/packet.ts";

/** A client that costs as little as it can, so that what is measured is the other side. MQTT 3.1.1. */
export class MqttSocket {
  readonly #socket: WebSocket;
  readonly #decoder = new Decoder({ role: "client", maximumPacketSize: 2 ** 28, protocolLevel: 4 });
  #onPacket: (packet: Packet) => void = () => {};
  onPublish: (packet: Publish) => void = () => {};

  private constructor(url: string, headers: Record<string, string>) {
    this.#socket = new WebSocket(url, ["mqtt"], { headers, perMessageDeflate: false });
    this.#socket.on("message", (data: Buffer) => {
      const { packets, failure } = this.#decoder.push(data);
      if (failure !== undefined) throw new Error(failure.message);
      for (const packet of packets) {
        if (packet.type === "publish") this.onPublish(packet);
        else this.#onPacket(packet);
      }
    });
  }

  /** Connects by way (a): the token in the upgrade. */
  static async open(url: string, token: string, mqttClientId: string): Promise<MqttSocket> {
    const client = new MqttSocket(url, { authorization: `Bearer ${token}` });
    await new Promise<void>((resolve, reject) => {
      client.#socket.once("open", resolve);
      client.#socket.once("error", reject);
    });
    const connack = client.#answer("connack");
    client.send({ type: "connect", protocolLevel: 4, cleanStart: true, keepAliveSeconds: 0, mqttClientId });
    const { reasonCode } = await connack;
    if (reasonCode !== 0) throw new Error(`CONNACK ${reasonCode}`);
    return client;
  }

  send(packet: Packet): void {
    this.#socket.send(encode(packet, 4));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  async subscribe(topicFilter: string, qos: 0 | 1): Promise<void> {
    const suback = this.#answer("suback");
    const subscription = {
      topicFilter: topicFilter as TopicFilter, // written by the bench itself
      qos,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
    } as const;
    this.send({ type: "subscribe", packetId: 1, subscriptions: [subscription] });
    const { reasonCodes } = await suback;
    if ((reasonCodes[0] ?? 0x80) >= 0x80) throw new Error(`SUBACK ${reasonCodes[0]}`);
  }

  close(): void {
    this.#socket.terminate();
  }

  #answer<Type extends Packet["type"]>(type: Type): Promise<Extract<Packet, { type: Type }>> {
    return new Promise((resolve) => {
      this.#onPacket = (packet) => {
        if (packet.type === type) resolve(packet as Extract<Packet, { type: Type }>); // the type says so
      };
    });
  }
}
