import { Hono } from "hono";
import type { Client } from "../../../../durable-objects/registry/clients.ts";
import { hashReference } from "../../../../durable-objects/registry/device-batches.ts";
import {
  type DeviceMetadata,
  isDeviceBody,
  readAppMetadata,
  readDeviceMetadata,
} from "../../../../engines/oauth/client-metadata.ts";
import { deriveDevice, seedOfRequest } from "../../../../engines/oauth/device-registration.ts";
import { checkSoftwareStatement } from "../../../../engines/oauth/jwt-verification.ts";
import { OAuthError } from "../../../../engines/oauth/oauth-error.ts";
import type { Config } from "../config.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";
import { initialAccess, readIdempotencyKey } from "../factory-requests.ts";
import { Members } from "../members.ts";
import { addApp } from "../new-app.ts";
import { oauthAnswer } from "../oauth-answers.ts";
import { Products } from "../products.ts";
import { appFields, deviceAnswer, deviceFields } from "../registration-answers.ts";
import { allRegistries, registryFor, registryForClient } from "../registries.ts";
import { bearerOf, networkOf, readJsonObject } from "../requests.ts";

/** Dynamic client registration (RFC 7591) of devices and apps, and its management (RFC 7592). */
export const registration = new Hono<DidpApp>();

registration.post("/register", async (c) => {
  const body = await readJsonObject(c);
  return isDeviceBody(body) ? registerDevice(c, body) : registerApp(c, body);
});

registration.get("/register/:clientId", async (c) => {
  const { client, token } = await managed(c);
  return oauthAnswer(c, clientAnswer(c.var.config, client, token));
});

registration.put("/register/:clientId", async (c) => {
  const { client, token, home } = await managed(c);
  const body = await readJsonObject(c);
  if (body.client_id !== client.oauthClientId) {
    throw new OAuthError("invalid_client_metadata", "client_id: must be this client's.");
  }
  // RFC 7592 §2.2: these are not the client's to say.
  for (const name of NOT_TO_SEND) {
    if (name in body) throw new OAuthError("invalid_client_metadata", `${name}: must not be sent.`);
  }
  if (body.client_secret !== undefined) await checkSecret(c, client.oauthClientId, body.client_secret);
  const metadata = client.kind === "app" ? readAppMetadata(body) : readDeviceMetadata(body);
  if (metadata.authMethod !== client.metadata.authMethod) {
    throw new OAuthError(
      "invalid_client_metadata",
      "token_endpoint_auth_method: register again to change it.",
    );
  }
  if (client.kind === "device" && (metadata as DeviceMetadata).softwareId !== client.metadata.softwareId) {
    throw new OAuthError("invalid_client_metadata", "software_id: a device stays what it is."); // device body was read above
  }
  if (!(await home.replaceMetadata(client.oauthClientId, metadata))) {
    throw new OAuthError(
      "access_denied",
      "This device has an owner: its keys and policies are not its factory's to change any more.",
    );
  }
  const updated = { ...client, metadata } as Client; // kind and metadata still belong together
  return oauthAnswer(c, clientAnswer(c.var.config, updated, token));
});

const NOT_TO_SEND = [
  "registration_access_token",
  "registration_client_uri",
  "client_secret_expires_at",
  "client_id_issued_at",
];

registration.delete("/register/:clientId", async (c) => {
  const { client, home } = await managed(c);
  if (client.kind === "app") await endEverywhere(c, client.oauthClientId);
  if (!(await home.removeClient(client.oauthClientId))) {
    throw new OAuthError("access_denied", "This device has an owner.");
  }
  return c.body(null, 204);
});

/** RFC 7592 §2.2: a secret that is sent along is the one that was issued; it cannot be changed this way. */
async function checkSecret(c: DidpContext, oauthClientId: string, secret: unknown): Promise<void> {
  const secretHash = await c.var.config.keys.hash("client-secret", String(secret));
  const known = await registryForClient(c.env, oauthClientId)?.authenticate(oauthClientId, {
    method: "client_secret_basic",
    secretHash,
  });
  if (known === undefined)
    throw new OAuthError("invalid_client_metadata", "client_secret: not this client's.");
}

/** An app that is gone holds nothing any more, in whichever shard its users live. */
async function endEverywhere(c: DidpContext, oauthClientId: string): Promise<void> {
  await Promise.all(allRegistries(c.env).map((shard) => shard.banApp(oauthClientId)));
}

async function registerDevice(c: DidpContext, sent: Readonly<Record<string, unknown>>): Promise<Response> {
  const { keys } = c.var.config;
  const products = new Products(c.env.DB);
  const token = await initialAccess(c, products);
  const body = await withStatement(c, sent, token.manufacturer);
  const metadata = readDeviceMetadata(body);
  if (!token.products.includes(metadata.softwareId)) {
    throw new OAuthError("access_denied", "software_id: not a product of this initial access token.");
  }
  const idempotencyKey = readIdempotencyKey(c);
  const seed =
    idempotencyKey === undefined
      ? crypto.getRandomValues(new Uint8Array(32))
      : await seedOfRequest(keys, token.tokenHash, idempotencyKey);
  const device = await deriveDevice(keys, seed);
  const home = registryForClient(c.env, device.oauthClientId);
  if (home === undefined) throw new RangeError("a derived client id has a shard");

  // A repeated request finds its device and costs no quota; nor does one that is refused below.
  const isNew = idempotencyKey === undefined || (await home.client(device.oauthClientId)) === undefined;
  if (isNew && !(await products.spend(token.tokenHash, 1))) {
    throw new OAuthError("access_denied", "The quota of this initial access token is used up.");
  }
  const reference = await reserveReference(
    c,
    body.device_ref,
    token.manufacturer,
    device.oauthClientId,
  ).catch(async (error: unknown) => {
    await products.giveBack(token.tokenHash, isNew ? 1 : 0);
    throw error;
  });
  const outcome = await home.addDevice({
    oauthClientId: device.oauthClientId,
    metadata,
    manufacturer: token.manufacturer,
    batch: token.batch,
    secretHash: metadata.authMethod === "client_secret_basic" ? device.secretHash : null,
    registrationHash: device.registrationHash,
    claimHash: device.claimHash,
    requestHash: await keys.hash("registration-request", JSON.stringify(body)),
  });
  if (outcome === "conflict") {
    throw new OAuthError("already_registered", "Idempotency-Key: was used for another request.");
  }
  await reference?.confirm();
  return oauthAnswer(c, deviceAnswer(c.var.config, device, metadata), 201);
}

/** What the manufacturer has signed goes before what the factory sends (RFC 7591 §2.3). */
async function withStatement(
  c: DidpContext,
  body: Readonly<Record<string, unknown>>,
  manufacturer: string,
): Promise<Readonly<Record<string, unknown>>> {
  if (body.software_statement === undefined) return body;
  const keys = await new Members(c.env.DB).keysOf(manufacturer);
  const claims =
    keys === undefined || typeof body.software_statement !== "string"
      ? undefined
      : await checkSoftwareStatement(body.software_statement, manufacturer, keys, Date.now());
  if (claims === undefined) {
    throw new OAuthError("invalid_software_statement", "Not a statement of this manufacturer.");
  }
  const stated = STATED.flatMap((name) => (name in claims ? [[name, claims[name]] as const] : []));
  return { ...body, ...Object.fromEntries(stated) };
}

const STATED = ["client_name", "software_id", "software_version", "claim_policy", "reset_policy"];

async function registerApp(c: DidpContext, body: Readonly<Record<string, unknown>>): Promise<Response> {
  const { appRegistrationsPerMinute } = c.var.config;
  const metadata = readAppMetadata(body);
  const network = await networkOf(c);
  const waitSeconds = await registryFor(c.env, network)?.takeAttempt(
    `register:${network}`,
    appRegistrationsPerMinute,
    60_000,
  );
  if (waitSeconds !== undefined && waitSeconds > 0) {
    throw new OAuthError("too_many_requests", "Too many registrations from this network.", {
      retryAfterSeconds: waitSeconds,
    });
  }
  const { oauthClientId, registrationToken, secret } = await addApp(c, metadata);
  const client: Client = { kind: "app", oauthClientId, isActive: true, metadata, createdMs: Date.now() };
  return oauthAnswer(
    c,
    {
      ...clientAnswer(c.var.config, client, registrationToken),
      ...(secret === undefined ? {} : { client_secret: secret }),
    },
    201,
  );
}

/** A factory's own reference for the device: kept only as a hash under the manufacturer's name. */
async function reserveReference(
  c: DidpContext,
  reference: unknown,
  manufacturer: string,
  oauthClientId: string,
): Promise<{ confirm: () => Promise<void> } | undefined> {
  if (reference === undefined) return undefined;
  if (typeof reference !== "string" || reference.length === 0 || reference.length > 128) {
    throw new OAuthError("invalid_client_metadata", "device_ref: up to 128 characters.");
  }
  const hash = await hashReference(c.var.config.keys, manufacturer, reference);
  const home = registryFor(c.env, hash);
  if (home === undefined) throw new RangeError("a keyed hash has a shard");
  if (!(await home.reserveReference(hash, oauthClientId))) {
    throw new OAuthError("already_registered", "device_ref: another registration has it.");
  }
  return { confirm: async () => home.confirmReference(hash, oauthClientId) };
}

async function managed(c: DidpContext) {
  const oauthClientId = c.req.param("clientId") ?? "";
  const home = registryForClient(c.env, oauthClientId);
  const token = bearerOf(c) ?? "";
  const hash = await c.var.config.keys.hash("registration-token", token);
  const client: Client | undefined = await home?.managedClient(oauthClientId, hash);
  // RFC 7592 §2: whatever is wrong, the same 401.
  if (home === undefined || client === undefined) {
    throw new OAuthError("invalid_token", "The registration access token does not fit.");
  }
  return { home, client, token };
}

function clientAnswer(config: Config, client: Client, registrationToken: string) {
  return {
    client_id: client.oauthClientId,
    client_id_issued_at: Math.floor(client.createdMs / 1000),
    registration_access_token: registrationToken,
    registration_client_uri: `${config.issuer}/register/${client.oauthClientId}`,
    ...(client.kind === "app"
      ? appFields(client.metadata)
      : deviceFields(config, client.oauthClientId, client.metadata)),
  };
}
