import { malformed } from "./mqtt-error.ts";
import { allocate } from "./slab.ts";
import { utf8Length, writeUtf8 } from "./utf8.ts";
import { variableByteIntegerLength, writeVariableByteInteger } from "./variable-byte-integer.ts";

/**
 * Bytes in the making. The buffer grows and is reused; `take` copies out what has been written.
 * Several packets written one after the other leave as one frame.
 */
export class PacketWriter {
  #buffer: Uint8Array;
  #offset = 0;

  constructor(capacity = 512) {
    this.#buffer = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#offset;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#offset++] = value;
  }

  uint16(value: number): void {
    this.#reserve(2);
    this.#buffer[this.#offset++] = value >>> 8;
    this.#buffer[this.#offset++] = value;
  }

  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value);
  }

  variableByteInteger(value: number): void {
    this.#reserve(4);
    this.#offset = writeVariableByteInteger(value, this.#buffer, this.#offset);
  }

  /** @throws CodedError `MALFORMED_PACKET` on a lone surrogate, on NUL, or above 65,535 bytes. */
  string(text: string): void {
    const length = utf8Length(text);
    this.uint16(length);
    this.#reserve(length);
    this.#offset = writeUtf8(text, length, this.#buffer, this.#offset);
  }

  /** @throws CodedError `MALFORMED_PACKET` above 65,535 bytes. */
  binary(bytes: Uint8Array): void {
    if (bytes.length > 0xffff) throw malformed("binary field: longer than 65,535 bytes");
    this.uint16(bytes.length);
    this.raw(bytes);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }

  /**
   * Runs `body` and puts the length of what it wrote in front, as a variable byte integer. One byte is set
   * aside for the length; the rare longer body moves by one to three.
   */
  withLength(body: () => void): void {
    this.#reserve(4);
    const lengthAt = this.#offset;
    this.#offset = lengthAt + 1;
    body();
    const length = this.#offset - lengthAt - 1;
    const shift = variableByteIntegerLength(length) - 1;
    if (shift > 0) {
      this.#reserve(shift);
      this.#buffer.copyWithin(lengthAt + 1 + shift, lengthAt + 1, this.#offset);
      this.#offset += shift;
    }
    writeVariableByteInteger(length, this.#buffer, lengthAt);
  }

  /** Forgets what was written behind `length`. */
  truncate(length: number): void {
    this.#offset = length;
  }

  /** @returns a copy of everything written since the last `take`; it may be a view into a larger buffer. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = allocate(this.#offset);
    bytes.set(this.#buffer.subarray(0, this.#offset));
    this.#offset = 0;
    return bytes;
  }

  #reserve(length: number): void {
    const needed = this.#offset + length;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#offset));
    this.#buffer = larger;
  }
}
