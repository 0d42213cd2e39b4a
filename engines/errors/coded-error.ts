/**
 * The one error class. Callers switch on `code`, never on the message; each wire has one table that maps
 * codes to its own form (HTTP: `workers/http/problem.ts`, OAuth: `engines/oauth/oauth-error.ts`, MQTT:
 * `engines/mqtt/reason-code.ts`). Messages name the field and the rule and never hold a token, a payload or a
 * name of a person.
 */
export class CodedError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CodedError";
    this.code = code;
  }
}

/** Every code that leaves the product. Adding one means adding its row to each wire's table (the compiler asks). */
export type ErrorCode =
  | "BAD_REQUEST"
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "CONFLICT"
  | "TOO_LARGE"
  | "TOO_MANY_REQUESTS"
  | "UNAVAILABLE"
  | "INTERNAL"
  | "MALFORMED_PACKET"
  | "PROTOCOL_ERROR"
  | "UNSUPPORTED_PROTOCOL_VERSION"
  | "PACKET_TOO_LARGE";
