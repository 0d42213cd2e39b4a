import { base64url } from "./base64url.ts";
import { randomInShard, type Shard } from "./shard.ts";

/**
 * The last four characters of everything opaque that an issuer hands out for a gateway: base64url of the first three
 * bytes of SHA-256(issuer). By it a gateway that trusts several issuers knows whom to ask, and shows a token to
 * nobody else (docs/decisions/060).
 */
export type IssuerTag = string & { readonly __brand: "IssuerTag" };

const TAG_CHARACTERS = 4;
/** No token or ticket of an issuer's is longer. */
const MOST_CHARACTERS = 1024;

const tags = new Map<string, Promise<IssuerTag>>();

/** @param issuer its identifier (RFC 8414 §2), without a slash at its end; kept, so it must come from a setting. */
export function issuerTag(issuer: string): Promise<IssuerTag> {
  const kept = tags.get(issuer);
  if (kept !== undefined) return kept;
  const made = makeTag(issuer);
  tags.set(issuer, made);
  return made;
}

/** The tag that a token or a ticket claims. @returns `undefined` for what has no form of one. */
export function tagOf(text: string): IssuerTag | undefined {
  if (text.length <= TAG_CHARACTERS || text.length > MOST_CHARACTERS || text.length % 4 !== 0)
    return undefined;
  return text.slice(-TAG_CHARACTERS) as IssuerTag; // whether it is anybody's is the caller's question
}

/** A random secret of 36 bytes that lives in `shard`, with its issuer's tag behind it: 52 characters. */
export function randomTagged(shard: Shard, tag: IssuerTag): string {
  return randomInShard(shard, 36) + tag;
}

async function makeTag(issuer: string): Promise<IssuerTag> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(issuer));
  return base64url(new Uint8Array(hash, 0, 3)) as IssuerTag; // this is how one is made
}
