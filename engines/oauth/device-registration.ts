import { base64url } from "./base64url.ts";
import { writeClaimCode } from "./claim-code.ts";
import type { KeyRing } from "./key-ring.ts";
import { inShard, shardOfBytes } from "./shard.ts";

/** Everything that one registration hands to the factory, and what of it is kept. */
export interface DeviceCredentials {
  readonly oauthClientId: string;
  readonly clientSecret: string;
  readonly registrationToken: string;
  /** What is printed on the device. */
  readonly claimCode: string;
  /** Keyed hashes: what the registry keeps instead. */
  readonly secretHash: string;
  readonly registrationHash: string;
  readonly claimHash: string;
}

/**
 * Derives a device's ids and secrets from one seed, so that a repeated request (same `Idempotency-Key`) says the
 * same words without any of them being stored (IDENTITY.md §2.A step 5).
 *
 * The claim code's keyed hash picks the shard and the client id follows it there: they share an object, and
 * nobody without the key can tell which client id a printed code belongs to.
 *
 * @param seed 32 bytes, random or from `seedOfRequest`.
 */
export async function deriveDevice(keys: KeyRing, seed: Uint8Array): Promise<DeviceCredentials> {
  const part = (label: string) => keys.mac("registration", label, seed);
  const claimCode = writeClaimCode((await part("claim-code")).slice(0, 16));
  const claim = await hashClaimCode(keys, claimCode);
  const idBytes = inShard((await part("client-id")).slice(0, 16), claim.shard);
  const clientSecret = base64url(await part("client-secret"));
  const registrationToken = base64url(await part("registration-token"));
  return {
    oauthClientId: `d-${base64url(idBytes)}`,
    clientSecret,
    registrationToken,
    claimCode,
    secretHash: await keys.hash("client-secret", clientSecret),
    registrationHash: await keys.hash("registration-token", registrationToken),
    claimHash: claim.hash,
  };
}

/** The seed of a request that may be repeated: the same token and key give the same device. */
export function seedOfRequest(
  keys: KeyRing,
  initialAccessTokenHash: string,
  idempotencyKey: string,
  index = 0,
): Promise<Uint8Array<ArrayBuffer>> {
  return keys.mac("registration", "seed", initialAccessTokenHash, idempotencyKey, index);
}

/** Where the device with this printed code lives, and by which hash it is found there. */
export async function hashClaimCode(keys: KeyRing, code: string) {
  const bytes = await keys.mac("claim", "claim-code", code);
  return { shard: shardOfBytes(bytes), hash: base64url(bytes) };
}
