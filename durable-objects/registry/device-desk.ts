import { findGateway } from "../../engines/oauth/authorization-request.ts";
import type { KeyRing } from "../../engines/oauth/key-ring.ts";
import type { Clients } from "./clients.ts";
import type { Deliveries } from "./deliveries.ts";
import type { DeviceDesk } from "./device-channels.ts";
import type { DeviceClaims } from "./device-claims.ts";
import type { GrantTokens } from "./grant-tokens.ts";

const POLL_MS = 5000;

/** What the registry's tables do for a device that asks over MQTT. */
export function deviceDesk(
  tables: { clients: Clients; claims: DeviceClaims; tokens: GrantTokens },
  keys: KeyRing,
  deliveries: Deliveries,
  issuer: string,
  gateways: readonly string[],
): DeviceDesk {
  const { clients, claims, tokens } = tables;
  return {
    authenticate: async (oauthClientId, secret) =>
      clients.judgeSecret(oauthClientId, await keys.hash("client-secret", secret)),
    deviceCode: async (oauthClientId, boot, resource) => {
      if (resource !== undefined) {
        const gateway = findGateway(resource, gateways);
        if (gateway === undefined) return { error: "invalid_target" };
        claims.wantGateway(oauthClientId, gateway);
      }
      const code = await claims.deviceCode(oauthClientId, boot, Date.now());
      return code === undefined
        ? { error: "invalid_client" }
        : {
            device_code: code.deviceCode,
            verification_uri: `${issuer}/d`,
            expires_in: code.expiresInSeconds,
            interval: POLL_MS / 1000,
            ...(code.presence === undefined ? {} : { presence: code.presence }),
          };
    },
    poll: (oauthClientId, deviceCode) => claims.poll(oauthClientId, deviceCode, POLL_MS, Date.now()),
    refresh: (oauthClientId, token) => deliveries.pushing(tokens.refresh(token, oauthClientId, Date.now())),
    revoke: (oauthClientId, token) =>
      deliveries.pushing(tokens.revokeByToken(token, oauthClientId, Date.now())),
    presence: (oauthClientId, deviceCode) => claims.presence(oauthClientId, deviceCode, Date.now()),
    waitingTokens: (oauthClientId) => claims.waitingTokens(oauthClientId, Date.now()),
  };
}
