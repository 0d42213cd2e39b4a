import type { GatewayUserId } from "./authority.ts";
import { base64url, fromBase64url } from "./base64url.ts";

/**
 * The path segment of `/mqtt/{route}`: where a connection belongs, sealed so that whoever carries it (a device,
 * an app, a log on the way) learns nothing and two routes of one user do not look alike. It says where to go,
 * not what is allowed: the object still checks the token in CONNECT (ARCHITECTURE.md §3, way b).
 *
 * Form: base64url(12-byte nonce ‖ AES-256-GCM(user)).
 */
export class RouteSealer {
  readonly #key: Promise<CryptoKey>;

  /** @param key 32 random bytes that the DIdP and its gateway share. */
  constructor(key: Uint8Array<ArrayBuffer>) {
    this.#key = crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
  }

  async seal(user: GatewayUserId): Promise<string> {
    const nonce = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt(
      { name: "AES-GCM", iv: nonce },
      await this.#key,
      new TextEncoder().encode(user),
    );
    const route = new Uint8Array(12 + sealed.byteLength);
    route.set(nonce);
    route.set(new Uint8Array(sealed), 12);
    return base64url(route);
  }

  /** @returns `undefined` for anything that `seal` did not make. */
  async unseal(route: string): Promise<GatewayUserId | undefined> {
    const bytes = fromBase64url(route);
    if (bytes === undefined || bytes.length <= 12 + 16) return undefined;
    try {
      const opened = await crypto.subtle.decrypt(
        { name: "AES-GCM", iv: bytes.slice(0, 12) },
        await this.#key,
        bytes.slice(12),
      );
      return new TextDecoder().decode(opened) as GatewayUserId; // it was one when it was sealed
    } catch {
      return undefined;
    }
  }
}
