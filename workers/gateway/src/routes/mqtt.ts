import { Hono } from "hono";
import type { GatewayApp } from "../index.ts";
import { type MqttSubprotocol, openPersonalCloud } from "../personal-cloud.ts";
import { acceptRelayedWebSocket } from "../relayed-websocket.ts";

/**
 * The ways in over WebSocket (ARCHITECTURE.md §3). In (a) and (b) the answer to the upgrade is the personal
 * cloud's own, so that the runtime pumps frames straight to the object; in (c) the token is inside CONNECT, and
 * this Worker relays.
 */
export const mqtt = new Hono<GatewayApp & { Variables: { subprotocol: MqttSubprotocol } }>();

mqtt.use("/mqtt/*", async (c, next) => {
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
    return c.text("This is an MQTT endpoint: connect by WebSocket with the subprotocol mqtt.\n", 426, {
      upgrade: "websocket",
    });
  }
  const offered = offeredSubprotocols(c.req.raw);
  const subprotocol = (["mqtt", "mqttv3.1"] as const).find((name) => offered.includes(name));
  if (subprotocol === undefined) return c.text("Offer the WebSocket subprotocol mqtt (or mqttv3.1).\n", 400);
  c.set("subprotocol", subprotocol);
  return next();
});

// (a) The token is in the upgrade itself; (c) it will come as the password of CONNECT.
mqtt.get("/mqtt", async (c) => {
  const { gatewayUri, didps } = c.get("config");
  const token = bearerToken(c.req.raw);
  if (token === undefined) return acceptRelayedWebSocket(c.env, c.get("config"), c.get("subprotocol"));
  const authority = await didps.authorityOf(token);
  if (authority === undefined) return unauthorized(gatewayUri);
  return openPersonalCloud(c.env, authority.user, c.get("subprotocol"), authority);
});

// (b) The path says whose personal cloud it is; the object itself checks the password of CONNECT.
mqtt.get("/mqtt/:route", async (c) => {
  const { gatewayUri, routes } = c.get("config");
  const user = await routes.unseal(c.req.param("route"));
  if (user === undefined) return unauthorized(gatewayUri);
  return openPersonalCloud(c.env, user, c.get("subprotocol"), undefined);
});

function offeredSubprotocols(request: Request): readonly string[] {
  return (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
}

/** From `Authorization: Bearer`, or from a subprotocol `bearer.<token>`, which a browser can set as well. */
function bearerToken(request: Request): string | undefined {
  const header = /^Bearer +([\w.~+/=-]+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  return (
    header ??
    offeredSubprotocols(request)
      .find((name) => name.startsWith("bearer."))
      ?.slice("bearer.".length)
  );
}

/** RFC 6750 §3, with the way to the authorization server (RFC 9728 §5.1). */
function unauthorized(gatewayUri: string): Response {
  return new Response(null, {
    status: 401,
    headers: {
      "www-authenticate": `Bearer error="invalid_token", resource_metadata="${gatewayUri}/.well-known/oauth-protected-resource"`,
      "cache-control": "no-store",
    },
  });
}
