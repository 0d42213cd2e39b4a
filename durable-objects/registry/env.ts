import type { ClaimedDevice, GatewayUserId, RevocationNotice } from "../../engines/oauth/authority.ts";
import type { Registry } from "./registry.ts";

/** What the DIdP may say to a gateway (its entrypoint `ForDidp`); both are idempotent. */
export interface GatewayPort {
  deviceClaimed(user: GatewayUserId, device: ClaimedDevice): Promise<void>;
  revoked(notice: RevocationNotice): Promise<void>;
}

export interface RegistryEnv {
  readonly REGISTRY: DurableObjectNamespace<Registry>;
  readonly GATEWAY: GatewayPort;
  readonly KEYS: string;
  readonly ROUTE_KEY: string;
  readonly ISSUER: string;
  readonly DEVICE_TOKEN_SECONDS?: string;
  readonly APP_TOKEN_SECONDS?: string;
  readonly OWNER_TOKEN_SECONDS?: string;
}
