import { type Context, Hono } from "hono";
import { readAtMost } from "../../../../engines/net/read-at-most.ts";
import {
  claimedIssuer,
  SecurityEventError,
  type SecurityEvents,
} from "../../../../engines/oauth/security-event.ts";
import { deviceClaimed, revoked } from "../announcements.ts";
import type { GatewayApp } from "../index.ts";

const MOST_BYTES = 64 * 1024;

/** Where other operators' DIdPs push what ends and what is claimed there (RFC 8935). */
export const securityEvents = new Hono<GatewayApp>();

securityEvents.post("/security-events", async (c) => {
  try {
    const { claimed, revoked: notice } = await read(c);
    if (claimed !== undefined) await deviceClaimed(c.env, claimed.user, claimed.device);
    if (notice !== undefined) await revoked(c.env, notice);
    // What has ended has ended by now, for live connections too.
    return c.body(null, 202);
  } catch (error) {
    if (!(error instanceof SecurityEventError)) throw error;
    return c.json({ err: error.err, description: error.message }, 400, { "content-language": "en" });
  }
});

async function read(c: Context<GatewayApp>): Promise<SecurityEvents> {
  const type = (c.req.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/secevent+jwt")
    throw new SecurityEventError("invalid_request", "Content-Type: application/secevent+jwt is expected.");
  const token = await readAtMost(c.req.raw, MOST_BYTES).catch(() => {
    throw new SecurityEventError("invalid_request", "The body is too large.");
  });
  const didp = c.get("config").didps.foreign(claimedIssuer(token));
  if (didp === undefined) throw new SecurityEventError("invalid_issuer", "iss: not trusted here.");
  return didp.readEvents(token);
}
