import { Hono } from "hono";
import { readCaller, registryOfCaller, wrongClient } from "../client-authentication.ts";
import type { DidpApp } from "../didp-app.ts";
import { oauthAnswer } from "../oauth-answers.ts";
import { readForm } from "../requests.ts";

/**
 * What stands in the answer where RFC 8628 §3.2 requires a user code. The real one is printed on the device, and
 * a device that could tell it would let whoever talks to the device claim it (IDENTITY.md §2.C step 1).
 */
export const PRINTED_USER_CODE = "PRINTED-ON-THE-DEVICE";

/** `POST /device_authorization` (RFC 8628 §3.1): a device says that it is switched on and waits for an owner. */
export const deviceAuthorization = new Hono<DidpApp>();

deviceAuthorization.post("/device_authorization", async (c) => {
  const caller = await readCaller(c, await readForm(c));
  const code = await registryOfCaller(c, caller).deviceCode(caller.oauthClientId, caller.credential);
  if (code === undefined) throw wrongClient();
  return oauthAnswer(c, {
    device_code: code.deviceCode,
    user_code: PRINTED_USER_CODE,
    verification_uri: `${c.var.config.issuer}/d`,
    expires_in: code.expiresInSeconds,
    interval: c.var.config.devicePollSeconds,
  });
});
