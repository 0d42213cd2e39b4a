import { WorkerEntrypoint } from "cloudflare:workers";
import type { ClaimedDevice, GatewayUserId, RevocationNotice } from "../../../engines/oauth/authority.ts";

/*
 * Stands where the gateway stands, so that the DIdP can be tested alone: keeps what it is told, and asks the
 * DIdP what a gateway asks. `down` makes it fail like a gateway that cannot be reached.
 */

const told: { claimed: unknown[]; revoked: RevocationNotice[] } = { claimed: [], revoked: [] };
let down = false;

interface ForGateways {
  introspect(gatewayUri: string, token: string): Promise<unknown>;
  introspectApp(gatewayUri: string, token: string): Promise<unknown>;
  redeemTicket(gatewayUri: string, ticket: string): Promise<unknown>;
  concludeConsent(gatewayUri: string, ticket: string, outcome: string): Promise<unknown>;
}

export class ForDidp extends WorkerEntrypoint {
  async deviceClaimed(user: GatewayUserId, device: ClaimedDevice): Promise<void> {
    if (down) throw new Error("down");
    told.claimed.push({ user, device });
  }

  async revoked(notice: RevocationNotice): Promise<void> {
    if (down) throw new Error("down");
    told.revoked.push(notice);
  }
}

export default {
  async fetch(request: Request, env: { DIDP: ForGateways }): Promise<Response> {
    const url = new URL(request.url);
    const { uri = "", token = "", ticket = "", outcome = "" } = Object.fromEntries(url.searchParams);
    switch (url.pathname) {
      case "/told":
        return Response.json(told);
      case "/down":
        down = true;
        return new Response();
      case "/up":
        down = false;
        return new Response();
      case "/introspect":
        return Response.json(await env.DIDP.introspect(uri, token));
      case "/introspect-app":
        return Response.json(await env.DIDP.introspectApp(uri, token));
      case "/introspect-many":
        return Response.json(await introspectMany(env.DIDP, uri, url.searchParams));
      case "/redeem":
        return Response.json((await env.DIDP.redeemTicket(uri, ticket)) ?? null);
      case "/conclude":
        return Response.json((await env.DIDP.concludeConsent(uri, ticket, outcome)) ?? null);
      default:
        return new Response("page", { status: url.pathname.startsWith("/consent/") ? 200 : 404 });
    }
  },
};

/** For the bench: so many introspections by RPC, so many in flight, over these tokens; milliseconds of each. */
async function introspectMany(
  didp: ForGateways,
  uri: string,
  parameters: URLSearchParams,
): Promise<{ totalMs: number; samplesMs: number[] }> {
  const tokens = parameters.getAll("token");
  const count = Number(parameters.get("count"));
  const samplesMs: number[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const token = tokens[next++ % tokens.length] ?? "";
      const startedMs = performance.now();
      await didp.introspect(uri, token);
      samplesMs.push(performance.now() - startedMs);
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: Number(parameters.get("in-flight")) }, worker));
  return { totalMs: performance.now() - startedMs, samplesMs };
}
