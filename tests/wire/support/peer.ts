import { expect } from "vitest";
import { Decoder } from "../../../engines/mqtt/decoder.ts";
import { encode } from "../../../engines/mqtt/encoder.ts";
import type {
  Connack,
  Connect,
  Packet,
  Properties,
  ProtocolLevel,
  Publish,
} from "../../../engines/mqtt/packet.ts";
import { hex, type Part, packet, utf8 } from "./bytes.ts";
import type { Carrier, CarrierKind } from "./carrier.ts";

/** How long an answer may take before the case fails. Nothing waits for this when all is well. */
const patienceMs = 30_000;

/** A PUBLISH that is expected; the packet identifier is the server's choice. */
export interface ExpectedPublish {
  /** 0x30 and the flags for DUP, QoS and retain. */
  readonly firstByte: number;
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly properties?: Properties;
}

/** One end of one connection, seen as raw packets. */
export class Peer {
  readonly level: ProtocolLevel;
  readonly #packets: Uint8Array[] = [];
  #carrier: Carrier | undefined;
  #tail = new Uint8Array(0);
  #hasEnded = false;
  #wake: () => void = () => undefined;

  private constructor(level: ProtocolLevel) {
    this.level = level;
  }

  /** A connection on which nothing has been said. */
  static async dial(kind: CarrierKind, address: string, level: ProtocolLevel): Promise<Peer> {
    const peer = new Peer(level);
    peer.#carrier = await kind.open(address, {
      onBytes: (bytes) => peer.#take(bytes),
      onEnd: () => {
        peer.#hasEnded = true;
        peer.#wake();
      },
    });
    return peer;
  }

  /** Sends a packet: first byte, then the parts of its body; the remaining length is put in. */
  send(firstByte: number, ...parts: readonly Part[]): void {
    this.sendRaw(packet(firstByte, ...parts));
  }

  /** Sends bytes as they are, also what is no packet. */
  sendRaw(bytes: Uint8Array): void {
    this.#carrier?.send(bytes);
  }

  sendConnect(connect: Connect): void {
    this.sendRaw(encode(connect, connect.protocolLevel));
  }

  /** The next packet is exactly this one. */
  async receives(firstByte: number, ...parts: readonly Part[]): Promise<void> {
    expect(hex(await this.#next())).toBe(hex(packet(firstByte, ...parts)));
  }

  /** The next packets are exactly these, in any order. */
  async receivesInAnyOrder(...packets: readonly Uint8Array[]): Promise<void> {
    const seen: string[] = [];
    for (const _ of packets) seen.push(hex(await this.#next()));
    expect(seen.sort()).toEqual(packets.map(hex).sort());
  }

  /** The next packet, decoded. */
  async receivesPacket(): Promise<Packet> {
    const bytes = await this.#next();
    const { packets, failure } = new Decoder({
      role: "client",
      maximumPacketSize: 2 ** 28,
      protocolLevel: this.level,
    }).push(bytes);
    expect(failure, hex(bytes)).toBeUndefined();
    const [first] = packets;
    if (first === undefined) return expect.fail(`no packet in ${hex(bytes)}`);
    return first;
  }

  /** The next packet is this PUBLISH. @returns its packet identifier, 0 at QoS 0. */
  async receivesPublish(expected: ExpectedPublish): Promise<number> {
    const received = await this.receivesPacket();
    if (received.type !== "publish") return expect.fail(`a ${received.type} instead of a PUBLISH`);
    expect(firstByteOf(received).toString(16), "first byte").toBe(expected.firstByte.toString(16));
    expect(received.topicName).toBe(expected.topic);
    const payload = typeof expected.payload === "string" ? utf8(expected.payload) : expected.payload;
    expect(hex(received.payload)).toBe(hex(payload));
    expect(received.properties).toEqual(expected.properties);
    return received.packetId ?? 0;
  }

  /** Everything that comes before the answer to a PINGREQ. */
  async receivesUntilPing(): Promise<Packet[]> {
    this.send(0xc0); // PINGREQ
    const packets: Packet[] = [];
    for (;;) {
      const next = await this.receivesPacket();
      if (next.type === "pingresp") return packets;
      packets.push(next);
    }
  }

  /** The next packet is a PUBACK, PUBREC or PUBCOMP that accepts; 5.0 may say that nobody subscribes. */
  async isAcknowledged(type: "puback" | "pubrec" | "pubcomp", packetId: number): Promise<void> {
    const packet = await this.receivesPacket();
    if (packet.type !== type) return expect.fail(`a ${packet.type} instead of a ${type}`);
    expect(packet.packetId).toBe(packetId);
    expect([0x00, 0x10]).toContain(packet.reasonCode);
  }

  /** The next packet is a CONNACK that accepts. */
  async isAccepted(sessionPresent = false): Promise<Connack> {
    const connack = await this.receivesPacket();
    if (connack.type !== "connack") return expect.fail(`a ${connack.type} instead of a CONNACK`);
    expect(connack.reasonCode, "CONNACK").toBe(0);
    expect(connack.sessionPresent, "session present").toBe(sessionPresent);
    return connack;
  }

  /** A CONNACK that refuses with one of these codes, then the end; or, where it may be left out, the end alone. */
  async isRefused(codes: readonly number[], options: { readonly orJustClosed?: true } = {}): Promise<void> {
    if (options.orJustClosed && (await this.#hasEndedBefore())) return;
    const connack = await this.receivesPacket();
    if (connack.type !== "connack") return expect.fail(`a ${connack.type} instead of a CONNACK`);
    expect(codes).toContain(connack.reasonCode);
    expect(connack.sessionPresent).toBe(false);
    await this.ends();
  }

  /**
   * The server ends the connection: at 5.0 with a DISCONNECT that has one of these reason codes, below without a
   * word ([MQTT-3.14.0-1], [MQTT-3.1.1:4.8.0-1]).
   */
  async isDisconnected(...reasons: readonly number[]): Promise<void> {
    if (this.level === 5) {
      const disconnect = await this.receivesPacket();
      if (disconnect.type !== "disconnect")
        return expect.fail(`a ${disconnect.type} instead of a DISCONNECT`);
      expect(reasons).toContain(disconnect.reasonCode);
    }
    await this.ends();
  }

  /** The connection ends, and nothing comes before that. */
  async ends(): Promise<void> {
    if (await this.#hasEndedBefore()) return;
    expect.fail(`expected the end, received ${hex(await this.#next())}`);
  }

  /** The next packet, decoded, or `undefined` if the connection ends before. */
  async receivesPacketOrEnd(): Promise<Packet | undefined> {
    return (await this.#hasEndedBefore()) ? undefined : this.receivesPacket();
  }

  /** Nothing but the answer to a PINGREQ: what was sent before has been handled, and nothing else came. */
  async receivesNothing(): Promise<void> {
    this.send(0xc0); // PINGREQ
    await this.receives(0xd0); // PINGRESP
  }

  /** Ends the connection without a DISCONNECT. */
  cut(): void {
    this.#carrier?.cut();
  }

  /** DISCONNECT, then the end. */
  async leaves(): Promise<void> {
    this.send(0xe0);
    await this.ends();
  }

  #take(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#tail.length + bytes.length);
    all.set(this.#tail);
    all.set(bytes, this.#tail.length);
    let offset = 0;
    for (let length = packetLength(all, 0); length !== undefined; length = packetLength(all, offset)) {
      this.#packets.push(all.slice(offset, offset + length));
      offset += length;
    }
    this.#tail = all.slice(offset);
    this.#wake();
  }

  async #next(): Promise<Uint8Array> {
    await this.#until(() => this.#packets.length > 0 || this.#hasEnded);
    const next = this.#packets.shift();
    if (next === undefined) return expect.fail(this.#hasEnded ? "the connection ended" : "no answer");
    return next;
  }

  /** Whether the end comes before the next packet. */
  async #hasEndedBefore(): Promise<boolean> {
    await this.#until(() => this.#packets.length > 0 || this.#hasEnded);
    return this.#packets.length === 0 && this.#hasEnded;
  }

  async #until(isDone: () => boolean): Promise<void> {
    if (isDone()) return;
    await new Promise<void>((resolve) => {
      const patience = setTimeout(resolve, patienceMs);
      this.#wake = () => {
        if (!isDone()) return;
        clearTimeout(patience);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }
}

function firstByteOf({ dup, qos, retain }: Publish): number {
  return 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
}

/** The length of the packet at `offset`, or `undefined` if it is not whole. */
function packetLength(bytes: Uint8Array, offset: number): number | undefined {
  let remaining = 0;
  for (let i = 1; i <= 4; i++) {
    const byte = bytes[offset + i];
    if (byte === undefined) return undefined;
    remaining += (byte & 0x7f) * 128 ** (i - 1);
    if (byte < 0x80) {
      const length = 1 + i + remaining;
      return offset + length <= bytes.length ? length : undefined;
    }
  }
  return expect.fail(`a remaining length of more than four bytes in ${hex(bytes)}`);
}
