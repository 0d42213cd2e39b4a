import type { DeviceHandle } from "../../engines/oauth/authority.ts";
import { base64url } from "../../engines/oauth/base64url.ts";

/**
 * `ph = b64url(trunc12(HMAC-SHA256(K_gid, dh)))`: how one app sees one device. Another grant has another key, so
 * no two apps can compare what they see.
 *
 * @param key `K_gid`, 32 random bytes.
 * @returns 16 characters.
 * @see IDENTITY.md §3.3
 */
export async function pairwiseHandle(key: Uint8Array, device: DeviceHandle): Promise<string> {
  return named(key, device);
}

/** The same for the user: how one app sees whose the devices are. No handle of a device is that short. */
export async function pairwiseUser(key: Uint8Array): Promise<string> {
  return named(key, "user");
}

async function named(key: Uint8Array, what: string): Promise<string> {
  const hmac = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const mac = await crypto.subtle.sign("HMAC", hmac, new TextEncoder().encode(what));
  return base64url(new Uint8Array(mac, 0, 12));
}
