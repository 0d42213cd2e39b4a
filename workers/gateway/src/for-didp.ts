import { WorkerEntrypoint } from "cloudflare:workers";
import type { ClaimedDevice, GatewayUserId, RevocationNotice } from "../../../engines/oauth/authority.ts";
import { personalCloudOf } from "./personal-cloud.ts";

/** What the DIdP tells this gateway. Both calls may come twice; the second changes nothing. */
export class ForDidp extends WorkerEntrypoint<GatewayEnv> {
  /** A device has a new owner: their personal cloud learns its handle, its name and what it is like. */
  async deviceClaimed(user: GatewayUserId, device: ClaimedDevice): Promise<void> {
    await personalCloudOf(this.env, user).addDevice(device);
  }

  /** Authority ended before its time; when this returns, no connection has it any more (IDENTITY.md §2.G). */
  async revoked(notice: RevocationNotice): Promise<void> {
    await personalCloudOf(this.env, notice.user).revoked(notice);
  }
}
