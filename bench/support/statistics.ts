/** The value below which `fraction` of the samples lie (nearest rank). */
export function percentile(samples: readonly number[], fraction: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? Number.NaN;
}

/** One JSON line on stdout; numbers to three digits after the point. */
export function report(result: Readonly<Record<string, string | number>>): void {
  console.log(
    JSON.stringify(result, (_, value) =>
      typeof value === "number" ? Math.round(value * 1000) / 1000 : value,
    ),
  );
}
