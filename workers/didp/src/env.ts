import type { GatewayPort } from "../../../durable-objects/registry/env.ts";
import type { Registry } from "../../../durable-objects/registry/registry.ts";

/** One login of a person's, to the month; `uidpId` is absent if its provider is not configured any more. */
export interface LinkedLogin {
  readonly reference: string;
  readonly uidpId: string | undefined;
  readonly sinceMs: number;
}

/** The pseudonymiser's entrypoint `Pseudonyms`. */
export interface PseudonymiserPort {
  resolve(uidpId: string, subject: string): Promise<string>;
  find(uidpId: string, subject: string): Promise<string | undefined>;
  link(anon: string, uidpId: string, subject: string): Promise<"linked" | "linked-already" | "taken">;
  logins(anon: string, uidpIds: readonly string[]): Promise<readonly LinkedLogin[]>;
  unlink(anon: string, reference: string): Promise<boolean>;
  renewRecoveryCodes(anon: string): Promise<readonly string[]>;
  recoveryCodesLeft(anon: string): Promise<number>;
  recover(code: string): Promise<string | undefined>;
  forget(anon: string): Promise<void>;
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
  readonly EXTERNAL_GATEWAYS?: string;
  readonly ALLOW_LOOPBACK_CLIENT_DOCUMENTS?: string;
  readonly DEVICE_POLL_SECONDS?: string;
  readonly APP_REGISTRATIONS_PER_MINUTE?: string;
  readonly CLAIM_TRIES_PER_MINUTE?: string;
}
