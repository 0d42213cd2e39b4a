import { Hono } from "hono";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import type { GatewayApp } from "../index.ts";
import { bearerOf, passedOn, wantsToken } from "../rule-requests.ts";

/**
 * The owner's rules (EXPERIENCE.md §5). The gateway says whose they are and passes the rest to the rules' Worker,
 * whose API is described at `/v1/me/rules/openapi.json`.
 */
export const rules = new Hono<GatewayApp>();

rules.on(
  ["GET", "PUT", "POST", "DELETE"],
  ["/v1/me/rules", "/v1/me/rules/*", "/v1/me/:rules{rules:.+}"],
  async (c) => {
    const token = bearerOf(c);
    const authority = token === undefined ? undefined : await c.get("config").didps.authorityOf(token);
    if (authority === undefined) {
      wantsToken(c);
      throw new CodedError("UNAUTHENTICATED", "An owner's access token is needed here.");
    }
    if (authority.kind !== "owner") throw new CodedError("FORBIDDEN", "Rules are their owner's alone.");
    return c.env.RULES.serve(authority.user, passedOn(c));
  },
);
