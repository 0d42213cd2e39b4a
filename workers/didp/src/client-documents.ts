import { CodedError } from "../../../engines/errors/coded-error.ts";
import { readAtMost } from "../../../engines/net/read-at-most.ts";
import { isFetchableClientId } from "../../../engines/oauth/client-id-url.ts";
import { type AppMetadata, readAppMetadata } from "../../../engines/oauth/client-metadata.ts";
import type { DidpContext } from "./didp-app.ts";
import { registryFor, registryForClient } from "./registries.ts";
import { networkOf } from "./requests.ts";

const MOST_BYTES = 8 * 1024;
const FETCH_MS = 3000;
const FETCHES_A_MINUTE = 20;
/** A document is fetched again after an hour, and lives for a day while its server is away. */
const FRESH_MS = 3600_000;
const STALE_MS = 24 * FRESH_MS;

/**
 * An app that was never registered: its client id is the URL of a document that says what it is (OAuth Client ID
 * Metadata Document). The fetch is guarded: the URL's form, no redirects, few bytes, little time, no credentials,
 * and one answer to everything that goes wrong, so that nobody learns what this server can reach.
 * @throws CodedError `BAD_REQUEST`
 */
export async function refreshClientDocument(c: DidpContext, url: string): Promise<void> {
  const home = registryForClient(c.env, url);
  const isAllowed = isFetchableClientId(url, { allowLoopback: c.var.config.allowLoopbackClientDocuments });
  if (home === undefined || !isAllowed) throw unknownApp();
  const kept = await home.client(url);
  const ageMs = kept === undefined ? Infinity : Date.now() - kept.createdMs;
  if (ageMs < FRESH_MS) return;
  const metadata = (await mayFetch(c, url)) ? await fetchDocument(url) : undefined;
  if (metadata !== undefined) await home.putDocumentApp(url, metadata);
  else if (ageMs > STALE_MS) throw unknownApp();
}

/**
 * Whoever opens a link makes this server ask another one: so many a minute from one network, and so many of one
 * place, whatever is asked for there.
 */
async function mayFetch(c: DidpContext, url: string): Promise<boolean> {
  const network = await networkOf(c);
  const place = await c.var.config.keys.hash("client-document-place", new URL(url).host);
  const waits = await Promise.all([
    registryFor(c.env, network)?.takeAttempt(`document:${network}`, FETCHES_A_MINUTE, 60_000),
    registryFor(c.env, place)?.takeAttempt(`document:${place}`, FETCHES_A_MINUTE, 60_000),
  ]);
  return waits.every((seconds) => seconds === 0);
}

async function fetchDocument(url: string): Promise<AppMetadata | undefined> {
  try {
    const answer = await fetch(url, {
      redirect: "manual",
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(FETCH_MS),
    });
    const type = answer.headers.get("content-type") ?? "";
    if (answer.status !== 200 || !/^application\/([\w.-]+\+)?json\b/.test(type)) {
      await answer.body?.cancel();
      return undefined;
    }
    const document: unknown = JSON.parse(await readAtMost(answer, MOST_BYTES));
    if (typeof document !== "object" || document === null) return undefined;
    const fields = document as Readonly<Record<string, unknown>>; // an object by the test above
    if (fields.client_id !== url) return undefined;
    // No secret can be in a public document; keys and assertions belong to registered apps.
    const metadata = readAppMetadata({ ...fields, token_endpoint_auth_method: "none", jwks: undefined });
    const isOwn = metadata.redirectUris.every((uri) => new URL(uri).origin === new URL(url).origin);
    return isOwn ? { ...metadata, clientUri: new URL(url).origin } : undefined;
  } catch {
    return undefined;
  }
}

function unknownApp(): CodedError {
  return new CodedError("BAD_REQUEST", "The app that sent you here is not known.");
}
