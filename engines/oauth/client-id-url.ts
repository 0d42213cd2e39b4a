import { isPublicUrl } from "../net/public-url.ts";

/**
 * Whether a client id is a URL whose document this server may fetch (OAuth Client ID Metadata Document §3): a public
 * URL with a path and without a query.
 * @param options.allowLoopback lets `http://127.0.0.1:port/…` through, for development on one's own machine
 */
export function isFetchableClientId(text: string, options: { allowLoopback: boolean }): boolean {
  if (!isPublicUrl(text, options)) return false;
  const { search, pathname } = new URL(text);
  return search === "" && pathname !== "/";
}

export function isClientIdUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}
