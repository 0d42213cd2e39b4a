import { base64url, fromBase64url } from "./base64url.ts";

/**
 * How many registry objects there are. The first byte inside an id, a token or a keyed hash, modulo this, says
 * which object holds its state; raising it means moving rows.
 */
export const SHARDS = 16;

/** `0 … SHARDS-1`. */
export type Shard = number & { readonly __brand: "Shard" };

export function shardOfBytes(bytes: Uint8Array): Shard {
  return ((bytes[0] ?? 0) % SHARDS) as Shard; // a remainder of SHARDS is one
}

/** @returns `undefined` if `text` is no base64url of at least one byte. */
export function shardOf(text: string): Shard | undefined {
  const bytes = fromBase64url(text);
  return bytes === undefined || bytes.length === 0 ? undefined : shardOfBytes(bytes);
}

/** Moves bytes into a shard by their first byte; the other bits of that byte stay. */
export function inShard(bytes: Uint8Array<ArrayBuffer>, shard: Shard): Uint8Array<ArrayBuffer> {
  const moved = bytes.slice();
  const first = moved[0] ?? 0;
  const base = first - (first % SHARDS);
  moved[0] = base + shard;
  return moved;
}

/** A random id of `length` bytes (base64url) that lives in `shard`. */
export function randomInShard(shard: Shard, length: number): string {
  return base64url(inShard(crypto.getRandomValues(new Uint8Array(length)), shard));
}
