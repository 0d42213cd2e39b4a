import type { Context } from "hono";
import type { GatewayApp } from "./index.ts";

/** The token of `Authorization: Bearer …`, if there is one. */
export function bearerOf(c: Context<GatewayApp>): string | undefined {
  return /^Bearer +([\w.~+/=-]+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
}

/** Says where a token is to be had (RFC 9728 §5.1). */
export function wantsToken(c: Context<GatewayApp>): void {
  c.header(
    "www-authenticate",
    `Bearer resource_metadata="${c.get("config").gatewayUri}/.well-known/oauth-protected-resource"`,
  );
}

/** The request as the rules' Worker gets it: the token stays here. */
export function passedOn(c: Context<GatewayApp>): Request {
  const headers = new Headers();
  for (const name of ["content-type", "content-length", "if-match", "if-none-match"]) {
    const value = c.req.header(name);
    if (value !== undefined) headers.set(name, value);
  }
  const { method, url, body } = c.req.raw;
  return new Request(url, { method, headers, body });
}
