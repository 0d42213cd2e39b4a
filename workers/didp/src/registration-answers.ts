import { fromBase64url } from "../../../engines/oauth/base64url.ts";
import {
  type AppMetadata,
  DEVICE_CODE_GRANT,
  type DeviceMetadata,
} from "../../../engines/oauth/client-metadata.ts";
import type { DeviceCredentials } from "../../../engines/oauth/device-registration.ts";
import { appScopes, DEVICE_SCOPE, RULES_SCOPE } from "../../../engines/oauth/iot-access.ts";
import type { Config } from "./config.ts";

/**
 * What a device's registration says for as long as it stands, in the words of RFC 7591: its metadata and where it
 * goes. Everything but its secrets, of which only keyed hashes are kept.
 */
export function deviceFields(config: Config, oauthClientId: string, metadata: DeviceMetadata) {
  return {
    ...(metadata.authMethod === "client_secret_basic" ? { client_secret_expires_at: 0 } : {}),
    token_endpoint: `${config.issuer}/token`,
    device_authorization_endpoint: `${config.issuer}/device_authorization`,
    mqtt_token_endpoint: mqttEndpoint(config, oauthClientId),
    gateway_uri: config.gateways[0],
    client_name: metadata.clientName,
    software_id: metadata.softwareId,
    software_version: metadata.softwareVersion,
    token_endpoint_auth_method: metadata.authMethod,
    grant_types: [DEVICE_CODE_GRANT, "refresh_token"],
    scope: DEVICE_SCOPE,
    claim_policy: metadata.claimPolicy,
    reset_policy: metadata.resetPolicy,
    ...(metadata.jwks === undefined ? {} : { jwks: metadata.jwks }),
  };
}

/** IDENTITY.md §2.A step 3. */
export function deviceAnswer(config: Config, device: DeviceCredentials, metadata: DeviceMetadata) {
  return {
    client_id: device.oauthClientId,
    ...(metadata.authMethod === "client_secret_basic" ? { client_secret: device.clientSecret } : {}),
    client_id_issued_at: Math.floor(Date.now() / 1000),
    registration_access_token: device.registrationToken,
    registration_client_uri: `${config.issuer}/register/${device.oauthClientId}`,
    user_registration_uri: claimLink(config, device.claimCode),
    user_code: device.claimCode,
    ...deviceFields(config, device.oauthClientId, metadata),
  };
}

/** As `deviceFields`, of an app. */
export function appFields(metadata: AppMetadata) {
  const isConfidential = metadata.authMethod !== "none";
  return {
    ...(metadata.authMethod === "client_secret_basic" ? { client_secret_expires_at: 0 } : {}),
    client_name: metadata.clientName,
    redirect_uris: metadata.redirectUris,
    application_type: metadata.applicationType,
    token_endpoint_auth_method: metadata.authMethod,
    grant_types: ["authorization_code", "refresh_token", ...(isConfidential ? ["client_credentials"] : [])],
    response_types: ["code"],
    scope: ["openid", ...appScopes, ...(isConfidential ? [RULES_SCOPE] : [])].join(" "),
    // OpenID Connect Registration §2: a client that is not told expects RS256.
    id_token_signed_response_alg: "EdDSA",
    subject_type: "pairwise",
    ...(isConfidential ? { require_pushed_authorization_requests: true } : {}),
    ...(metadata.dpopBound ? { dpop_bound_access_tokens: true } : {}),
    ...(metadata.clientUri === undefined ? {} : { client_uri: metadata.clientUri }),
    ...(metadata.jwks === undefined ? {} : { jwks: metadata.jwks }),
  };
}

/** What the QR code says. The code stands in the fragment, which no browser sends: it is in no log of ours or on the way. */
export function claimLink(config: Config, claimCode: string): string {
  return `${config.issuer}/d#${claimCode}`;
}

/** The first byte of the client id says where the device's connections are served. */
function mqttEndpoint(config: Config, oauthClientId: string): string {
  const first = fromBase64url(oauthClientId.slice(2))?.[0] ?? 0;
  return `${config.issuer.replace(/^http/, "ws")}/mqtt/${first.toString(16).padStart(2, "0")}`;
}
