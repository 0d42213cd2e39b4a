import type { MiddlewareHandler } from "hono";

/**
 * The headers of every page: nothing is loaded from elsewhere, nothing runs inline, nobody frames us, no URL
 * leaves in a Referer, nothing is kept in a cache.
 *
 * @param options.formTargets origins that a form's answer may redirect to (`form-action` covers redirects too).
 */
export function securityHeaders(options: { formTargets?: readonly string[] } = {}): MiddlewareHandler {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    `form-action ${["'self'", ...(options.formTargets ?? [])].join(" ")}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; ");
  return async (c, next) => {
    await next();
    if (c.res.status === 101) return;
    c.header("content-security-policy", policy);
    c.header("x-frame-options", "DENY");
    c.header("x-content-type-options", "nosniff");
    c.header("referrer-policy", "no-referrer");
    c.header("cross-origin-opener-policy", "same-origin");
    if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
  };
}
