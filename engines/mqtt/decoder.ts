import type { ErrorCode } from "../errors/coded-error.ts";
import { decodeConnect, readRequestedLevel, unsupportedLevel } from "./connect-decoder.ts";
import { MqttError, malformed, protocolError } from "./mqtt-error.ts";
import type { Packet, ProtocolLevel, ReasonCode } from "./packet.ts";
import { type Context, decodeBody } from "./packet-decoder.ts";
import { PacketReader } from "./packet-reader.ts";
import type { Sender } from "./reason-code.ts";
import { TopicNames } from "./topic-names.ts";
import {
  decodeVariableByteInteger,
  packedLength,
  packedValue,
  variableByteIntegerLength,
} from "./variable-byte-integer.ts";

export interface DecoderOptions {
  /** Who decodes: a server takes what clients send, a client what servers send. */
  readonly role: Sender;
  /** In bytes, the fixed header included, as Maximum Packet Size counts (MQTT 5.0 §3.1.2.11.4). */
  readonly maximumPacketSize: number;
  /** The same for the CONNECT alone, which arrives before anybody is known. Default: `maximumPacketSize`. */
  readonly maximumConnectSize?: number;
  /** A client knows its level. A server learns it from CONNECT, and gives it here to restore a connection. */
  readonly protocolLevel?: ProtocolLevel;
  /** What `pending` returned before the connection went to sleep. */
  readonly pending?: Uint8Array;
  /** A table to share between the connections of one user. Default: a small one of its own. */
  readonly topicNames?: TopicNames;
}

/** Why a stream cannot go on. Nothing after it is decoded. */
export interface DecodeFailure {
  readonly code: ErrorCode;
  /** For a DISCONNECT, or for a CONNACK if no CONNECT was decoded yet (MQTT 5.0 §4.13). */
  readonly reasonCode: ReasonCode;
  /** Names the field and the rule, never a value. */
  readonly message: string;
  /** The level to answer in; `undefined` if no answer is due, or the peer's level is not known: then just close. */
  readonly protocolLevel: ProtocolLevel | undefined;
}

export interface Decoded {
  /** Whole packets, in order; those before a failure are here too. */
  readonly packets: readonly Packet[];
  readonly failure?: DecodeFailure;
}

const nothing = new Uint8Array(0);

/**
 * Turns a byte stream into packets, however the bytes are cut. Never throws on input: bytes that break a rule
 * give a `failure`. The first byte and the remaining length are judged as soon as they are there, so an
 * announced giant costs nothing.
 *
 * Payloads, passwords and other binary fields are views into the bytes given to `push` (or into a buffer of the
 * decoder's that it does not touch again, for a packet that came in parts).
 *
 * @see MQTT 5.0 §2, §4.2, §4.13; MQTT 3.1.1 §2, §4.8
 */
export class Decoder {
  readonly #sender: Sender;
  readonly #maximumPacketSize: number;
  readonly #maximumConnectSize: number;
  readonly #topicNames: TopicNames;
  #protocolLevel: ProtocolLevel | undefined;
  /** The level to refuse a CONNECT in, once it has named one. */
  #answerLevel: ProtocolLevel | undefined;
  /** A started packet, the bytes of it that are here, and its whole length once that is known. */
  #partial: Uint8Array = nothing;
  #partialLength = 0;
  #failure: DecodeFailure | undefined;
  #context: Context | undefined;

  constructor(options: DecoderOptions) {
    this.#sender = options.role === "server" ? "client" : "server";
    this.#maximumPacketSize = options.maximumPacketSize;
    this.#maximumConnectSize = options.maximumConnectSize ?? options.maximumPacketSize;
    this.#protocolLevel = options.protocolLevel;
    this.#topicNames = options.topicNames ?? new TopicNames();
    if (options.pending !== undefined && options.pending.length > 0) {
      this.#partial = options.pending.slice();
      this.#partialLength = options.pending.length;
    }
  }

  /** `undefined` on a server until CONNECT has been decoded. */
  get protocolLevel(): ProtocolLevel | undefined {
    return this.#protocolLevel;
  }

  /** The bytes of a packet that is not complete yet, as a copy: store them, and restore with the option `pending`. */
  get pending(): Uint8Array {
    return this.#partial.slice(0, this.#partialLength);
  }

  /** How many bytes `pending` would return. */
  get pendingBytes(): number {
    return this.#partialLength;
  }

  /** Takes the next bytes of the stream: part of a packet, one, or many. */
  push(bytes: Uint8Array): Decoded {
    const packets: Packet[] = [];
    if (this.#failure === undefined) {
      try {
        this.#decode(bytes, packets);
      } catch (error) {
        this.#failure = this.#failureOf(error);
      }
    }
    return this.#failure === undefined ? { packets } : { packets, failure: this.#failure };
  }

  #decode(bytes: Uint8Array, packets: Packet[]): void {
    let offset = this.#partialLength === 0 ? 0 : this.#completePartial(bytes, packets);
    while (offset < bytes.length) {
      const end = this.#packetEnd(bytes, offset, bytes.length);
      if (end === undefined || end > bytes.length) {
        this.#keep(bytes, offset, end === undefined ? undefined : end - offset);
        return;
      }
      packets.push(this.#decodePacket(bytes, offset, end));
      offset = end;
    }
  }

  /**
   * Adds to the started packet only what it lacks, so that the rest of `bytes` is decoded in place.
   *
   * @returns the offset in `bytes` behind what was taken.
   */
  #completePartial(bytes: Uint8Array, packets: Packet[]): number {
    let offset = 0;
    for (;;) {
      const length = this.#packetEnd(this.#partial, 0, this.#partialLength);
      // With the header incomplete the next byte is all that may be taken: the one after may be the next packet.
      const lacking = length === undefined ? 1 : length - this.#partialLength;
      if (lacking === 0) {
        const packet = this.#partial;
        const end = this.#partialLength;
        this.#partial = nothing;
        this.#partialLength = 0;
        packets.push(this.#decodePacket(packet, 0, end));
        return offset;
      }
      if (offset === bytes.length) return offset;
      const taken = Math.min(lacking, bytes.length - offset);
      this.#append(bytes.subarray(offset, offset + taken), length);
      offset += taken;
    }
  }

  /** Copies the start of a packet that goes on in the next bytes. */
  #keep(bytes: Uint8Array, offset: number, length: number | undefined): void {
    this.#append(bytes.subarray(offset), length);
  }

  /** Doubles as it goes, up to the packet's length: what is announced is not reserved until it comes. */
  #append(bytes: Uint8Array, length: number | undefined): void {
    const needed = this.#partialLength + bytes.length;
    if (needed > this.#partial.length) {
      const capacity = Math.min(Math.max(needed, this.#partial.length * 2, 64), length ?? 64);
      const larger = new Uint8Array(Math.max(needed, capacity));
      larger.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = larger;
    }
    this.#partial.set(bytes, this.#partialLength);
    this.#partialLength = needed;
  }

  /**
   * Judges a fixed header as far as it is there.
   *
   * @returns where the packet ends (maybe beyond `available`), or `undefined` if the header itself is incomplete.
   */
  #packetEnd(bytes: Uint8Array, offset: number, available: number): number | undefined {
    const firstByte = bytes[offset] ?? 0;
    this.#checkFirstByte(firstByte);
    const packed = decodeVariableByteInteger(bytes, offset + 1, available);
    if (packed === undefined) return undefined;
    const remainingLength = packedValue(packed);
    const headerLength = 1 + packedLength(packed);
    // [MQTT-1.5.5-1] 5.0 wants the shortest form; 3.1.1 does not ask for it
    if (this.#protocolLevel === 5 && headerLength > 1 + variableByteIntegerLength(remainingLength)) {
      throw malformed("remaining length: longer than needed");
    }
    const maximum = this.#isBeforeConnect ? this.#maximumConnectSize : this.#maximumPacketSize;
    if (headerLength + remainingLength > maximum) {
      throw new MqttError("PACKET_TOO_LARGE", "remaining length: above the maximum packet size");
    }
    this.#checkRemainingLength(firstByte, remainingLength);
    return offset + headerLength + remainingLength;
  }

  get #isBeforeConnect(): boolean {
    return this.#protocolLevel === undefined;
  }

  /** Whether such a packet may come at all, from this side, at this point, with these flags. */
  #checkFirstByte(firstByte: number): void {
    const type = firstByte >> 4;
    const level = this.#protocolLevel;
    // [MQTT-3.1.0-1] [MQTT-3.1.1:3.1.0-1] a client's first packet is CONNECT
    if (level === undefined && type !== 1) throw protocolError("the first packet is not CONNECT");
    // [MQTT-3.1.0-2] [MQTT-3.1.1:3.1.0-2] and no other is
    if (level !== undefined && type === 1) throw protocolError("a second CONNECT");
    const senders = senderOf[type];
    if (senders === undefined || (type === 15 && level !== 5))
      throw protocolError("fixed header: no such packet type");
    if (senders !== "both" && senders !== this.#sender)
      throw protocolError("a packet that only the other side sends");
    checkFlags(type, firstByte & 0x0f, level);
  }

  /** Packets whose length is fixed are judged before their bytes are collected. */
  #checkRemainingLength(firstByte: number, remainingLength: number): void {
    const type = firstByte >> 4;
    const isPing = type === 12 || type === 13;
    const isShort = this.#protocolLevel !== 5 && !this.#isBeforeConnect;
    if (isPing && remainingLength !== 0) throw malformed("PINGREQ, PINGRESP: a body");
    if (!isShort) return;
    if (type === 14 && remainingLength !== 0) throw malformed("DISCONNECT: a body");
    const isAcknowledgement = (type >= 4 && type <= 7) || type === 11 || type === 2;
    if (isAcknowledgement && remainingLength !== 2) throw malformed("remaining length: not 2");
  }

  #decodePacket(bytes: Uint8Array, offset: number, end: number): Packet {
    const firstByte = bytes[offset] ?? 0;
    let bodyOffset = offset + 2;
    while ((bytes[bodyOffset - 1] ?? 0) >= 0x80) bodyOffset++;
    const reader = new PacketReader(bytes, bodyOffset, end);
    if (firstByte >> 4 === 1) return this.#decodeConnect(firstByte, reader, bodyOffset - offset - 1);
    // #checkFirstByte lets nothing but CONNECT pass while the level is unknown
    this.#context ??= {
      sender: this.#sender,
      protocolLevel: this.#protocolLevel ?? 5,
      topicNames: this.#topicNames,
    };
    return decodeBody(firstByte, reader, this.#context);
  }

  #decodeConnect(firstByte: number, reader: PacketReader, lengthBytes: number): Packet {
    const remainingLength = reader.remaining;
    const { protocolLevel, answerLevel } = readRequestedLevel(reader);
    this.#answerLevel = answerLevel;
    if (protocolLevel === undefined) throw unsupportedLevel();
    // [MQTT-2.1.3-1] [MQTT-3.1.1:2.2.2-1] reserved flags are 0; 3.1 leaves them unused
    if ((firstByte & 0x0f) !== 0 && protocolLevel !== 3) throw malformed("fixed header: reserved flags");
    if (protocolLevel === 5 && lengthBytes > variableByteIntegerLength(remainingLength)) {
      throw malformed("remaining length: longer than needed");
    }
    const packet = decodeConnect(reader, protocolLevel);
    this.#protocolLevel = protocolLevel;
    return packet;
  }

  /** [MQTT-3.1.1:3.1.4-1] Below 5.0 a CONNACK answers a CONNECT of an unknown level, not a malformed one. */
  #levelToRefuseIn(code: ErrorCode): ProtocolLevel | undefined {
    const isAnswered = this.#answerLevel === 5 || code === "UNSUPPORTED_PROTOCOL_VERSION";
    return isAnswered ? this.#answerLevel : undefined;
  }

  #failureOf(error: unknown): DecodeFailure {
    // Anything else is a bug of ours and must not pass for the peer's
    if (!(error instanceof MqttError)) throw error;
    this.#partial = nothing;
    this.#partialLength = 0;
    return {
      code: error.code,
      reasonCode: error.reasonCode,
      message: error.message,
      protocolLevel: this.#protocolLevel ?? this.#levelToRefuseIn(error.code),
    };
  }
}

/** Who sends a packet, by type (MQTT 5.0 §2.1.2). */
// biome-ignore format: a table by index
const senderOf: readonly (Sender | "both" | undefined)[] = [
  undefined, "client", "server", "both", "both", "both", "both", "both", "client", "server", "client", "server",
  "client", "server", "both", "both",
];

/** §2.1.3: the lower four bits of the first byte. */
function checkFlags(type: number, flags: number, level: ProtocolLevel | undefined): void {
  if (type === 3) {
    const qos = (flags >> 1) & 3;
    // [MQTT-3.3.1-4] [MQTT-3.1.1:3.3.1-4] not both QoS bits
    if (qos === 3) throw malformed("PUBLISH: QoS 3");
    // [MQTT-3.3.1-2] [MQTT-3.1.1:3.3.1-2] no DUP at QoS 0
    if (qos === 0 && (flags & 8) !== 0) throw malformed("PUBLISH: DUP at QoS 0");
    return;
  }
  // A CONNECT's flags wait for the level, which may be 3
  if (type === 1) return;
  const isRequest = type === 6 || type === 8 || type === 10;
  // 3.1 has a DUP bit in PUBREL, SUBSCRIBE and UNSUBSCRIBE, and leaves the others unused (MQTT 3.1 §2.1)
  if (level === 3) return;
  // [MQTT-2.1.3-1] [MQTT-3.1.1:2.2.2-1] [MQTT-3.1.1:2.2.2-2] reserved flags have the value of the table
  // [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1]
  // [MQTT-3.1.1:3.6.1-1] [MQTT-3.1.1:3.8.1-1] [MQTT-3.1.1:3.10.1-1] [MQTT-3.1.1:3.14.1-1]
  if (flags !== (isRequest ? 2 : 0)) throw malformed("fixed header: reserved flags");
}
