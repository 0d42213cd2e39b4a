import { WorkerEntrypoint } from "cloudflare:workers";
import type { AppIntrospection, ConsentRequest, Introspection } from "../../../engines/oauth/authority.ts";
import type { DidpEnv } from "./env.ts";
import { registryFor } from "./registries.ts";

/** What a gateway and its personal clouds may ask (service binding `DIDP`); nobody else reaches this. */
export class ForGateways extends WorkerEntrypoint<DidpEnv> {
  /** RFC 7662. A token that is wrong, old, revoked or for another gateway is `{ active: false }` and no more. */
  async introspect(gatewayUri: string, token: string): Promise<Introspection> {
    const answer = await registryFor(this.env, token)?.introspect(withoutSlash(gatewayUri), token);
    return copied(answer) ?? { active: false };
  }

  /** The same for a token that an app has of its own; a user's token is none. */
  async introspectApp(gatewayUri: string, token: string): Promise<AppIntrospection> {
    const answer = await registryFor(this.env, token)?.introspectApp(withoutSlash(gatewayUri), token);
    return copied(answer) ?? { active: false };
  }

  /** The same answer until the ticket is concluded or ten minutes old. */
  async redeemTicket(gatewayUri: string, ticket: string): Promise<ConsentRequest | undefined> {
    return copied(await registryFor(this.env, ticket)?.redeemTicket(withoutSlash(gatewayUri), ticket));
  }

  /** Once. @returns where to send the browser */
  async concludeConsent(
    gatewayUri: string,
    ticket: string,
    outcome: "approved" | "denied",
  ): Promise<{ returnUri: string } | undefined> {
    const registry = registryFor(this.env, ticket);
    return copied(await registry?.concludeConsent(withoutSlash(gatewayUri), ticket, outcome));
  }
}

/** Handed on as it is, an answer keeps this invocation alive until the caller's next collection of garbage (050). */
function copied<Answer extends object>(answer: Answer | undefined): Answer | undefined {
  return answer === undefined ? undefined : { ...answer };
}

function withoutSlash(uri: string): string {
  return uri.replace(/\/$/, "");
}
