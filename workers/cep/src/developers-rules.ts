import { WorkerEntrypoint } from "cloudflare:workers";
import type { GatewayAppId } from "../../../engines/oauth/authority.ts";
import { developersApi } from "./developers-api.ts";
import { fleetHubOf } from "./fleet-hub-of.ts";

/**
 * The developers' side of the rules: what runs over the events that users granted to their apps. The gateway says
 * which app it is, after it has checked the app's own token.
 */
export class DevelopersRules extends WorkerEntrypoint<CepEnv> {
  /** A request of the developer's, as it came to the gateway, below `/v1/dev` (`developers-openapi.ts`). */
  async serve(app: GatewayAppId, request: Request): Promise<Response> {
    return developersApi.fetch(request, { app: fleetHubOf(this.env, app) });
  }
}
