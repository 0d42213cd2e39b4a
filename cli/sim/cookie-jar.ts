interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly expiresAtMs: number;
}

/**
 * The cookies of one headless browser. As in a real one they belong to a host, whatever its port, and end with the
 * program unless they say otherwise (RFC 6265 §5). `Domain` is ignored: every cookie stays with the host that set it.
 */
export class CookieJar {
  readonly #now: () => number;
  readonly #byHost = new Map<string, readonly Cookie[]>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Takes in every `Set-Cookie` of an answer. */
  store(url: URL, headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const cookie = parseSetCookie(line, url, this.#now());
      if (cookie === undefined) continue;
      const others = (this.#byHost.get(url.hostname) ?? []).filter(
        ({ name, path }) => name !== cookie.name || path !== cookie.path,
      );
      this.#byHost.set(url.hostname, cookie.expiresAtMs > this.#now() ? [...others, cookie] : others);
    }
  }

  /** @returns the `Cookie` header for a request, longest path first; `undefined` when there is nothing to send. */
  header(url: URL): string | undefined {
    const cookies = (this.#byHost.get(url.hostname) ?? [])
      .filter(({ path, expiresAtMs }) => expiresAtMs > this.#now() && pathMatches(url.pathname, path))
      .sort((a, b) => b.path.length - a.path.length);
    return cookies.length === 0 ? undefined : cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  }
}

function parseSetCookie(line: string, url: URL, nowMs: number): Cookie | undefined {
  const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
  const equals = pair.indexOf("=");
  if (equals <= 0) return undefined;
  let path = url.pathname.replace(/\/[^/]*$/, "") || "/";
  let expiresAtMs = Number.POSITIVE_INFINITY;
  let hasMaxAge = false;
  for (const attribute of attributes) {
    const [key = "", value = ""] = attribute.split(/=(.*)/s);
    if (/^path$/i.test(key) && value.startsWith("/")) path = value;
    if (/^max-age$/i.test(key)) {
      hasMaxAge = true;
      expiresAtMs = nowMs + Number(value) * 1000;
    }
    if (/^expires$/i.test(key) && !hasMaxAge) expiresAtMs = Date.parse(value);
  }
  return { name: pair.slice(0, equals), value: pair.slice(equals + 1), path, expiresAtMs };
}

function pathMatches(requestPath: string, cookiePath: string): boolean {
  if (!requestPath.startsWith(cookiePath)) return false;
  return (
    cookiePath.endsWith("/") ||
    requestPath.length === cookiePath.length ||
    requestPath[cookiePath.length] === "/"
  );
}
