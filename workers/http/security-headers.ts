import type { Context, MiddlewareHandler } from "hono";

declare module "hono" {
  interface ContextVariableMap {
    /** Set by `allowFormTargets` for this answer only. */
    formTargets?: readonly string[];
  }
}

/**
 * The headers of every page: nothing is loaded from elsewhere, nothing runs inline, nobody frames us, no URL
 * leaves to another origin in a Referer, nothing is kept in a cache.
 *
 * @param options.formTargets origins that a form's answer may redirect to (`form-action` covers redirects too);
 *   a page that knows its own calls `allowFormTargets`.
 */
export function securityHeaders(options: { formTargets?: readonly string[] } = {}): MiddlewareHandler {
  return async (c, next) => {
    await next();
    if (c.res.status === 101) return;
    const targets = new Set(["'self'", ...(options.formTargets ?? []), ...(c.get("formTargets") ?? [])]);
    c.header(
      "content-security-policy",
      [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        `form-action ${[...targets].join(" ")}`,
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ].join("; "),
    );
    c.header("x-frame-options", "DENY");
    c.header("x-content-type-options", "nosniff");
    // Not `no-referrer`: under it browsers send `Origin: null` with our own forms, and the Origin check fails.
    c.header("referrer-policy", "same-origin");
    c.header("cross-origin-opener-policy", "same-origin");
    if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
  };
}

/**
 * Lets the forms of this one page end at these places: Chromium applies `form-action` to the redirects that
 * answer a form too, so a consent page has to name the app's redirect URI and nobody else's.
 *
 * @param uris absolute URIs; an http(s) one counts by its origin, any other by its scheme.
 */
export function allowFormTargets(c: Context, uris: readonly string[]): void {
  const targets = uris.flatMap((uri) => {
    if (!URL.canParse(uri)) return [];
    const url = new URL(uri);
    if (url.protocol !== "https:" && url.protocol !== "http:") return [url.protocol];
    // An IPv6 literal has no form in a CSP source; such a page falls back to the scheme.
    return [url.hostname.startsWith("[") ? url.protocol : url.origin];
  });
  c.set("formTargets", [...(c.get("formTargets") ?? []), ...targets]);
}
