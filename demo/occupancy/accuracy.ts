/** What the rule said at one time: people, seconds since 1970. */
export interface Estimate {
  readonly timeSeconds: number;
  readonly people: number;
}

/** How often the rule was right, over one part of the trace. */
export interface Accuracy {
  readonly part: string;
  readonly rows: number;
  /** Exactly as many people as were counted. */
  readonly count: number;
  /** Somebody or nobody. */
  readonly occupied: number;
  /** Mean of |estimate - count|. */
  readonly meanError: number;
  /** What one gets by always saying "nobody". */
  readonly baseline: number;
}

/**
 * Holds the last estimate at each row's time against the true head count. The first day gave the thresholds; the
 * days after it were not looked at.
 */
export function accuracyOf(
  estimates: readonly Estimate[],
  counts: ReadonlyMap<number, number>,
): readonly Accuracy[] {
  const said = new Map(estimates.map(({ timeSeconds, people }) => [timeSeconds, people]));
  let current = 0;
  const rows = [...counts].map(([timeSeconds, count]) => {
    current = said.get(timeSeconds) ?? current;
    return { day: new Date(timeSeconds * 1000).toISOString().slice(0, 10), count, people: current };
  });
  const first = rows[0]?.day;
  const parts = [
    ["first day (thresholds)", rows.filter(({ day }) => day === first)],
    ["days after it (unseen)", rows.filter(({ day }) => day !== first)],
    ["whole trace", rows],
  ] as const;
  return parts
    .filter(([, part]) => part.length > 0)
    .map(([part, of]) => {
      const share = (isRight: (row: (typeof rows)[number]) => boolean) =>
        of.filter(isRight).length / of.length;
      return {
        part,
        rows: of.length,
        count: share(({ count, people }) => count === people),
        occupied: share(({ count, people }) => count > 0 === people > 0),
        meanError: of.reduce((sum, { count, people }) => sum + Math.abs(count - people), 0) / of.length,
        baseline: share(({ count }) => count === 0),
      };
    });
}

/** A table for people. */
export function accuracyTable(accuracies: readonly Accuracy[]): string {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  return [
    '| part of the trace | rows | count right | occupied right | mean error | always "nobody" |',
    "|---|---|---|---|---|---|",
    ...accuracies.map(
      ({ part, rows, count, occupied, meanError, baseline }) =>
        `| ${part} | ${rows} | ${percent(count)} | ${percent(occupied)} | ${meanError.toFixed(3)} | ${percent(baseline)} |`,
    ),
  ].join("\n");
}
