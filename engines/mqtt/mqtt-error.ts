import { CodedError, type ErrorCode } from "../errors/coded-error.ts";
import type { ReasonCode } from "./packet.ts";
import { reasonCode, reasonCodeOf } from "./reason-code.ts";

/**
 * A packet that cannot be accepted (or written). `reasonCode` is what MQTT 5.0 answers; the levels below close.
 *
 * @see MQTT 5.0 §4.13
 */
export class MqttError extends CodedError {
  readonly reasonCode: ReasonCode;

  constructor(code: ErrorCode, message: string, reason: ReasonCode = reasonCodeOf[code]) {
    super(code, message);
    this.name = "MqttError";
    this.reasonCode = reason;
  }
}

/** The bytes cannot be parsed according to the specification: 0x81 (MQTT 5.0 §1.2 "Malformed Packet"). */
export function malformed(message: string): MqttError {
  return new MqttError("MALFORMED_PACKET", message);
}

/** The bytes parse, but say something the protocol forbids: 0x82 (MQTT 5.0 §1.2 "Protocol Error"). */
export function protocolError(message: string, reason: ReasonCode = reasonCode.protocolError): MqttError {
  return new MqttError("PROTOCOL_ERROR", message, reason);
}
