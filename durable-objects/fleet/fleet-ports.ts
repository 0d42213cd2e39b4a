import type {
  FleetInterest,
  FleetMember,
  FleetReturned,
  FleetReturns,
} from "../../engines/fleet/fleet-hand-over.ts";
import type { FleetLimits } from "../../engines/fleet/fleet-limits.ts";
import type { FleetReport } from "../../engines/fleet/fleet-report.ts";
import type { RuleStatus } from "../stream-app/rule-status.ts";
import type { ShardConfig, ShardReport } from "./shard-config.ts";

/** One of an app's shards, as its combining object calls it. */
export interface ShardPort {
  configure(config: ShardConfig): Promise<Readonly<Record<string, readonly string[]>>>;
  forget(keys: readonly string[]): Promise<void>;
  leave(user: string, keys: readonly string[]): Promise<void>;
  report(name: string): Promise<ShardReport | undefined>;
}

/** The gateway, which opens the way back to a personal cloud. */
export interface WaysBack {
  fleetInterest(app: string, member: FleetMember, interest: FleetInterest): Promise<void>;
  fleetResults(app: string, member: FleetMember, returns: FleetReturns): Promise<FleetReturned>;
}

/** What the object needs of its script's bindings. */
export interface FleetHubEnv {
  readonly FLEET_SHARD: {
    idFromName(name: string): DurableObjectId;
    get(id: DurableObjectId): ShardPort;
  };
  readonly GATEWAY: WaysBack;
  /** See `fleetLimitsFrom`. */
  readonly FLEET_LIMITS?: string;
  /** `true`: webhooks may go to `http://127.0.0.1`, for development only. */
  readonly ALLOW_LOOPBACK_WEBHOOKS?: string;
}

/** A rule of an app, with what its text means for the users. */
export interface FleetRuleStatus extends RuleStatus {
  readonly fleet: FleetReport;
}

/** How large an app's fleet is, and its limits. */
export interface FleetSize {
  readonly users: number;
  readonly shards: number;
  readonly limits: FleetLimits;
  /** Results for users that were dropped because too many waited. */
  readonly droppedReturns: number;
  /** Results that a user's grant did not allow. */
  readonly refusedReturns: number;
}
