import { Hono } from "hono";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import type {
  AccessAction,
  ClaimedDevice,
  ConsentRequest,
  Selection,
} from "../../../../engines/oauth/authority.ts";
import { allowFormTargets, securityHeaders } from "../../../http/security-headers.ts";
import { stylesheet } from "../../../http/style.ts";
import type { GatewayApp } from "../index.ts";
import { ConsentGone } from "../pages/consent-gone.tsx";
import { SelectionPage } from "../pages/selection-page.tsx";
import { personalCloudOf } from "../personal-cloud.ts";

/**
 * The selection page: which devices an app gets, and what it may do with each (IDENTITY.md §2.F, step 4). It
 * is a page of the personal cloud, so that the DIdP never learns the answer; the ticket in its address is
 * what the DIdP gave this browser, and is good for one decision.
 */
export const consent = new Hono<GatewayApp>();

consent.use("/consent/*", securityHeaders());
consent.get("/style.css", stylesheet);

consent.get("/consent/:ticket", async (c) => {
  const ticket = c.req.param("ticket");
  const didp = await c.get("config").didps.issuerOf(ticket);
  const request = await didp?.redeemTicket(ticket);
  if (didp === undefined || request === undefined) return c.html(<ConsentGone />, 404);
  allowFormTargets(c, [didp.issuer, request.appOrigin]);
  const devices = await personalCloudOf(c.env, request.user).devices();
  return c.html(<SelectionPage request={request} devices={devices} />);
});

consent.post("/consent/:ticket", async (c) => {
  const { gatewayUri, didps } = c.get("config");
  if (c.req.header("origin") !== new URL(gatewayUri).origin) {
    throw new CodedError("FORBIDDEN", "The form was not sent from its own page.");
  }
  const ticket = c.req.param("ticket");
  const didp = await didps.issuerOf(ticket);
  const request = await didp?.redeemTicket(ticket);
  if (didp === undefined || request === undefined) return c.html(<ConsentGone />, 404);
  allowFormTargets(c, [didp.issuer, request.appOrigin]);

  const personalCloud = personalCloudOf(c.env, request.user);
  const form = await c.req.formData();
  const isApproved = form.get("decision") === "approve";
  if (isApproved) {
    const devices = await personalCloud.devices();
    const selection = selectionFrom(form, request, devices);
    if (selection.devices.length === 0) {
      return c.html(<SelectionPage request={request} devices={devices} isNothingChosen />, 422);
    }
    const { routes } = c.get("config");
    await personalCloud.select(selection, { app: request.app, wayBack: await routes.seal(request.user) });
  }
  const concluded = await didp.concludeConsent(ticket, isApproved ? "approved" : "denied");
  if (concluded === undefined) return c.html(<ConsentGone />, 409);
  return c.redirect(concluded.returnUri, 303);
});

/** What was ticked, held against what the app asked for and what the user owns. */
function selectionFrom(
  form: FormData,
  request: ConsentRequest,
  devices: readonly ClaimedDevice[],
): Selection {
  const ticked = (action: AccessAction) =>
    new Set(request.actions.includes(action) ? form.getAll(action) : []);
  const actions = (["read", "command"] as const).map((action) => [action, ticked(action)] as const);
  return {
    grantId: request.grantId,
    appName: request.appName,
    devices: devices
      .map(({ handle }) => ({
        handle,
        actions: actions.filter(([, handles]) => handles.has(handle)).map(([action]) => action),
      }))
      .filter((device) => device.actions.length > 0),
    expiresAtMs: request.expiresAtMs,
  };
}
