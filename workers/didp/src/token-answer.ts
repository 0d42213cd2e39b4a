import type { TokenSet } from "../../../durable-objects/registry/grants.ts";
import type { Config } from "./config.ts";

/** The token answer (RFC 6749 §5.1) with where to connect: the gateway's sealed route of this user. */
export async function tokenAnswer(
  config: Config,
  tokens: TokenSet,
): Promise<Readonly<Record<string, unknown>>> {
  return {
    access_token: tokens.accessToken,
    token_type: "Bearer",
    expires_in: tokens.expiresInSeconds,
    refresh_token: tokens.refreshToken,
    scope: tokens.scope,
    gateway_uri: await gatewayUri(config, tokens),
    ...(tokens.access === undefined ? {} : { authorization_details: [tokens.access] }),
  };
}

async function gatewayUri(config: Config, tokens: TokenSet): Promise<string> {
  return `${tokens.gateway.replace(/^http/, "ws")}/mqtt/${await config.routes.seal(tokens.user)}`;
}
