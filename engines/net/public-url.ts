/**
 * Whether a server of ours may send a request to this URL that somebody else chose (the guard against server-side
 * request forgery): https, a name and not an address, no port, user or fragment, and no name that only means something
 * inside a network. Whoever sends it also follows no redirect, and tells nobody what came back.
 * @param options.allowLoopback lets `http://127.0.0.1:port/…` through, for development on one's own machine
 */
export function isPublicUrl(text: string, options: { allowLoopback: boolean }): boolean {
  if (text.length > 512 || !URL.canParse(text)) return false;
  const url = new URL(text);
  // The parser folds what it forgives; only a URL that needs no folding counts.
  if (
    (url.href !== text && url.href !== `${text}/`) ||
    url.username !== "" ||
    url.password !== "" ||
    url.hash !== ""
  )
    return false;
  if (options.allowLoopback && url.protocol === "http:" && url.hostname === "127.0.0.1") return true;
  if (url.protocol !== "https:" || url.port !== "") return false;
  if (!/^[a-z0-9.-]+$/.test(url.hostname)) return false;
  const labels = url.hostname.split(".");
  const last = labels.at(-1) ?? "";
  // A public name has a dot and ends in letters; every address in digits, brackets or `0x…`.
  if (labels.length < 2 || !/^[a-z][a-z0-9-]*[a-z0-9]$/.test(last)) return false;
  return !INTERNAL.has(last) && !url.hostname.endsWith(".home.arpa");
}

/** Names that no public server has (RFC 6761, 6762, 8375 and what companies use). */
const INTERNAL = new Set([
  "localhost",
  "local",
  "internal",
  "intranet",
  "corp",
  "home",
  "lan",
  "private",
  "test",
  "invalid",
  "onion",
]);
