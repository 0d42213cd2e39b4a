import { base64url } from "../../engines/oauth/base64url.ts";
import type { DeviceMetadata } from "../../engines/oauth/client-metadata.ts";
import {
  type DeviceCredentials,
  deriveDevice,
  seedOfRequest,
} from "../../engines/oauth/device-registration.ts";
import type { KeyRing } from "../../engines/oauth/key-ring.ts";
import { type Shard, shardOf } from "../../engines/oauth/shard.ts";
import type { NewDevice } from "./clients.ts";
import type { ReferenceClaim } from "./device-references.ts";
import { registryOf } from "./registries.ts";
import type { Registry } from "./registry.ts";

/** Many devices of one kind; everything about them follows from this (IDENTITY.md §2.B). */
export interface BatchOrder {
  readonly tokenHash: string;
  /** The request's `Idempotency-Key`. */
  readonly idempotencyKey: string;
  readonly requestHash: string;
  readonly metadata: DeviceMetadata;
  readonly manufacturer: string;
  readonly batch: string | null;
  readonly count: number;
  /** Keyed hashes of the factory's own references, as many as devices, if it sent some. */
  readonly referenceHashes?: readonly string[];
}

/** The devices of an order from `from` on; the same every time. */
export function deriveBatch(
  keys: KeyRing,
  order: BatchOrder,
  from: number,
  count: number,
): Promise<DeviceCredentials[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) =>
      deriveDevice(keys, await seedOfRequest(keys, order.tokenHash, order.idempotencyKey, from + index + 1)),
    ),
  );
}

/** A reference as it is kept: nobody without the key can try serial numbers against it. */
export async function hashReference(keys: KeyRing, manufacturer: string, reference: string): Promise<string> {
  return base64url(await keys.mac("reference", "device", manufacturer, reference));
}

/**
 * Registers part of an order, each shard's share in one transaction. Repeating it changes nothing, so a batch
 * that a crash cut in half is completed by sending it again, and no secret leaves before all of it is there.
 * @returns the devices, or `undefined` if a reference or an id is another registration's
 */
export async function registerBatch(
  namespace: DurableObjectNamespace<Registry>,
  keys: KeyRing,
  order: BatchOrder,
  from: number,
  count: number,
): Promise<DeviceCredentials[] | undefined> {
  const devices = await deriveBatch(keys, order, from, count);
  const references = devices.flatMap((device, index): ReferenceClaim[] => {
    const referenceHash = order.referenceHashes?.[from + index];
    return referenceHash === undefined ? [] : [{ referenceHash, oauthClientId: device.oauthClientId }];
  });
  const claimsOfShards = byShard(references, (claim) => shardOf(claim.referenceHash));
  const taken = await Promise.all(
    claimsOfShards.map(([shard, claims]) => registryOf(namespace, shard).reserveReferences(claims)),
  );
  if (taken.some((number) => number > 0)) return undefined;
  const outcomes = await Promise.all(
    byShard(devices, (device) => shardOf(device.oauthClientId.slice(2))).map(([shard, share]) =>
      registryOf(namespace, shard).addDevices(share.map((device) => newDevice(order, device))),
    ),
  );
  if (outcomes.includes("conflict")) return undefined;
  await Promise.all(
    claimsOfShards.map(([shard, claims]) => registryOf(namespace, shard).confirmReferences(claims)),
  );
  return devices;
}

function newDevice(order: BatchOrder, device: DeviceCredentials): NewDevice {
  return {
    oauthClientId: device.oauthClientId,
    metadata: order.metadata,
    manufacturer: order.manufacturer,
    batch: order.batch,
    secretHash: order.metadata.authMethod === "client_secret_basic" ? device.secretHash : null,
    registrationHash: device.registrationHash,
    claimHash: device.claimHash,
    requestHash: order.requestHash,
  };
}

function byShard<T>(items: readonly T[], shardOfItem: (item: T) => Shard | undefined): [Shard, T[]][] {
  const groups = new Map<Shard, T[]>();
  for (const item of items) {
    const shard = shardOfItem(item);
    if (shard === undefined) continue; // derived ids and keyed hashes all have one
    const group = groups.get(shard);
    if (group === undefined) groups.set(shard, [item]);
    else group.push(item);
  }
  return [...groups];
}
