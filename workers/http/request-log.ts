import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { CodedError } from "../../engines/errors/coded-error.ts";
import { type Log, newRequestId } from "../../engines/log/log.ts";

/**
 * Writes one line a request: the route's template, the status, how long it took. An unexpected error gets a
 * line of its own with the same request id, which the answer carries as `x-request-id`.
 */
export function requestLog(log: Log): MiddlewareHandler {
  return async (c, next) => {
    const requestId = newRequestId();
    const startedAtMs = Date.now();
    await next();
    if (c.error !== undefined && !(c.error instanceof CodedError)) {
      log.error("unexpected-error", { request_id: requestId, step: c.error.name.toLowerCase() });
    }
    if (c.res.status !== 101) c.header("x-request-id", requestId);
    log.info("request", {
      route: `${c.req.method} ${routePath(c, -1)}`,
      status: c.res.status,
      duration_ms: Date.now() - startedAtMs,
      request_id: requestId,
    });
  };
}
