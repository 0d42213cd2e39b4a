/**
 * How sure one can be that two samples were not drawn from one distribution (Mann and Whitney's rank test, normal
 * approximation with ties, two-sided). It looks at ranks only, so a few requests that took very long, as on a busy
 * machine, count as little as any.
 * @returns the probability to see ranks so uneven, or more, if there is no difference
 */
export function rankTest(a: readonly number[], b: readonly number[]): number {
  const all = [
    ...a.map((value) => ({ value, isA: true })),
    ...b.map((value) => ({ value, isA: false })),
  ].sort((left, right) => left.value - right.value);
  let rankSum = 0;
  let ties = 0;
  for (let from = 0; from < all.length; ) {
    let to = from;
    while (to < all.length && all[to]?.value === all[from]?.value) to++;
    const group = to - from;
    const rank = (from + 1 + to) / 2;
    for (let at = from; at < to; at++) if (all[at]?.isA) rankSum += rank;
    ties += group ** 3 - group;
    from = to;
  }
  const n = all.length;
  const u = rankSum - (a.length * (a.length + 1)) / 2;
  const mean = (a.length * b.length) / 2;
  const variance = ((a.length * b.length) / 12) * (n + 1 - ties / (n * (n - 1)));
  return variance === 0 ? 1 : tails(Math.abs(u - mean) / Math.sqrt(variance));
}

/** Both tails of the normal distribution beyond `z` (Abramowitz and Stegun 7.1.26 times its exponential). */
function tails(z: number): number {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const series =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return series * Math.exp(-x * x);
}
