/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `SOAK_SEED`, or a new one; printed, so that a run that failed can be had again. */
export function chooseSeed(what: string): number {
  const seed = Number(process.env.SOAK_SEED ?? Date.now() % 2 ** 31);
  console.log(`${what}: SOAK_SEED=${seed}`);
  return seed;
}
