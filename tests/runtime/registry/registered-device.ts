import { env } from "cloudflare:workers";
import { keyRingOf } from "../../../durable-objects/registry/keys.ts";
import { type RegistryPort, registryOf } from "../../../durable-objects/registry/registries.ts";
import { base64url } from "../../../engines/oauth/base64url.ts";
import { type DeviceCredentials, deriveDevice } from "../../../engines/oauth/device-registration.ts";
import { type Shard, shardOf } from "../../../engines/oauth/shard.ts";
import type { DidpEnv } from "../../../workers/didp/src/env.ts";

const bindings = env as unknown as DidpEnv & { TOLD: Fetcher }; // the bindings of this test's configuration

export const GATEWAY = "https://gateway.example";
export const model = { title: "Sensor", properties: {}, actions: {} };

/** One registered device and the object that it lives in. */
export interface RegisteredDevice {
  readonly credentials: DeviceCredentials;
  readonly credential: { readonly method: "client_secret_basic"; readonly secretHash: string };
  readonly home: RegistryPort;
  /** The same, as a stub for the test tools. */
  readonly stub: DurableObjectStub;
}

export async function registerDevice(): Promise<RegisteredDevice> {
  const credentials = await deriveDevice(
    keyRingOf(bindings.KEYS),
    crypto.getRandomValues(new Uint8Array(32)),
  );
  const shard = shardOf(credentials.oauthClientId.slice(2)) as Shard; // a derived id has one
  const home = registryOf(bindings.REGISTRY, shard);
  await home.addDevice({
    oauthClientId: credentials.oauthClientId,
    metadata: {
      clientName: "",
      softwareId: "sensor",
      softwareVersion: "",
      authMethod: "client_secret_basic",
      claimPolicy: "online",
      resetPolicy: "owner_confirms",
    },
    manufacturer: "acme",
    batch: null,
    secretHash: credentials.secretHash,
    registrationHash: credentials.registrationHash,
    claimHash: credentials.claimHash,
    requestHash: "",
  });
  return {
    credentials,
    credential: { method: "client_secret_basic", secretHash: credentials.secretHash },
    home,
    stub: bindings.REGISTRY.get(
      bindings.REGISTRY.idFromName(`shard-${shard}`),
    ) as unknown as DurableObjectStub,
  };
}

/** A new anonymous id, as the pseudonymiser would make it. */
export function newAnon(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

export function registryOfUser(anon: string): RegistryPort {
  return registryOf(bindings.REGISTRY, shardOf(anon) as Shard); // base64url of 16 bytes has one
}

/** Switched on and claimed; the device code is still to be answered. */
export async function claimDevice(device: RegisteredDevice, anon: string) {
  const { oauthClientId, claimHash } = device.credentials;
  const code = await device.home.deviceCode(oauthClientId, device.credential);
  if (code === undefined) throw new Error("no device code");
  const claimed = await device.home.claim(claimHash, anon, GATEWAY, model, "Kitchen");
  if (claimed.kind !== "claimed") throw new Error(claimed.kind);
  return {
    ...claimed,
    poll: () => device.home.pollDeviceCode(oauthClientId, device.credential, code.deviceCode, 0),
    refresh: (token: string) => device.home.refreshDevice(oauthClientId, device.credential, token),
  };
}

/** What the gateway's stand-in was told, or `down`, `up`, `forget`. */
export async function gateway(
  command = "",
): Promise<readonly { kind: string; handle?: string; reason?: string }[]> {
  return (await bindings.TOLD.fetch(`https://told/${command}`)).json();
}

/** A user's name at the gateway, made as the registry makes it. */
export async function userAtGateway(anon: string): Promise<string> {
  return base64url((await keyRingOf(bindings.KEYS).mac("gateway", "user", GATEWAY, anon)).slice(0, 16));
}

export function hashOfOffer(token: string): Promise<string> {
  return keyRingOf(bindings.KEYS).hash("offer", token);
}
