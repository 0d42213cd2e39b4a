import type { Server } from "node:http";
import Provider, { type ClientMetadata } from "oidc-provider";

/** What the user endpoint says of whoever logged in. */
export type User = (account: string) => unknown;

/**
 * A real authorization server (oidc-provider, with its built-in forms), and beside it an endpoint `/user` that tells
 * who an access token belongs to, as GitHub, Facebook and X have one.
 */
export async function startAuthorizationServer(
  port: number,
  clients: ClientMetadata[],
  user: User,
): Promise<{ issuer: string; scopes: string[]; stop(): Promise<void> }> {
  const issuer = `http://127.0.0.1:${port}`;
  const scopes: string[] = [];
  const provider = new Provider(issuer, {
    clients,
    pkce: { required: () => true },
    cookies: { keys: ["a-key-of-this-test-only"] },
    features: { backchannelLogout: { enabled: true } },
    // Its own way to fetch refuses addresses of this machine, where we are.
    fetch: (url, options) => {
      const { method, headers, body, signal } = options ?? {};
      return fetch(url, { method, headers, body, signal } as RequestInit); // as given, without its dispatcher
    },
    scopes: ["openid", "public_profile", "users.read", "tweet.read"],
    findAccount: (_context, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  });
  provider.use(async (context, next) => {
    if (context.path === "/auth") {
      scopes.push(String(context.query.scope ?? ""));
      // Without any scope oidc-provider refuses; GitHub has one that everybody gets.
      if (context.query.scope === undefined) context.url += "&scope=public_profile";
    }
    if (context.path !== "/user") return next();
    const bearer = /^Bearer (.+)$/i.exec(context.get("authorization"))?.[1] ?? "";
    const token = await provider.AccessToken.find(bearer);
    if (token?.accountId === undefined) context.status = 401;
    else context.body = JSON.stringify(user(token.accountId));
    context.type = "application/json";
  });
  const server = await new Promise<Server>((resolve) => {
    const listening = provider.listen(port, "127.0.0.1", () => resolve(listening));
  });
  return {
    issuer,
    scopes,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
