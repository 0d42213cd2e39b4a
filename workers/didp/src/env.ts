import type { GatewayPort } from "../../../durable-objects/registry/env.ts";
import type { Registry } from "../../../durable-objects/registry/registry.ts";

/** The pseudonymiser's entrypoint `Pseudonyms`. */
export interface PseudonymiserPort {
  resolve(uidpId: string, subject: string): Promise<string>;
}

/** Bindings of the DIdP; see config.ts for what each setting means. */
export interface DidpEnv {
  readonly REGISTRY: DurableObjectNamespace<Registry>;
  readonly DB: D1Database;
  readonly PSEUDONYMISER: PseudonymiserPort;
  readonly GATEWAY: GatewayPort;
  readonly ISSUER: string;
  readonly GATEWAY_URI: string;
  readonly KEYS: string;
  readonly ROUTE_KEY: string;
  readonly OPERATOR_TOKEN: string;
  readonly UIDPS: string;
  readonly DEVICE_POLL_SECONDS?: string;
  readonly APP_REGISTRATIONS_PER_MINUTE?: string;
}
