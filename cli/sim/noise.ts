/** Randomness without state: the same keys give the same number, in any order and on any machine. */
export type Noise = (...keys: readonly (string | number)[]) => number;

/** @returns a function from keys to 0 ≤ x < 1. */
export function seededNoise(seed: string | number): Noise {
  const base = hash(String(seed), 0x811c9dc5);
  return (...keys) => mix(keys.reduce<number>((sum, key) => hash(`${key}|`, sum), base)) / 2 ** 32;
}

/** The same noise as a curve: values at every `stepMs`, joined smoothly; 0 ≤ x < 1. */
export function smoothNoise(noise: Noise, key: string, timeMs: number, stepMs: number): number {
  const step = Math.floor(timeMs / stepMs);
  const part = timeMs / stepMs - step;
  const ease = part * part * (3 - 2 * part);
  return noise(key, step) * (1 - ease) + noise(key, step + 1) * ease;
}

/** FNV-1a over UTF-16 code units. */
function hash(text: string, start: number): number {
  let sum = start;
  for (let index = 0; index < text.length; index += 1)
    sum = Math.imul(sum ^ text.charCodeAt(index), 0x01000193);
  return sum >>> 0;
}

/** Spreads the bits (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
