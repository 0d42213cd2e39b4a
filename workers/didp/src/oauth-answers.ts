import type { ContentfulStatusCode } from "hono/utils/http-status";
import { asOAuthError } from "../../../engines/oauth/oauth-error.ts";
import type { DidpContext } from "./didp-app.ts";

const headers = { "cache-control": "no-store", pragma: "no-cache" };

/** A JSON answer that nothing on the way may keep (RFC 6749 §5.1). */
export function oauthAnswer(c: DidpContext, body: object, status: ContentfulStatusCode = 200): Response {
  return c.json(body, status, headers);
}

/** RFC 6749 §5.2, RFC 6750 §3. */
export function oauthErrorAnswer(c: DidpContext, thrown: unknown): Response {
  const error = asOAuthError(thrown);
  if (error.retryAfterSeconds !== undefined) c.header("retry-after", String(error.retryAfterSeconds));
  if (error.error === "invalid_token") c.header("www-authenticate", 'Bearer error="invalid_token"');
  // RFC 6749 §5.2: to whoever tried by that header. Clients that did not would take the challenge for the error.
  if (error.error === "invalid_client" && /^basic /i.test(c.req.header("authorization") ?? "")) {
    c.header("www-authenticate", 'Basic realm="edgenym", charset="UTF-8"');
  }
  // RFC 6749 §5.2, RFC 8628 §3.5: at the token endpoint a person's no is a 400 like every other; it is a 403 where
  // somebody may not do what they ask for.
  const status = error.error === "access_denied" && c.req.path === "/token" ? 400 : error.status;
  return oauthAnswer(c, { error: error.error, error_description: error.message }, status);
}
