import type { RouteSealer } from "../../engines/oauth/sealed-route.ts";
import type { TokenSet } from "./grant-tokens.ts";

/** The gateway of this DIdP's own operator: the one that opens what `routes` seals. */
export interface HomeGateway {
  readonly uri: string;
  readonly routes: RouteSealer;
}

/**
 * The token answer (RFC 6749 §5.1) with where to connect: the home gateway's sealed route of this user, or another
 * operator's gateway as it is, where the token in CONNECT says whose personal cloud is meant.
 */
export async function tokenAnswer(
  home: HomeGateway,
  tokens: TokenSet,
): Promise<Readonly<Record<string, unknown>>> {
  const route = tokens.gateway === home.uri ? `/${await home.routes.seal(tokens.user)}` : "";
  return {
    access_token: tokens.accessToken,
    token_type: "Bearer",
    expires_in: tokens.expiresInSeconds,
    refresh_token: tokens.refreshToken,
    scope: tokens.scope,
    gateway_uri: `${tokens.gateway.replace(/^http/, "ws")}/mqtt${route}`,
    ...(tokens.access === undefined ? {} : { authorization_details: [tokens.access] }),
  };
}
