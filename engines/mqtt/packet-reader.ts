import { malformed } from "./mqtt-error.ts";
import { decodeUtf8 } from "./utf8.ts";
import {
  decodeVariableByteInteger,
  packedLength,
  packedValue,
  variableByteIntegerLength,
} from "./variable-byte-integer.ts";

/**
 * A cursor over one packet's bytes. Every read stays inside `end` and throws CodedError `MALFORMED_PACKET`
 * otherwise. Binary reads are views.
 *
 * @see MQTT 5.0 §1.5
 */
export class PacketReader {
  readonly bytes: Uint8Array;
  offset: number;
  end: number;

  constructor(bytes: Uint8Array, offset: number, end: number) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  byte(): number {
    if (this.offset >= this.end) throw truncated();
    return this.bytes[this.offset++] ?? 0;
  }

  uint16(): number {
    return this.byte() * 256 + this.byte();
  }

  uint32(): number {
    return this.uint16() * 65_536 + this.uint16();
  }

  variableByteInteger(): number {
    const packed = decodeVariableByteInteger(this.bytes, this.offset, this.end);
    if (packed === undefined) throw truncated();
    const value = packedValue(packed);
    // [MQTT-1.5.5-1] the minimum number of bytes
    if (packedLength(packed) !== variableByteIntegerLength(value)) {
      throw malformed("variable byte integer: longer than needed");
    }
    this.offset += packedLength(packed);
    return value;
  }

  string(): string {
    const start = this.#take(this.uint16());
    return decodeUtf8(this.bytes, start, this.offset);
  }

  binary(): Uint8Array {
    const start = this.#take(this.uint16());
    return this.bytes.subarray(start, this.offset);
  }

  /** Everything up to `end`, as a view. */
  rest(): Uint8Array {
    const start = this.#take(this.remaining);
    return this.bytes.subarray(start, this.end);
  }

  /** Moves past `length` bytes and returns where they start. */
  #take(length: number): number {
    const start = this.offset;
    if (length > this.end - start) throw truncated();
    this.offset = start + length;
    return start;
  }
}

function truncated() {
  return malformed("packet: a field reaches beyond the remaining length");
}
