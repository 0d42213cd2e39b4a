import type { RouteSealer } from "../../engines/oauth/sealed-route.ts";
import type { TokenSet } from "./grants.ts";

/** The token answer (RFC 6749 §5.1) with where to connect: the gateway's sealed route of this user. */
export async function tokenAnswer(
  routes: RouteSealer,
  tokens: TokenSet,
): Promise<Readonly<Record<string, unknown>>> {
  const gateway = tokens.gateway.replace(/^http/, "ws");
  return {
    access_token: tokens.accessToken,
    token_type: "Bearer",
    expires_in: tokens.expiresInSeconds,
    refresh_token: tokens.refreshToken,
    scope: tokens.scope,
    gateway_uri: `${gateway}/mqtt/${await routes.seal(tokens.user)}`,
    ...(tokens.access === undefined ? {} : { authorization_details: [tokens.access] }),
  };
}
