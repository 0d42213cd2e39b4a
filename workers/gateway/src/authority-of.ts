import type { Authority, Introspection } from "../../../engines/oauth/authority.ts";
import type { GatewayConfig } from "./config.ts";

/** Asks the DIdP what a token gives here. @returns `undefined` for every token that gives nothing, whatever the reason. */
export async function authorityOf(
  env: GatewayEnv,
  config: GatewayConfig,
  token: string,
): Promise<Authority | undefined> {
  // The types of RPC forget that a permission is a pair; the values do not.
  const introspection = (await env.DIDP.introspect(config.gatewayUri, token)) as Introspection;
  return introspection.active ? introspection.authority : undefined;
}
