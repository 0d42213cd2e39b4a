import type { GatewayAppId } from "../../../engines/oauth/authority.ts";

/** The one object that brings an app's rules together. */
export function fleetHubOf(env: CepEnv, app: GatewayAppId) {
  return env.FLEET_HUB.get(env.FLEET_HUB.idFromName(app));
}
