import { Hono } from "hono";
import { cors } from "hono/cors";
import type { GatewayApp } from "../index.ts";

/** OAuth 2.0 Protected Resource Metadata (RFC 9728): all that an app's developer needs is the gateway's address. */
export const metadata = new Hono<GatewayApp>();

metadata.get("/.well-known/oauth-protected-resource", cors({ origin: "*" }), (c) => {
  const { gatewayUri, didps, key } = c.get("config");
  return c.json({
    resource: gatewayUri,
    authorization_servers: didps.issuers,
    ...(key === undefined ? {} : { jwks_uri: `${gatewayUri}/jwks` }),
    bearer_methods_supported: ["header"],
    authorization_details_types_supported: ["iot_access"],
    resource_name: "Edgenym gateway",
  });
});

/** By which other operators' DIdPs know this gateway (docs/several-didps.md). */
metadata.get("/jwks", async (c) => {
  const { key } = c.get("config");
  return c.json({ keys: key === undefined ? [] : [(await key).publicJwk] }, 200, {
    "cache-control": "public, max-age=300",
  });
});
