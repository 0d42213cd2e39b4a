import * as z from "zod/mini";
import { fromBase64url } from "../../../engines/oauth/base64url.ts";
import { isIssuer } from "../../../engines/oauth/issuer-metadata.ts";
import { RouteSealer } from "../../../engines/oauth/sealed-route.ts";
import { type SigningKey, signingKeyFrom } from "../../../engines/oauth/signing-key.ts";
import { Didps } from "./didps/didps.ts";
import { ForeignDidp } from "./didps/foreign-didp.ts";
import { HomeDidp } from "./didps/home-didp.ts";

/** The gateway's settings, read once an isolate. */
export interface GatewayConfig {
  /** This gateway's own address; the audience of the tokens it takes. */
  readonly gatewayUri: string;
  /** Whose tokens it takes. */
  readonly didps: Didps;
  readonly routes: RouteSealer;
  /** Proves to other operators' DIdPs which gateway asks. */
  readonly key: Promise<SigningKey> | undefined;
  /** How long a connection without a token may take to send its CONNECT. */
  readonly connectTimeoutSeconds: number;
}

/** Settings that need not be there, beside those of wrangler.toml. */
interface GatewaySettings {
  /** JSON array of the issuers of other operators whose tokens are taken. */
  readonly TRUSTED_ISSUERS?: string;
  /** base64url of 32 random bytes, an Ed25519 key. */
  readonly GATEWAY_KEY?: string;
}

const trustedIssuers = z.array(z.string()).check(z.maxLength(64));

/** @throws Error at the first request of an isolate whose settings are not usable; the message names the setting. */
export function readConfig(env: GatewayEnv & GatewaySettings): GatewayConfig {
  const routeKey = keyOf("ROUTE_KEY", env.ROUTE_KEY ?? "");
  const gatewayUri = env.GATEWAY_URI.replace(/\/$/, "");
  const home = new HomeDidp(env.DIDP_URI.replace(/\/$/, ""), gatewayUri, env.DIDP);
  const issuers = issuersOf(env.TRUSTED_ISSUERS, home.issuer);
  const key =
    env.GATEWAY_KEY === undefined ? undefined : signingKeyFrom(keyOf("GATEWAY_KEY", env.GATEWAY_KEY));
  return {
    gatewayUri,
    didps: new Didps(
      home,
      issuers.map((issuer) => {
        if (key === undefined) throw new Error("GATEWAY_KEY is missing: TRUSTED_ISSUERS names others to ask");
        return new ForeignDidp(issuer, { gatewayUri, key });
      }),
    ),
    routes: new RouteSealer(routeKey),
    key,
    connectTimeoutSeconds: 10,
  };
}

const configs = new WeakMap<GatewayEnv, GatewayConfig>();

/** The same once for each environment, so that what is learned of other DIdPs is learned once an isolate. */
export function configOf(env: GatewayEnv): GatewayConfig {
  const kept = configs.get(env);
  if (kept !== undefined) return kept;
  const config = readConfig(env);
  configs.set(env, config);
  return config;
}

function issuersOf(setting: string | undefined, home: string): readonly string[] {
  const read = trustedIssuers.safeParse(jsonOf(setting ?? "[]"));
  if (!read.success) throw new Error("TRUSTED_ISSUERS must be a JSON array of issuers");
  const wrong = read.data.find((issuer) => !isIssuer(issuer));
  if (wrong !== undefined)
    throw new Error(`TRUSTED_ISSUERS: ${wrong}: https, without query, fragment and a slash at the end`);
  if (new Set([home, ...read.data]).size <= read.data.length)
    throw new Error("TRUSTED_ISSUERS: an issuer stands twice, or is DIDP_URI");
  return read.data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function keyOf(name: string, text: string): Uint8Array<ArrayBuffer> {
  const key = fromBase64url(text);
  if (key?.length !== 32) throw new Error(`${name} must be base64url of 32 bytes`);
  return key;
}
