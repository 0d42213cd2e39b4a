import type { ClaimedDevice, GatewayUserId, RevocationNotice } from "../../../engines/oauth/authority.ts";
import { personalCloudOf } from "./personal-cloud.ts";

/*
 * What DIdPs tell this gateway, whichever way it comes: by RPC (for-didp.ts) or as a security event token
 * (routes/security-events.ts). Both may come twice; the second changes nothing.
 */

/** A device has a new owner: their personal cloud learns its handle, its name and what it is like. */
export async function deviceClaimed(
  env: GatewayEnv,
  user: GatewayUserId,
  device: ClaimedDevice,
): Promise<void> {
  await personalCloudOf(env, user).addDevice(device);
}

/** Authority ended before its time; when this resolves, no connection has it any more (IDENTITY.md §2.G). */
export async function revoked(env: GatewayEnv, notice: RevocationNotice): Promise<void> {
  await personalCloudOf(env, notice.user).revoked(notice);
}
