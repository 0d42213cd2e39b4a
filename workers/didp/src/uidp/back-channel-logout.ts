import { SHARDS, type Shard } from "../../../../engines/oauth/shard.ts";
import type { DidpContext } from "../didp-app.ts";
import { registry, registryFor } from "../registries.ts";
import { openIdProviderAt } from "./logins.ts";
import type { Uidp } from "./settings.ts";

const REMEMBERED_MS = 10 * 60_000;

/**
 * Somebody has logged out at an OpenID provider: every browser session of that person ends here. Devices and apps
 * go on; they have their own consents.
 * @returns `false` if the token is not one that this provider has made for us, lately, for the first time
 */
export async function backChannelLogout(c: DidpContext, uidp: Uidp, logoutToken: string): Promise<boolean> {
  const read = await openIdProviderAt(c.var.config, uidp)?.readLogoutToken(logoutToken);
  if (read === undefined) return false;
  const id = await c.var.config.keys.hash("logout-token-id", `${uidp.id} ${read.id}`);
  if ((await registryFor(c.env, id)?.takeAttempt(`logout:${id}`, 1, REMEMBERED_MS)) !== 0) return false;
  const anon = await c.env.PSEUDONYMISER.find(uidp.id, read.subject);
  // Somebody who has never been here, or not any more: nothing to end, and nothing to tell either.
  if (anon === undefined) return true;
  const shards = Array.from({ length: SHARDS }, (_, shard) => shard as Shard); // each below SHARDS
  await Promise.all(shards.map((shard) => registry(c.env, shard).closeSessionsOf(anon)));
  return true;
}
