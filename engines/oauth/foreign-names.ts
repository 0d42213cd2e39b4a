import type { GatewayAppId, GatewayUserId } from "./authority.ts";
import { base64url } from "./base64url.ts";
import { lengthPrefixed } from "./key-ring.ts";

/**
 * How a gateway names a user of another operator's DIdP: base64url(SHA-256(issuer, subject)), 43 characters. A name is
 * of one issuer, whatever that issuer says: nobody finds a subject whose name is somebody else's, and the home DIdP's
 * users have names of 22 characters (docs/decisions/061).
 * @param subject what the issuer calls the user at this gateway.
 */
export async function foreignUser(issuer: string, subject: string): Promise<GatewayUserId> {
  return (await nameOf("user", issuer, subject)) as GatewayUserId; // this is how one is made
}

/** The same for an app. */
export async function foreignApp(issuer: string, subject: string): Promise<GatewayAppId> {
  return (await nameOf("app", issuer, subject)) as GatewayAppId; // this is how one is made
}

async function nameOf(kind: "user" | "app", issuer: string, subject: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", lengthPrefixed([`gateway-${kind}`, issuer, subject]));
  return base64url(new Uint8Array(hash));
}
