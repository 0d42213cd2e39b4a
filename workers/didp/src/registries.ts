import { registryOf } from "../../../durable-objects/registry/registries.ts";
import { isClientIdUrl } from "../../../engines/oauth/client-id-url.ts";
import { SHARDS, type Shard, shardOf } from "../../../engines/oauth/shard.ts";
import type { DidpEnv } from "./env.ts";

/** The registry object of a shard. */
export function registry(env: DidpEnv, shard: Shard) {
  return registryOf(env.REGISTRY, shard);
}

/** Every registry object, for what concerns all shards. */
export function allRegistries(env: DidpEnv) {
  return Array.from({ length: SHARDS }, (_, shard) => registry(env, shard as Shard)); // 0 … SHARDS-1
}

/** The registry object in which a token, code, ticket or anonymous id lives; `undefined` for what is none. */
export function registryFor(env: DidpEnv, id: string | undefined) {
  const shard = id === undefined ? undefined : shardOf(id);
  return shard === undefined ? undefined : registry(env, shard);
}

/** The registry object of an OAuth client: `d-…` for a device, `a-…` for an app. */
export function registryForClient(env: DidpEnv, oauthClientId: string) {
  if (isClientIdUrl(oauthClientId)) return registry(env, shardOfUrl(oauthClientId));
  const id = /^[ad]-([A-Za-z0-9_-]{22})$/.exec(oauthClientId)?.[1];
  return registryFor(env, id);
}

/** FNV-1a: a URL has no first byte that would say where it lives. */
function shardOfUrl(url: string): Shard {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(url)) hash = Math.imul(hash ^ byte, 0x01000193);
  return ((hash >>> 0) % SHARDS) as Shard; // a remainder of SHARDS is one
}

export function isDeviceId(oauthClientId: string): boolean {
  return oauthClientId.startsWith("d-");
}
