import { WorkerEntrypoint } from "cloudflare:workers";
import { shardName } from "../../../durable-objects/fleet/shard-config.ts";
import type {
  FleetInterest,
  FleetMember,
  GrantedAnswer,
  GrantedBatch,
} from "../../../engines/fleet/fleet-hand-over.ts";
import type { GatewayAppId, GatewayUserId } from "../../../engines/oauth/authority.ts";
import type { BatchAnswer, EventBatch } from "../../../engines/streams/hand-over.ts";
import { fleetHubOf } from "./fleet-hub-of.ts";
import { streamAppOf } from "./stream-app-of.ts";

/** What a personal cloud tells the rules of its user. */
export class ForPcm extends WorkerEntrypoint<CepEnv> {
  /** Events of the user's things, at least once; the answer brings what the rules put out. */
  async take(user: GatewayUserId, batch: EventBatch): Promise<BatchAnswer> {
    // A copy: what another call answered, handed on as it is, keeps this invocation alive until the caller's next
    // collection of garbage (docs/decisions/050).
    return { ...(await streamAppOf(this.env, user).take(batch)) };
  }

  /** The user is gone. */
  async forget(user: GatewayUserId): Promise<void> {
    await streamAppOf(this.env, user).forget();
  }

  /** A user granted something to an app. */
  async joinFleet(
    app: GatewayAppId,
    member: FleetMember,
  ): Promise<FleetInterest | { readonly isFull: boolean }> {
    return { ...(await fleetHubOf(this.env, app).join(member)) };
  }

  /** Events that a user granted to an app, at least once, for one of its shards. */
  async takeGranted(
    app: GatewayAppId,
    { shard, shards }: { readonly shard: number; readonly shards: number },
    user: string,
    batch: GrantedBatch,
  ): Promise<GrantedAnswer> {
    const id = this.env.FLEET_SHARD.idFromName(shardName(app, shard, shards));
    return { ...(await this.env.FLEET_SHARD.get(id).take(user, batch)) };
  }

  /** Devices that an app may not read any more, by its names. */
  async forgetInFleet(app: GatewayAppId, keys: readonly string[]): Promise<void> {
    await fleetHubOf(this.env, app).forget(keys);
  }

  /** The grant is over, or forgotten with its user. @param keys the app's names for the devices. */
  async leaveFleet(app: GatewayAppId, user: string, keys: readonly string[]): Promise<void> {
    await fleetHubOf(this.env, app).leave(user, keys);
  }
}
