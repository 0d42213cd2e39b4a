import type { GatewayAppId, GatewayUserId } from "../../engines/oauth/authority.ts";
import { base64url } from "../../engines/oauth/base64url.ts";
import type { KeyRing } from "../../engines/oauth/key-ring.ts";

/** HMAC(key of that gateway, anon): another gateway knows the same user by another name (IDENTITY.md §2.G). */
export async function userAt(keys: KeyRing, gateway: string, anon: string): Promise<GatewayUserId> {
  const name = await keys.mac("gateway", "user", gateway, anon);
  return base64url(name.slice(0, 16)) as GatewayUserId; // this is how one is made
}

/** HMAC(key of that gateway, client id): how one gateway knows an app. */
export async function appAt(keys: KeyRing, gateway: string, oauthClientId: string): Promise<GatewayAppId> {
  const name = await keys.mac("gateway", "app", gateway, oauthClientId);
  return base64url(name.slice(0, 16)) as GatewayAppId; // this is how one is made
}
