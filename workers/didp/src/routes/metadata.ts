import { Hono } from "hono";
import { signerOf } from "../../../../durable-objects/registry/signer.ts";
import { DEVICE_CODE_GRANT } from "../../../../engines/oauth/client-metadata.ts";
import { appScopes, RULES_SCOPE } from "../../../../engines/oauth/iot-access.ts";
import { acceptedAlgorithms } from "../../../../engines/oauth/jwt-verification.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";

/** Authorization server metadata (RFC 8414), also where OpenID Connect discovery looks. */
export const metadata = new Hono<DidpApp>();

const answer = (c: DidpContext) => {
  const { issuer, gateways } = c.var.config;
  return c.json(
    {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      pushed_authorization_request_endpoint: `${issuer}/par`,
      token_endpoint: `${issuer}/token`,
      device_authorization_endpoint: `${issuer}/device_authorization`,
      registration_endpoint: `${issuer}/register`,
      revocation_endpoint: `${issuer}/revoke`,
      jwks_uri: `${issuer}/jwks`,
      introspection_endpoint: `${issuer}/introspect`,
      introspection_endpoint_auth_methods_supported: ["private_key_jwt"],
      introspection_endpoint_auth_signing_alg_values_supported: acceptedAlgorithms,
      introspection_signing_alg_values_supported: ["EdDSA"],
      consent_redemption_endpoint: `${issuer}/consent/redeem`,
      consent_conclusion_endpoint: `${issuer}/consent/conclude`,
      id_token_signing_alg_values_supported: ["EdDSA"],
      subject_types_supported: ["pairwise"],
      claims_supported: ["iss", "sub", "aud", "iat", "exp", "nonce", "auth_time"],
      // OpenID Connect Discovery §3: request_uri_parameter_supported left out would mean yes; a pushed request's
      // address needs no word here (RFC 9126 §5).
      claims_parameter_supported: false,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
      client_id_metadata_document_supported: true,
      scopes_supported: ["openid", ...appScopes, RULES_SCOPE],
      response_types_supported: ["code"],
      response_modes_supported: ["query"],
      grant_types_supported: ["authorization_code", "refresh_token", "client_credentials", DEVICE_CODE_GRANT],
      code_challenge_methods_supported: ["S256"],
      token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "private_key_jwt"],
      token_endpoint_auth_signing_alg_values_supported: acceptedAlgorithms,
      revocation_endpoint_auth_methods_supported: ["none", "client_secret_basic", "private_key_jwt"],
      revocation_endpoint_auth_signing_alg_values_supported: acceptedAlgorithms,
      dpop_signing_alg_values_supported: acceptedAlgorithms,
      authorization_details_types_supported: ["iot_access"],
      authorization_response_iss_parameter_supported: true,
      protected_resources: gateways,
    },
    200,
    { "cache-control": "public, max-age=300" },
  );
};

metadata.get("/jwks", async (c) =>
  c.json({ keys: [(await signerOf(c.var.config.keys)).publicJwk] }, 200, {
    "cache-control": "public, max-age=300",
  }),
);
metadata.get("/.well-known/oauth-authorization-server", answer);
metadata.get("/.well-known/openid-configuration", answer);
