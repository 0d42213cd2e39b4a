import { encode } from "../../../engines/mqtt/encoder.ts";
import type { Packet } from "../../../engines/mqtt/packet.ts";
import { MqttPeer } from "../../support/mqtt-peer.ts";

export interface SoakClientOptions {
  readonly url: string;
  readonly token: string;
  readonly mqttClientId: string;
  /** Before each packet leaves: where an eviction may be put. @returns whether the packet is cut in two there. */
  readonly beforeSend?: () => Promise<"whole" | "in two">;
}

/**
 * One client that keeps its session over everything that happens to the server: it comes back by itself, with the
 * session that it had, and never subscribes again. What it sees go wrong is a violation.
 */
export abstract class SoakClient {
  readonly violations: string[] = [];
  readonly #options: SoakClientOptions;
  #peer: MqttPeer | undefined;
  #hadSession = false;
  #sending: Promise<void> = Promise.resolve();
  #running: Promise<void> | undefined;
  isStopped = false;
  /** CONNACKs so far. */
  connections = 0;

  constructor(options: SoakClientOptions) {
    this.#options = options;
  }

  /** Connects, and from now on comes back after each end. Resolves when it is connected for the first time. */
  start(): Promise<void> {
    const first = Promise.withResolvers<void>();
    this.#running = this.#run(first);
    return first.promise;
  }

  /** Cuts the connection; it comes back. */
  cut(): void {
    this.#peer?.cut();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.#peer?.cut();
    await this.#running;
  }

  /** Sends in order, on the connection that there is when its turn comes, and not if that is gone. */
  protected send(packet: Packet): void {
    const peer = this.#peer;
    this.#sending = this.#sending.then(async () => {
      const manner = (await this.#options.beforeSend?.()) ?? "whole";
      if (peer === undefined || peer.ended !== undefined) return;
      const bytes = encode(packet, 5);
      if (manner === "whole" || bytes.length < 3) {
        peer.sendBytes(bytes);
        return;
      }
      const middle = 1 + (bytes.length >> 1);
      peer.sendBytes(bytes.subarray(0, middle));
      await this.#options.beforeSend?.();
      if (peer.ended === undefined) peer.sendBytes(bytes.subarray(middle));
    });
  }

  /** The session is there again; `isNew` the first time. */
  protected abstract connected(isNew: boolean): void;
  protected abstract received(packet: Packet): void;

  protected violated(what: string): void {
    this.violations.push(`${this.#options.mqttClientId}: ${what}`);
  }

  async #run(first: PromiseWithResolvers<void>): Promise<void> {
    while (!this.isStopped) {
      try {
        await this.#oneConnection(first);
      } catch {
        // The server is not there (again); MqttPeer says so by an error.
      }
      if (!this.isStopped) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #oneConnection(first: PromiseWithResolvers<void>): Promise<void> {
    const { url, token, mqttClientId } = this.#options;
    const peer = await MqttPeer.open({ url, headers: { authorization: `Bearer ${token}` } }, 5);
    if (typeof peer === "number") return;
    this.#peer = peer;
    peer.connect(undefined, {
      mqttClientId,
      cleanStart: false,
      keepAliveSeconds: 0,
      properties: { sessionExpiryInterval: 3600 },
    });
    for (let packet = await peer.next(); packet !== undefined; packet = await peer.next()) {
      if (packet.type !== "connack") {
        this.received(packet);
        continue;
      }
      if (packet.reasonCode !== 0) this.violated(`CONNACK 0x${packet.reasonCode.toString(16)}`);
      // The first CONNACK may have been lost in a crash, and the session be there nevertheless.
      if (this.#hadSession && !packet.sessionPresent) this.violated("the session is gone");
      const isNew = !packet.sessionPresent;
      this.#hadSession = true;
      this.connections += 1;
      this.connected(isNew);
      first.resolve();
    }
  }
}
