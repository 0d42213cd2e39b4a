import {
  type ExternalGateway,
  readExternalGateways,
} from "../../../durable-objects/registry/external-gateways.ts";
import { keyRingOf, routeSealerOf } from "../../../durable-objects/registry/keys.ts";
import type { KeyRing } from "../../../engines/oauth/key-ring.ts";
import type { RouteSealer } from "../../../engines/oauth/sealed-route.ts";
import type { DidpEnv } from "./env.ts";
import { type Uidp, uidpsSetting } from "./uidp/settings.ts";

/*
 * Secrets, made by whoever deploys (the local start script makes them at its first start):
 *   KEYS            JSON object, one key of 32 random bytes in base64url for each of `keyPurposes`
 *                   (engines/oauth/key-ring.ts): store, refresh, access, registration, claim, gateway, session,
 *                   reference, rate
 *   ROUTE_KEY       32 random bytes in base64url, the same as the gateway's
 *   OPERATOR_TOKEN  256 random bits as text
 *   UIDPS           JSON array of `Uidp` (uidp/settings.ts; client secrets of the logins are in it)
 */

export interface Config {
  /** The DIdP's own URL, without a slash at its end. */
  readonly issuer: string;
  /** Gateways that tokens may be for; the first is the default. */
  readonly gateways: readonly [string, ...string[]];
  readonly keys: KeyRing;
  readonly routes: RouteSealer;
  readonly operatorToken: string;
  readonly uidps: readonly Uidp[];
  readonly devicePollSeconds: number;
  readonly appRegistrationsPerMinute: number;
  /** Wrong codes from one network; IDENTITY.md §2.C step 2. */
  readonly claimTriesPerMinute: number;
  /** Gateways of other operators; their URIs are in `gateways` too. */
  readonly externalGateways: readonly ExternalGateway[];
  /** For development on one's own machine only. */
  readonly allowLoopbackClientDocuments: boolean;
  readonly cookieName: string;
  readonly isSecure: boolean;
}

const configs = new WeakMap<DidpEnv, Config>();

/**
 * Reads the bindings once.
 * @throws RangeError or ZodError naming the setting that is wrong
 */
export function configOf(env: DidpEnv): Config {
  const kept = configs.get(env);
  if (kept !== undefined) return kept;
  const issuer = env.ISSUER.replace(/\/$/, "");
  const isSecure = issuer.startsWith("https://");
  if (env.OPERATOR_TOKEN.length < 32) throw new RangeError("OPERATOR_TOKEN: 256 random bits");
  const externalGateways = readExternalGateways(env.EXTERNAL_GATEWAYS);
  const config: Config = {
    issuer,
    gateways: [env.GATEWAY_URI.replace(/\/$/, ""), ...externalGateways.map((gateway) => gateway.uri)],
    externalGateways,
    allowLoopbackClientDocuments: env.ALLOW_LOOPBACK_CLIENT_DOCUMENTS === "true",
    keys: keyRingOf(env.KEYS),
    routes: routeSealerOf(env.ROUTE_KEY),
    operatorToken: env.OPERATOR_TOKEN,
    uidps: uidpsSetting.parse(JSON.parse(env.UIDPS)),
    devicePollSeconds: setting(env.DEVICE_POLL_SECONDS, { fallback: 5, min: 1, max: 60 }),
    appRegistrationsPerMinute: setting(env.APP_REGISTRATIONS_PER_MINUTE, {
      fallback: 30,
      min: 1,
      max: 10_000,
    }),
    claimTriesPerMinute: setting(env.CLAIM_TRIES_PER_MINUTE, { fallback: 5, min: 1, max: 10_000 }),
    // __Host-: no other host, path or plain connection can set it.
    cookieName: isSecure ? "__Host-edgenym-didp" : "edgenym-didp",
    isSecure,
  };
  configs.set(env, config);
  return config;
}

function setting(text: string | undefined, options: { fallback: number; min: number; max: number }): number {
  const value = text === undefined ? options.fallback : Number(text);
  if (!Number.isInteger(value) || value < options.min || value > options.max) {
    throw new RangeError("a numeric setting is out of range");
  }
  return value;
}
