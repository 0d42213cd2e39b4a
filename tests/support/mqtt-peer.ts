import net from "node:net";
import { WebSocket } from "ws";
import { Decoder } from "../../engines/mqtt/decoder.ts";
import { encode } from "../../engines/mqtt/encoder.ts";
import type { Connect, Packet, ProtocolLevel } from "../../engines/mqtt/packet.ts";

/** How a peer reaches the gateway. */
export type Carrier =
  | {
      readonly url: string;
      readonly headers?: Record<string, string>;
      readonly subprotocols?: readonly string[];
    }
  | { readonly tcpPort: number };

/**
 * A bare MQTT client for tests that need to see each packet and the way a connection ends. What comes is kept until
 * it is asked for.
 */
export class MqttPeer {
  readonly #level: ProtocolLevel;
  readonly #decoder: Decoder;
  readonly #received: Packet[] = [];
  #wake: () => void = () => {};
  #send: (bytes: Uint8Array | string) => void = () => {};
  #close: () => void = () => {};
  /** How it ended: a WebSocket close code, or "end" of a TCP connection; `undefined` while it is open. */
  ended: number | "end" | undefined;

  private constructor(level: ProtocolLevel) {
    this.#level = level;
    this.#decoder = new Decoder({ role: "client", maximumPacketSize: 2 ** 28, protocolLevel: level });
  }

  /** @returns the open peer, or the HTTP status that refused the upgrade. */
  static open(carrier: Carrier, level: ProtocolLevel = 4): Promise<MqttPeer | number> {
    const peer = new MqttPeer(level);
    return "url" in carrier ? peer.#openWebSocket(carrier) : peer.#openTcp(carrier.tcpPort);
  }

  #openWebSocket({ url, headers = {}, subprotocols = ["mqtt"] }: Extract<Carrier, { url: string }>) {
    const socket = new WebSocket(url, [...subprotocols], { headers });
    this.#send = (bytes) => socket.send(bytes);
    this.#close = () => socket.terminate();
    socket.on("message", (data: Buffer) => this.#take(data));
    socket.on("close", (code) => this.#end(code));
    return new Promise<MqttPeer | number>((resolve, reject) => {
      socket.once("open", () => resolve(this));
      socket.once("unexpected-response", (request, response) => {
        resolve(response.statusCode ?? 0);
        request.destroy();
      });
      socket.on("error", reject);
    });
  }

  #openTcp(port: number) {
    const socket = net.connect(port, "127.0.0.1");
    this.#send = (bytes) => socket.write(bytes);
    this.#close = () => socket.destroy();
    socket.on("data", (data) => this.#take(data));
    socket.on("close", () => this.#end("end"));
    return new Promise<MqttPeer | number>((resolve, reject) => {
      socket.once("connect", () => resolve(this));
      socket.on("error", reject);
    });
  }

  #take(bytes: Uint8Array): void {
    const { packets, failure } = this.#decoder.push(bytes);
    if (failure !== undefined) throw new Error(`the server sent malformed bytes: ${failure.message}`);
    this.#received.push(...packets);
    this.#wake();
  }

  #end(how: number | "end"): void {
    this.ended = how;
    this.#wake();
  }

  send(packet: Packet): void {
    this.#send(encode(packet, this.#level));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#send(bytes);
  }

  /** What no MQTT client may do over a WebSocket. */
  sendText(text: string): void {
    this.#send(text);
  }

  /** Sends a CONNECT with the token as password, unless `changes` say otherwise. */
  connect(token: string | undefined, changes: Partial<Connect> = {}): void {
    this.send({
      type: "connect",
      protocolLevel: this.#level,
      cleanStart: true,
      keepAliveSeconds: 60,
      mqttClientId: `test-${Math.random().toString(36).slice(2)}`,
      ...(token === undefined ? {} : { userName: "Bearer", password: new TextEncoder().encode(token) }),
      ...changes,
    });
  }

  /** The next packet, or `undefined` once the connection has ended and nothing is left. */
  async next(): Promise<Packet | undefined> {
    for (;;) {
      const packet = this.#received.shift();
      if (packet !== undefined || this.ended !== undefined) return packet;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next packet of one type; those before it are dropped. @throws Error if the connection ends first. */
  async nextOf<Type extends Packet["type"]>(type: Type): Promise<Extract<Packet, { type: Type }>> {
    for (;;) {
      const packet = await this.next();
      if (packet === undefined) throw new Error(`the connection ended (${this.ended}) before a ${type} came`);
      if (packet.type === type) return packet as Extract<Packet, { type: Type }>; // the type says so
    }
  }

  /** Waits for the end. @returns how it came, and what had come before and was not read. */
  async end(): Promise<{ how: number | "end"; unread: readonly Packet[] }> {
    while (this.ended === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return { how: this.ended, unread: this.#received.splice(0) };
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.#close();
  }
}
