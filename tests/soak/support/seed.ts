/** `SOAK_SEED`, or a new one; printed, so that a run that failed can be had again. */
export function chooseSeed(what: string): number {
  const seed = Number(process.env.SOAK_SEED ?? Date.now() % 2 ** 31);
  console.log(`${what}: SOAK_SEED=${seed}`);
  return seed;
}
