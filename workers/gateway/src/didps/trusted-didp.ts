import type { AppIntrospection, ConsentRequest, Introspection } from "../../../../engines/oauth/authority.ts";

/**
 * A DIdP whose tokens this gateway takes: its own operator's, by RPC, or another's, over HTTP. Each is asked only about
 * what it has issued itself.
 * @throws CodedError `UNAVAILABLE`, from every method, if there is no answer to be had
 */
export interface TrustedDidp {
  readonly issuer: string;
  /** What a user's token gives here; `{ active: false }` for one that gives nothing, whatever the reason. */
  introspect(token: string): Promise<Introspection>;
  /** The same for a token that an app has of its own. */
  introspectApp(token: string): Promise<AppIntrospection>;
  /** What a consent ticket is about; the same until it is concluded or expired. */
  redeemTicket(ticket: string): Promise<ConsentRequest | undefined>;
  /** Once. @returns where to send the browser, at the issuer's */
  concludeConsent(
    ticket: string,
    outcome: "approved" | "denied",
  ): Promise<{ readonly returnUri: string } | undefined>;
}
