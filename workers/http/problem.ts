import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { CodedError, type ErrorCode } from "../../engines/errors/coded-error.ts";

/** What each error code is over HTTP. */
const statusOf: Record<ErrorCode, ContentfulStatusCode> = {
  BAD_REQUEST: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  TOO_LARGE: 413,
  TOO_MANY_REQUESTS: 429,
  UNAVAILABLE: 503,
  INTERNAL: 500,
  MALFORMED_PACKET: 400,
  PROTOCOL_ERROR: 400,
  UNSUPPORTED_PROTOCOL_VERSION: 400,
  PACKET_TOO_LARGE: 413,
};

/**
 * Answers `application/problem+json` (RFC 9457): `type` is `about:blank`, `title` the code's words, `code` the
 * stable code. An error that is not a `CodedError` says nothing of itself.
 */
export function problem(c: Context, error: unknown): Response {
  const coded =
    error instanceof CodedError ? error : new CodedError("INTERNAL", "Something went wrong here.");
  const status = statusOf[coded.code];
  return c.json(
    { type: "about:blank", title: titleOf(coded.code), status, code: coded.code, detail: coded.message },
    status,
    { "content-type": "application/problem+json", "cache-control": "no-store" },
  );
}

function titleOf(code: ErrorCode): string {
  const words = code.toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
