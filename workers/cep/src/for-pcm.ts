import { WorkerEntrypoint } from "cloudflare:workers";
import type { GatewayUserId } from "../../../engines/oauth/authority.ts";
import type { BatchAnswer, EventBatch } from "../../../engines/streams/hand-over.ts";
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
}
