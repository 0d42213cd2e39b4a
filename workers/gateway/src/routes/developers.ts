import { Hono } from "hono";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import type { GatewayApp } from "../index.ts";
import { bearerOf, passedOn, wantsToken } from "../rule-requests.ts";

/**
 * The rules of apps, over what users granted to them. The gateway says which app it is and passes the rest to the
 * rules' Worker, whose API is described at `/v1/dev/rules/openapi.json`.
 */
export const developers = new Hono<GatewayApp>();

developers.on(["GET", "PUT", "POST", "DELETE"], ["/v1/dev", "/v1/dev/*"], async (c) => {
  const token = bearerOf(c);
  const didp = token === undefined ? undefined : await c.get("config").didps.issuerOf(token);
  const introspection = token === undefined ? undefined : await didp?.introspectApp(token);
  if (!introspection?.active) {
    wantsToken(c);
    throw new CodedError("UNAUTHENTICATED", "An access token of the app's own is needed here.");
  }
  return c.env.FLEETS.serve(introspection.app, passedOn(c));
});
