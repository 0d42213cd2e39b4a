import { fromBase64url } from "../../../engines/oauth/base64url.ts";
import { RouteSealer } from "../../../engines/oauth/sealed-route.ts";

/** The gateway's settings, read once an isolate. */
export interface GatewayConfig {
  /** This gateway's own address; the audience of the tokens it takes. */
  readonly gatewayUri: string;
  /** The authorization server that issues them. */
  readonly didpUri: string;
  readonly routes: RouteSealer;
  /** How long a connection without a token may take to send its CONNECT. */
  readonly connectTimeoutSeconds: number;
}

/** @throws Error at the first request of an isolate whose settings are not usable; the message names the setting. */
export function readConfig(env: GatewayEnv): GatewayConfig {
  const routeKey = fromBase64url(env.ROUTE_KEY ?? "");
  if (routeKey?.length !== 32) throw new Error("ROUTE_KEY must be base64url of 32 bytes");
  return {
    gatewayUri: env.GATEWAY_URI,
    didpUri: env.DIDP_URI,
    routes: new RouteSealer(routeKey),
    connectTimeoutSeconds: 10,
  };
}
