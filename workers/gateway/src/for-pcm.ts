import { WorkerEntrypoint } from "cloudflare:workers";
import type { Introspection } from "../../../engines/oauth/authority.ts";
import { configOf } from "./config.ts";

/** What a personal cloud asks its gateway. */
export class ForPcm extends WorkerEntrypoint<GatewayEnv> {
  /**
   * About a token that the home DIdP has not issued: it is this Worker that other operators' DIdPs know.
   * @throws CodedError `UNAVAILABLE`
   */
  async introspect(token: string): Promise<Introspection> {
    const didp = await configOf(this.env).didps.issuerOf(token);
    // Copied, as every answer that is handed on (docs/decisions/050).
    return didp === undefined ? { active: false } : { ...(await didp.introspect(token)) };
  }
}
