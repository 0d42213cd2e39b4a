import { defaultRuleLimits, type RuleLimits } from "../streams/rule-limits.ts";
import { maxShards } from "./shard-key.ts";

/** Bounds of one app's fleet; each is enforced with the code `LIMIT` and a message that names it. */
export interface FleetLimits extends RuleLimits {
  /** Objects that share an app's events, fixed when the app deploys its first rule; `maxRows` is for each of them. */
  readonly shards: number;
  /** Users whose grants feed one app; a grant beyond it is kept out until another one ends. */
  readonly maxUsers: number;
  /** Results kept for the developer to read; the oldest go first. */
  readonly maxKeptResults: number;
  /** Results that wait for one user's personal cloud; the newest are dropped above it. */
  readonly maxReturns: number;
}

export const defaultFleetLimits: FleetLimits = {
  ...defaultRuleLimits,
  maxRules: 20,
  shards: 4,
  maxUsers: 100_000,
  maxKeptResults: 10_000,
  maxReturns: 1_000,
};

/** Reads `FLEET_LIMITS`, a JSON object of those that differ. @throws RangeError on anything that is no limit. */
export function fleetLimitsFrom(text: string | undefined): FleetLimits {
  if (text === undefined || text === "") return defaultFleetLimits;
  const given: unknown = JSON.parse(text);
  for (const [name, value] of Object.entries(given ?? {})) {
    const most = name === "shards" ? maxShards : Number.MAX_SAFE_INTEGER;
    const isLimit = name in defaultFleetLimits && Number.isSafeInteger(value);
    if (!isLimit || Number(value) < 1 || Number(value) > most) {
      throw new RangeError(`FLEET_LIMITS: ${name} is no limit`);
    }
  }
  return { ...defaultFleetLimits, ...(given as Partial<FleetLimits>) }; // each name and value was just checked
}
