/** Bounds of one user's rules; each is enforced with the code `LIMIT` and a message that names it. */
export interface RuleLimits {
  readonly maxRules: number;
  readonly maxTextBytes: number;
  /** Rows of one rule's windows, tables, patterns and aggregations; beyond it events go to the fault stream. */
  readonly maxRows: number;
  /** Keys of one rule's partitions. */
  readonly maxPartitionKeys: number;
  /** Results of one rule for one event or timer; a rule that puts out more is stopped. */
  readonly maxResultsAtOnce: number;
  /** Characters of one result's payload; a larger one is not put out, and counts as an error of the rule. */
  readonly maxResultCharacters: number;
  /** Results that wait for the personal cloud; above it no batch is taken. Also the most of one batch. */
  readonly maxWaitingResults: number;
  /** Characters of their payloads, all together; the same holds. */
  readonly maxWaitingCharacters: number;
  /** Postings of all rules to servers outside that may wait; newer ones are dead letters at once. */
  readonly maxWaitingPostings: number;
  /** Events of a dry run. */
  readonly maxTestEvents: number;
  /** Timers that may run in a dry run. */
  readonly maxTestTimers: number;
}

export const defaultRuleLimits: RuleLimits = {
  maxRules: 200,
  maxTextBytes: 65_536,
  maxRows: 100_000,
  maxPartitionKeys: 10_000,
  maxResultsAtOnce: 1_000,
  maxResultCharacters: 65_536,
  maxWaitingResults: 10_000,
  maxWaitingCharacters: 8_000_000,
  maxWaitingPostings: 1_000,
  maxTestEvents: 20_000,
  maxTestTimers: 200_000,
};

/** Reads `RULE_LIMITS`, a JSON object of those that differ. @throws RangeError on anything that is no limit. */
export function ruleLimitsFrom(text: string | undefined): RuleLimits {
  if (text === undefined || text === "") return defaultRuleLimits;
  const given: unknown = JSON.parse(text);
  for (const [name, value] of Object.entries(given ?? {})) {
    if (!(name in defaultRuleLimits) || !Number.isSafeInteger(value) || Number(value) < 1) {
      throw new RangeError(`RULE_LIMITS: ${name} is no limit`);
    }
  }
  return { ...defaultRuleLimits, ...(given as Partial<RuleLimits>) }; // each name and value was just checked
}
