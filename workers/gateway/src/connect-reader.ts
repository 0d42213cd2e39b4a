import { type DecodeFailure, Decoder } from "../../../engines/mqtt/decoder.ts";
import { encode } from "../../../engines/mqtt/encoder.ts";
import type { Connect, ProtocolLevel, ReasonCode } from "../../../engines/mqtt/packet.ts";
import { connackCode } from "../../../engines/mqtt/reason-code.ts";

/** Enough for a client id, a will and a token; nobody is known yet, so nobody gets more. */
const MAXIMUM_CONNECT_BYTES = 128 * 1024;

/** What the first bytes of a connection turned out to be. */
export type FirstPacket =
  | { readonly kind: "connect"; readonly connect: Connect; readonly received: readonly Uint8Array[] }
  | { readonly kind: "failure"; readonly failure: DecodeFailure };

/**
 * Collects the bytes of a connection until its CONNECT is whole, and keeps them as they came, with whatever came
 * behind it, for the personal cloud that turns out to be meant.
 */
export class ConnectReader {
  readonly #decoder = new Decoder({ role: "server", maximumPacketSize: MAXIMUM_CONNECT_BYTES });
  readonly #received: Uint8Array[] = [];

  /** @returns `undefined` while CONNECT is not complete. */
  push(bytes: Uint8Array): FirstPacket | undefined {
    this.#received.push(bytes);
    const { packets, failure } = this.#decoder.push(bytes);
    const [first] = packets;
    // A failure behind CONNECT is the personal cloud's to answer: it gets the same bytes.
    if (first?.type === "connect") return { kind: "connect", connect: first, received: this.#received };
    return failure === undefined ? undefined : { kind: "failure", failure };
  }
}

/** A CONNACK that refuses, in the client's own protocol level (MQTT 5.0 §3.2.2.2, MQTT 3.1.1 §3.2.2.3). */
export function refusal(reasonCode: ReasonCode, protocolLevel: ProtocolLevel): Uint8Array<ArrayBuffer> {
  return encode(
    { type: "connack", sessionPresent: false, reasonCode: connackCode(reasonCode, protocolLevel) },
    protocolLevel,
  );
}
