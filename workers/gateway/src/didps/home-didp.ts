import type { AppIntrospection, ConsentRequest, Introspection } from "../../../../engines/oauth/authority.ts";
import type { TrustedDidp } from "./trusted-didp.ts";

/** The DIdP of this gateway's own operator: the service binding `DIDP`. */
export class HomeDidp implements TrustedDidp {
  readonly issuer: string;
  readonly #gatewayUri: string;
  readonly #didp: GatewayEnv["DIDP"];

  constructor(issuer: string, gatewayUri: string, didp: GatewayEnv["DIDP"]) {
    this.issuer = issuer;
    this.#gatewayUri = gatewayUri;
    this.#didp = didp;
  }

  // The types of RPC forget pairs and brands; the values do not.

  async introspect(token: string): Promise<Introspection> {
    return (await this.#didp.introspect(this.#gatewayUri, token)) as Introspection;
  }

  async introspectApp(token: string): Promise<AppIntrospection> {
    return (await this.#didp.introspectApp(this.#gatewayUri, token)) as AppIntrospection;
  }

  async redeemTicket(ticket: string): Promise<ConsentRequest | undefined> {
    return (await this.#didp.redeemTicket(this.#gatewayUri, ticket)) as ConsentRequest | undefined;
  }

  concludeConsent(
    ticket: string,
    outcome: "approved" | "denied",
  ): Promise<{ readonly returnUri: string } | undefined> {
    return this.#didp.concludeConsent(this.#gatewayUri, ticket, outcome);
  }
}
