import { Hono } from "hono";
import { upgradeAt } from "../../../../durable-objects/registry/registries.ts";
import { readGateway } from "../../../../engines/oauth/authorization-request.ts";
import { OAuthError } from "../../../../engines/oauth/oauth-error.ts";
import { required } from "../../../../engines/oauth/parameters.ts";
import { shardOfBytes } from "../../../../engines/oauth/shard.ts";
import { type Caller, readCaller, registryOfCaller, wrongClient } from "../client-authentication.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";
import { oauthAnswer } from "../oauth-answers.ts";
import { isDeviceId } from "../registries.ts";
import { readForm } from "../requests.ts";

/**
 * What stands in the answer where RFC 8628 §3.2 requires a user code. The real one is printed on the device, and
 * a device that could tell it would let whoever talks to the device claim it (IDENTITY.md §2.C step 1).
 */
export const PRINTED_USER_CODE = "PRINTED-ON-THE-DEVICE";

/** `POST /device_authorization` (RFC 8628 §3.1): a device says that it is switched on and waits for an owner. */
export const deviceAuthorization = new Hono<DidpApp>();

deviceAuthorization.post("/device_authorization", async (c) => {
  const parameters = await readForm(c);
  const resource = parameters.get("resource");
  const caller = await readCaller(c, parameters);
  const code = await registryOfCaller(c, caller).deviceCode(
    caller.oauthClientId,
    caller.credential,
    parameters.get("boot")?.slice(0, 64),
    resource === undefined ? undefined : readGateway(resource, c.var.config.gateways),
  );
  if (code === undefined) throw await refusalOf(c, caller);
  return oauthAnswer(c, {
    device_code: code.deviceCode,
    user_code: PRINTED_USER_CODE,
    verification_uri: `${c.var.config.issuer}/d`,
    expires_in: code.expiresInSeconds,
    interval: c.var.config.devicePollSeconds,
    ...(code.presence === undefined ? {} : { presence: code.presence }),
  });
});

/** An app that is who it says is told that this is for devices (RFC 6749 §5.2). */
async function refusalOf(c: DidpContext, caller: Caller): Promise<OAuthError> {
  const client = isDeviceId(caller.oauthClientId)
    ? undefined
    : await registryOfCaller(c, caller).authenticate(caller.oauthClientId, caller.credential);
  return client === undefined
    ? wrongClient()
    : new OAuthError("unauthorized_client", "Only devices ask for a device code.");
}

/** `POST /presence`: the button was pressed (claim policy "button", IDENTITY.md §2.C step 5). */
deviceAuthorization.post("/presence", async (c) => {
  const parameters = await readForm(c);
  const deviceCode = required(parameters, "device_code");
  const caller = await readCaller(c, parameters);
  const isNoted = await registryOfCaller(c, caller).presence(
    caller.oauthClientId,
    caller.credential,
    deviceCode,
  );
  if (isNoted === undefined) throw wrongClient();
  if (!isNoted) throw new OAuthError("invalid_grant", "device_code: not the live one of this device.");
  return c.body(null, 204);
});

/**
 * `GET /mqtt/{byte}` (upgrade): a device's token channel. `byte` is the first of its client id in hexadecimal, as
 * its registration answer says; it leads to the object that holds the device, so no frame passes this Worker.
 */
deviceAuthorization.get("/mqtt/:byte{[0-9a-f]{2}}", (c) => {
  const offered = (c.req.header("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket" || !offered.includes("mqtt")) {
    throw new OAuthError("invalid_request", "A WebSocket with the subprotocol mqtt is expected.");
  }
  const shard = shardOfBytes(Uint8Array.of(Number.parseInt(c.req.param("byte"), 16)));
  return upgradeAt(c.env.REGISTRY, shard, c.req.raw);
});
