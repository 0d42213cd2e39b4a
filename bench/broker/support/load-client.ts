import { encode } from "../../../engines/mqtt/encoder.ts";
import type { Packet, TopicFilter, TopicName } from "../../../engines/mqtt/packet.ts";
import { binaryFrame, FrameSocket } from "./frame-socket.ts";

export type QoS = 0 | 1 | 2;

/** Where and as whom a client connects. */
export interface Endpoint {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** `false` for the object that only forwards frames: no CONNECT, no SUBSCRIBE, everything arrives. */
  readonly isMqtt: boolean;
}

export interface ClientOptions {
  readonly mqttClientId: string;
  /** Default: a clean session. */
  readonly isKept?: boolean;
}

const packetType = {
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  suback: 9,
} as const;

/**
 * MQTT 3.1.1 over a `FrameSocket`, as cheap as it can be: no objects for packets on the hot path. Acknowledges by
 * itself what it receives.
 */
export class LoadClient {
  readonly socket: FrameSocket;
  readonly #isMqtt: boolean;
  #rest: Buffer = Buffer.alloc(0);
  /** Any other packet came: CONNACK, SUBACK, PINGRESP. */
  onAnswer: (packet: Buffer) => void = () => {};
  /** A message arrived: its payload, a view that is only good now. */
  onMessage: (payload: Buffer) => void = () => {};
  /** A QoS 1 or 2 message of ours is acknowledged in full. */
  onAcknowledged: (packetId: number) => void = () => {};

  private constructor(socket: FrameSocket, isMqtt: boolean) {
    this.socket = socket;
    this.#isMqtt = isMqtt;
    socket.onPayload = (payload) => this.#take(payload);
  }

  /** From nothing to an accepted CONNECT. */
  static async connect(endpoint: Endpoint, options: ClientOptions): Promise<LoadClient> {
    const socket = await FrameSocket.open(endpoint.url, endpoint.headers);
    const client = new LoadClient(socket, endpoint.isMqtt);
    if (!endpoint.isMqtt) return client;
    const { mqttClientId, isKept = false } = options;
    const connack = await client.#ask({
      type: "connect",
      protocolLevel: 4,
      cleanStart: !isKept,
      keepAliveSeconds: 0,
      mqttClientId,
    });
    if (connack[3] !== 0) throw new Error(`CONNACK ${connack[3]}`);
    return client;
  }

  async subscribe(topicFilter: string, qos: QoS): Promise<void> {
    if (!this.#isMqtt) return;
    const subscription = {
      topicFilter: topicFilter as TopicFilter, // written by a bench
      qos,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
    } as const;
    const suback = await this.#ask({ type: "subscribe", packetId: 1, subscriptions: [subscription] });
    if ((suback[4] ?? 0x80) >= 0x80) throw new Error(`SUBACK ${suback[4]}`);
  }

  /** Sends what `Template.fill` returned. */
  publish(frame: Uint8Array): boolean {
    return this.socket.write(frame);
  }

  send(packet: Packet): void {
    this.socket.write(binaryFrame(encode(packet, 4)));
  }

  close(): void {
    this.socket.close();
  }

  #ask(packet: Packet): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${packet.type}`)), 10_000);
      this.onAnswer = (answer) => {
        clearTimeout(timer);
        resolve(Buffer.from(answer));
      };
      this.send(packet);
    });
  }

  #take(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let offset = 0;
    for (;;) {
      let length = 0;
      let at = offset + 1;
      for (let shift = 0; ; shift += 7) {
        if (at >= bytes.length) {
          this.#keep(bytes, offset);
          return;
        }
        const byte = bytes[at++] ?? 0;
        length += (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      if (at + length > bytes.length) {
        this.#keep(bytes, offset);
        return;
      }
      this.#packet(bytes, offset, at, at + length);
      offset = at + length;
    }
  }

  #keep(bytes: Buffer, offset: number): void {
    this.#rest = offset >= bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(offset));
  }

  #packet(bytes: Buffer, start: number, body: number, end: number): void {
    const first = bytes[start] ?? 0;
    switch (first >> 4) {
      case packetType.publish: {
        const qos = (first >> 1) & 3;
        const behindTopic = body + 2 + bytes.readUInt16BE(body);
        if (qos > 0) this.#acknowledge(qos === 1 ? 0x40 : 0x50, bytes.readUInt16BE(behindTopic));
        this.onMessage(bytes.subarray(qos > 0 ? behindTopic + 2 : behindTopic, end));
        return;
      }
      case packetType.puback:
      case packetType.pubcomp:
        this.onAcknowledged(bytes.readUInt16BE(body));
        return;
      case packetType.pubrec:
        this.#acknowledge(0x62, bytes.readUInt16BE(body));
        return;
      case packetType.pubrel:
        this.#acknowledge(0x70, bytes.readUInt16BE(body));
        return;
      default:
        this.onAnswer(bytes.subarray(start, end));
    }
  }

  #acknowledge(first: number, packetId: number): void {
    if (!this.#isMqtt) return;
    this.socket.write(Uint8Array.of(0x82, 0x84, 0, 0, 0, 0, first, 2, packetId >> 8, packetId & 0xff));
  }
}

/** Bytes of payload in every bench unless it says otherwise; the sequence number is its first four. */
export const payloadBytes = 64;

/** One PUBLISH in its WebSocket frame, of which only the sequence number and packet identifier change. */
export class Template {
  readonly #frame: Buffer;
  readonly #qos: QoS;
  readonly #payloadAt: number;

  constructor(topicName: string, qos: QoS, { bytes = payloadBytes, isRetained = false } = {}) {
    const packet = encode(
      {
        type: "publish",
        topicName: topicName as TopicName, // written by a bench
        payload: new Uint8Array(bytes),
        qos,
        retain: isRetained,
        dup: false,
        ...(qos > 0 && { packetId: 1 }),
      },
      4,
    );
    this.#frame = binaryFrame(packet);
    this.#qos = qos;
    this.#payloadAt = this.#frame.length - bytes;
  }

  /** @returns a copy, for the socket may keep it for a while. */
  fill(sequence: number, packetId = 1): Buffer {
    const frame = Buffer.from(this.#frame);
    frame.writeUInt32BE(sequence, this.#payloadAt);
    if (this.#qos > 0) frame.writeUInt16BE(packetId, this.#payloadAt - 2);
    return frame;
  }
}

export function sequenceOf(payload: Buffer): number {
  return payload.readUInt32BE(0);
}
