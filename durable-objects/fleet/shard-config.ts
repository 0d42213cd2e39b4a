import type { RuleState } from "../../engines/streams/rule-set.ts";
import type { RuleReport, RuleStatus } from "../stream-app/rule-status.ts";

/** What the combining object tells its shards: always everything. A higher version replaces a lower one. */
export interface ShardConfig {
  readonly version: number;
  readonly rules: readonly {
    readonly name: string;
    readonly text: string;
    readonly isRunning: boolean;
    /** Grows whenever the developer deploys or starts the rule; the same is done once. */
    readonly revision: number;
  }[];
}

/** A shard's part of one rule. */
export interface ShardReport {
  readonly state: RuleState;
  readonly error?: RuleStatus["error"];
  readonly metrics?: RuleReport;
}

/** A combining object or a shard by its name: `{app}`, `{app}/{shard}/{shards}`. */
export function shardName(app: string, shard: number, shards: number): string {
  return `${app}/${shard}/${shards}`;
}

/** @throws RangeError for a name that is none. */
export function readShardName(name: string | undefined): { app: string; shard: number; shards: number } {
  const [app = "", shard = "", shards = ""] = (name ?? "").split("/");
  if (app === "" || shard === "" || shards === "") throw new RangeError("a shard's name: app/shard/shards");
  return { app, shard: Number(shard), shards: Number(shards) };
}
