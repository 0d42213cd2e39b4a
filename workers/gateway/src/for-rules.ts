import { WorkerEntrypoint } from "cloudflare:workers";
import type {
  FleetInterest,
  FleetMember,
  FleetReturned,
  FleetReturns,
} from "../../../engines/fleet/fleet-hand-over.ts";
import type { GatewayAppId } from "../../../engines/oauth/authority.ts";
import { configOf } from "./config.ts";
import { personalCloudOf } from "./personal-cloud.ts";

/**
 * The way back from an app's rules to the personal clouds that feed them. The rules know each only by the app's own
 * name for the user and by an address that is sealed here, so that no two apps' rules can compare their users.
 */
export class ForRules extends WorkerEntrypoint<GatewayEnv> {
  /** What the app's rules want from now on. */
  async fleetInterest(app: GatewayAppId, member: FleetMember, interest: FleetInterest): Promise<void> {
    await (await this.#cloudOf(member)).fleetInterest(app, member.user, interest);
  }

  /** Results that concern one user. @returns up to which they were carried out, or refused. */
  async fleetResults(app: GatewayAppId, member: FleetMember, returns: FleetReturns): Promise<FleetReturned> {
    const cloud = await this.#cloudOf(member);
    // Copied, as every answer that is handed on (docs/decisions/050).
    return { ...(await cloud.fleetResults(app, member.user, returns)) };
  }

  async #cloudOf({ wayBack }: FleetMember) {
    const user = await configOf(this.env).routes.unseal(wayBack);
    if (user === undefined) throw new RangeError("way back: not sealed here");
    return personalCloudOf(this.env, user);
  }
}
