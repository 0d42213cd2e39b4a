/**
 * How long to wait before try `attempt + 1` after something that may pass: 1 s · 2ⁿ, a quarter more or less, and
 * never above `capMs`; longer when the server asked for it.
 *
 * @param attempt failures in a row before this one, 0 for the first.
 * @param random 0 ≤ x < 1.
 * @returns milliseconds.
 * @see IDENTITY.md §2.D, "which rule on which answer"
 */
export function backoffMs(
  attempt: number,
  random: number,
  { capMs = 15 * 60_000, retryAfterSeconds = 0 }: { capMs?: number; retryAfterSeconds?: number } = {},
): number {
  const base = Math.min(capMs, 1000 * 2 ** Math.min(attempt, 40));
  const spread = Math.min(capMs, Math.round(base * (0.75 + random / 2)));
  return Math.max(spread, retryAfterSeconds * 1000);
}
