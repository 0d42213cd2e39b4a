import type { Introspection } from "../../engines/oauth/authority.ts";
import { issuerTag, tagOf } from "../../engines/oauth/issuer-tag.ts";

/** Who can say what a token gives. */
export interface IntrospectionEnv {
  /** The home DIdP, for its own tokens. */
  readonly DIDP: { introspect(gatewayUri: string, token: string): Promise<Introspection> };
  readonly DIDP_URI: string;
  readonly GATEWAY_URI: string;
  /** For the tokens of other operators' DIdPs, which know the gateway and nobody else here. */
  readonly GATEWAY?: { introspect(token: string): Promise<Introspection> };
}

/** Asks about a token, and shows it to nobody but who issued it. @throws Error if there is no answer to be had */
export async function introspect(env: IntrospectionEnv, token: string): Promise<Introspection> {
  const isHome = tagOf(token) === (await issuerTag(env.DIDP_URI.replace(/\/$/, "")));
  const answered = isHome ? env.DIDP.introspect(env.GATEWAY_URI, token) : env.GATEWAY?.introspect(token);
  if (answered === undefined) return { active: false };
  // Until it is disposed of, the answer of a call keeps the object from sleeping.
  using answer = await answered;
  return { ...answer };
}
