import { Hono } from "hono";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { authorityOf } from "../authority-of.ts";
import type { GatewayApp } from "../index.ts";

/**
 * The owner's rules (EXPERIENCE.md §5). The gateway says whose they are and passes the rest to the rules' Worker,
 * whose API is described at `/v1/me/rules/openapi.json`.
 */
export const rules = new Hono<GatewayApp>();

rules.on(
  ["GET", "PUT", "POST", "DELETE"],
  ["/v1/me/rules", "/v1/me/rules/*", "/v1/me/:rules{rules:.+}"],
  async (c) => {
    const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(c.req.header("authorization") ?? "") ?? [];
    const authority = token === undefined ? undefined : await authorityOf(c.env, c.get("config"), token);
    if (authority === undefined) {
      c.header(
        "www-authenticate",
        `Bearer resource_metadata="${c.get("config").gatewayUri}/.well-known/oauth-protected-resource"`,
      );
      throw new CodedError("UNAUTHENTICATED", "An owner's access token is needed here.");
    }
    if (authority.kind !== "owner") throw new CodedError("FORBIDDEN", "Rules are their owner's alone.");
    // The token stays here.
    const headers = new Headers();
    for (const name of ["content-type", "content-length", "if-match", "if-none-match"]) {
      const value = c.req.header(name);
      if (value !== undefined) headers.set(name, value);
    }
    const { method, url, body } = c.req.raw;
    return c.env.RULES.serve(authority.user, new Request(url, { method, headers, body }));
  },
);
