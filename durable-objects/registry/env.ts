import type { ClaimedDevice, GatewayUserId, RevocationNotice } from "../../engines/oauth/authority.ts";
import type { Registry } from "./registry.ts";

/** What the DIdP may say to a gateway (its entrypoint `ForDidp`); both are idempotent. */
export interface GatewayPort {
  deviceClaimed(user: GatewayUserId, device: ClaimedDevice): Promise<void>;
  revoked(notice: RevocationNotice): Promise<void>;
}

/** What the registry asks of the pseudonymiser. */
export interface ForgettingPort {
  /** The last step of a deletion: the same login is a new user afterwards. */
  forget(anon: string): Promise<void>;
}

export interface RegistryEnv {
  readonly PSEUDONYMISER: ForgettingPort;
  readonly REGISTRY: DurableObjectNamespace<Registry>;
  readonly GATEWAY: GatewayPort;
  readonly DB: D1Database;
  readonly KEYS: string;
  readonly ROUTE_KEY: string;
  readonly ISSUER: string;
  readonly GATEWAY_URI: string;
  readonly EXTERNAL_GATEWAYS?: string;
  readonly DEVICE_TOKEN_SECONDS?: string;
  readonly APP_TOKEN_SECONDS?: string;
  readonly OWNER_TOKEN_SECONDS?: string;
}
