import type { GatewayUserId } from "../../../engines/oauth/authority.ts";

/** The one object that runs this user's rules; named like their personal cloud. */
export function streamAppOf(env: CepEnv, user: GatewayUserId) {
  return env.STREAM_APP.get(env.STREAM_APP.idFromName(user));
}
