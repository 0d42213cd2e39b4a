import { WorkerEntrypoint } from "cloudflare:workers";
import type { ClaimedDevice, GatewayUserId, RevocationNotice } from "../../../engines/oauth/authority.ts";
import { deviceClaimed, revoked } from "./announcements.ts";

/** What the home DIdP tells this gateway. */
export class ForDidp extends WorkerEntrypoint<GatewayEnv> {
  deviceClaimed(user: GatewayUserId, device: ClaimedDevice): Promise<void> {
    return deviceClaimed(this.env, user, device);
  }

  revoked(notice: RevocationNotice): Promise<void> {
    return revoked(this.env, notice);
  }
}
