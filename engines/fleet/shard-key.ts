/** Shards of one app at the most. */
export const maxShards = 16;

/** Which of an app's shards a key belongs to: FNV-1a over its UTF-16 units, the same wherever it is computed. */
export function shardOfKey(key: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shards;
}
