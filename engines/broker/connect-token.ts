import type { Connect, ReasonCode } from "../mqtt/packet.ts";
import { reasonCode } from "../mqtt/reason-code.ts";

/** SASL's name for a bearer token (RFC 7628); the only extended method offered here. */
export const bearerMethod = "OAUTHBEARER";

/** Longer than any token of ours, and than what anybody should make us look at. */
const MAXIMUM_TOKEN_BYTES = 4096;

/**
 * The token in a CONNECT: with user name `Bearer` as the password (5.0 may leave the name out), or by the method
 * OAUTHBEARER (IDENTITY.md §2.D).
 *
 * @returns the token, or the reason code to refuse with.
 */
export function connectToken({ userName, password, properties }: Connect): string | ReasonCode {
  const method = properties?.authenticationMethod;
  // [MQTT-4.12.0-1] a method that is not supported
  if (method !== undefined && method !== bearerMethod) return reasonCode.badAuthenticationMethod;
  const isPassword = userName === undefined || userName === "Bearer";
  const token =
    method === bearerMethod
      ? bearerToken(properties?.authenticationData)
      : isPassword
        ? tokenText(password)
        : undefined;
  return token ?? reasonCode.notAuthorized;
}

/** The token in SASL's initial client response, `n,,^Aauth=Bearer …^A^A` (RFC 7628 §3.1). */
export function bearerToken(data: Uint8Array | undefined): string | undefined {
  if (data === undefined || data.byteLength > 2 * MAXIMUM_TOKEN_BYTES) return undefined;
  const [header = "", ...pairs] = new TextDecoder().decode(data).split("\u0001");
  if (!header.startsWith("n,")) return undefined;
  const pair = pairs.find((text) => text.startsWith("auth="));
  return /^auth=Bearer ([!-~]+)$/i.exec(pair ?? "")?.[1];
}

/** A token is printable ASCII (RFC 6750 §2.1). @returns `undefined` for anything else. */
export function tokenText(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined || bytes.byteLength === 0 || bytes.byteLength > MAXIMUM_TOKEN_BYTES)
    return undefined;
  let text = "";
  for (const byte of bytes) {
    if (byte <= 0x20 || byte >= 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}
