/** Java's `String.hashCode`. */
function hashCode(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}

/**
 * The order in which a `java.util.concurrent.ConcurrentHashMap` of its default size gives these keys back: Siddhi's
 * frequent windows drop keys in that order. Keys of one bucket stay in order of insertion.
 */
export function javaHashOrder(keys: readonly string[]): string[] {
  let size = 16;
  while (keys.length >= size * 0.75) size *= 2;
  const bucket = (key: string): number => {
    const hash = hashCode(key);
    return (hash ^ (hash >>> 16)) & (size - 1);
  };
  return keys
    .map((key) => ({ key, at: bucket(key) }))
    .sort((a, b) => a.at - b.at)
    .map(({ key }) => key);
}
