import { isPublicUrl } from "../net/public-url.ts";

/** What a gateway needs of another operator's DIdP (RFC 8414, and the two consent endpoints of ours). */
export interface IssuerMetadata {
  readonly introspectionEndpoint: string;
  readonly jwksUri: string;
  readonly consentRedemptionEndpoint: string;
  readonly consentConclusionEndpoint: string;
}

/**
 * Whether a setting may name this issuer: https, or http on 127.0.0.1 for one's own machine; no query, no fragment, no
 * slash at the end, and written as a parser would write it, since issuers are compared as text (RFC 8414 §3.3).
 */
export function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const isWhole = url.href === text || url.href === `${text}/`;
  const isSafe = url.protocol === "https:" || (url.protocol === "http:" && url.hostname === "127.0.0.1");
  return isWhole && isSafe && !/[?#@]|\/$/.test(text);
}

/** Where an issuer describes itself: the well-known part stands before its own path (RFC 8414 §3.1). */
export function metadataUrl(issuer: string): string {
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/oauth-authorization-server${pathname === "/" ? "" : pathname}`;
}

/**
 * Reads what an issuer says of itself. Its endpoints are at its own origin, or else where anybody may be sent.
 * @throws RangeError naming the member that is missing or wrong
 */
export function readIssuerMetadata(issuer: string, document: unknown): IssuerMetadata {
  if (typeof document !== "object" || document === null) throw new RangeError("metadata: not an object");
  const members = document as Readonly<Record<string, unknown>>; // an object by the test above
  // RFC 8414 §3.3: identical, or it is somebody else's
  if (members.issuer !== issuer) throw new RangeError("metadata: issuer is another one");
  const endpoint = (name: string): string => {
    const value = members[name];
    if (typeof value !== "string" || !URL.canParse(value))
      throw new RangeError(`metadata: ${name} is missing`);
    const isOwn = new URL(value).origin === new URL(issuer).origin;
    if (!isOwn && !isPublicUrl(value, { allowLoopback: false }))
      throw new RangeError(`metadata: ${name} is nowhere to go`);
    return value;
  };
  return {
    introspectionEndpoint: endpoint("introspection_endpoint"),
    jwksUri: endpoint("jwks_uri"),
    consentRedemptionEndpoint: endpoint("consent_redemption_endpoint"),
    consentConclusionEndpoint: endpoint("consent_conclusion_endpoint"),
  };
}
