/**
 * Whether a redirect URI may be registered: https; http on a loopback literal or `localhost`; for a native app
 * also a private-use scheme with a dot in it (RFC 8252 §7.1). No fragment, no user name, no dot segments that a
 * parser would fold.
 */
export function isRegistrableRedirectUri(uri: string, applicationType: "web" | "native"): boolean {
  if (uri.length > 512 || !URL.canParse(uri) || /[\s\\#<>"]/.test(uri)) return false;
  const url = new URL(uri);
  if (url.username !== "" || url.password !== "" || /(^|[/])\.{1,2}([/?]|$)/.test(uri)) return false;
  if (url.protocol === "https:") return true;
  if (url.protocol === "http:") return isLoopback(url);
  return applicationType === "native" && /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/.test(url.protocol);
}

/**
 * Exact text comparison (RFC 9700 §2.1); only a native app's http loopback redirect may come with another port
 * (RFC 8252 §7.3).
 */
export function matchesRedirectUri(
  registered: readonly string[],
  presented: string,
  applicationType: "web" | "native",
): boolean {
  if (registered.includes(presented)) return true;
  if (applicationType !== "native" || !isRegistrableRedirectUri(presented, "native")) return false;
  const withoutPort = portless(presented);
  return withoutPort !== undefined && registered.some((uri) => portless(uri) === withoutPort);
}

function portless(uri: string): string | undefined {
  const url = new URL(uri);
  if (url.protocol !== "http:" || !isLoopback(url) || url.hostname === "localhost") return undefined;
  return uri.replace(/^(http:\/\/(?:127\.0\.0\.1|\[::1\])):\d{1,5}/, "$1");
}

function isLoopback(url: URL): boolean {
  return url.hostname === "127.0.0.1" || url.hostname === "[::1]" || url.hostname === "localhost";
}

/** How a redirect URI is shown and allowed as a place: origin of an http(s) one, else its scheme. */
export function originOf(uri: string): string {
  const url = new URL(uri);
  return url.protocol === "https:" || url.protocol === "http:" ? url.origin : url.protocol;
}
