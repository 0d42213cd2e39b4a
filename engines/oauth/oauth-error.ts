import { CodedError, type ErrorCode } from "../errors/coded-error.ts";

/** Every error that an OAuth endpoint answers (RFC 6749 §5.2, 6750, 7591, 8628, 8707, 9396, 9449; IDENTITY.md §2). */
const statusOfError = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  unsupported_response_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  invalid_authorization_details: 400,
  access_denied: 403,
  login_required: 400,
  consent_required: 400,
  request_not_supported: 400,
  request_uri_not_supported: 400,
  invalid_request_uri: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  invalid_redirect_uri: 400,
  invalid_client_metadata: 400,
  invalid_software_statement: 400,
  already_registered: 409,
  authorization_pending: 400,
  slow_down: 400,
  expired_token: 400,
  invalid_dpop_proof: 400,
  use_dpop_nonce: 400,
  too_many_requests: 429,
  temporarily_unavailable: 503,
  server_error: 500,
} as const;

export type OAuthErrorCode = keyof typeof statusOfError;

const codeOfStatus: Record<(typeof statusOfError)[OAuthErrorCode], ErrorCode> = {
  400: "BAD_REQUEST",
  401: "UNAUTHENTICATED",
  403: "FORBIDDEN",
  409: "CONFLICT",
  429: "TOO_MANY_REQUESTS",
  500: "INTERNAL",
  503: "UNAVAILABLE",
};

/** An answer of an OAuth endpoint: `error` for programs, the message for the developer who reads it. */
export class OAuthError extends CodedError {
  readonly error: OAuthErrorCode;
  /** For 429 and 503. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    error: OAuthErrorCode,
    message: string,
    options?: ErrorOptions & { retryAfterSeconds?: number },
  ) {
    super(codeOfStatus[statusOfError[error]], message, options);
    this.name = "OAuthError";
    this.error = error;
    this.retryAfterSeconds = options?.retryAfterSeconds;
  }

  get status(): (typeof statusOfError)[OAuthErrorCode] {
    return statusOfError[this.error];
  }
}

const oauthOf: Record<ErrorCode, OAuthErrorCode> = {
  BAD_REQUEST: "invalid_request",
  UNAUTHENTICATED: "invalid_token",
  FORBIDDEN: "access_denied",
  NOT_FOUND: "invalid_request",
  CONFLICT: "invalid_request",
  TOO_LARGE: "invalid_request",
  TOO_MANY_REQUESTS: "too_many_requests",
  UNAVAILABLE: "temporarily_unavailable",
  INTERNAL: "server_error",
  MALFORMED_PACKET: "invalid_request",
  PROTOCOL_ERROR: "invalid_request",
  UNSUPPORTED_PROTOCOL_VERSION: "invalid_request",
  PACKET_TOO_LARGE: "invalid_request",
};

/** Any error as an OAuth one; what is not ours says nothing of itself. */
export function asOAuthError(error: unknown): OAuthError {
  if (error instanceof OAuthError) return error;
  if (error instanceof CodedError)
    return new OAuthError(oauthOf[error.code], error.message, { cause: error });
  return new OAuthError("server_error", "Something went wrong here.", { cause: error });
}
