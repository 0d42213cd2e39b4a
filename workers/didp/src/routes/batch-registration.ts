import { Hono } from "hono";
import { CompactEncrypt, importJWK, type JWK } from "jose";
import {
  type BatchOrder,
  hashReference,
  registerBatch,
} from "../../../../durable-objects/registry/device-batches.ts";
import { base64url } from "../../../../engines/oauth/base64url.ts";
import { readDeviceMetadata } from "../../../../engines/oauth/client-metadata.ts";
import { OAuthError } from "../../../../engines/oauth/oauth-error.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";
import { initialAccess, readIdempotencyKey } from "../factory-requests.ts";
import { oauthAnswer } from "../oauth-answers.ts";
import { Products } from "../products.ts";
import { registryFor } from "../registries.ts";
import { preferredWaitMs, readJsonObject } from "../requests.ts";
import { batchLine, ndjson, type Seal, streamBatch } from "../stream-batch.ts";

/** Registering many devices with one request (IDENTITY.md §2.B). */
export const batchRegistration = new Hono<DidpApp>();

const MOST_AT_ONCE = 1000;
const MOST_IN_A_JOB = 20_000;
const DAY_MS = 24 * 3600_000;

batchRegistration.post("/register/bulk", async (c) => {
  const { order, seal } = await readOrder(c, MOST_AT_ONCE);
  await spendOnce(c, order);
  const devices = await registerBatch(c.env.REGISTRY, c.var.config.keys, order, 0, order.count);
  if (devices === undefined) {
    throw new OAuthError("already_registered", "refs or Idempotency-Key: belong to other registrations.");
  }
  const lines = await Promise.all(devices.map((device) => batchLine(c, order, device, seal)));
  return c.body(lines.join(""), 201, ndjson);
});

batchRegistration.post("/register/jobs", async (c) => {
  const { order } = await readOrder(c, MOST_IN_A_JOB);
  await spendOnce(c, order);
  const id = await jobId(c, order.tokenHash, order.idempotencyKey);
  await registryFor(c.env, id)?.beginJob(id, order);
  c.header("location", `${c.var.config.issuer}/register/jobs/${id}`);
  return oauthAnswer(c, { state: "running", done: 0, total: order.count }, 202);
});

batchRegistration.get("/register/jobs/:id", async (c) => {
  const token = await initialAccess(c, new Products(c.env.DB));
  const id = c.req.param("id");
  const job = await registryFor(c.env, id)?.job(id, token.tokenHash, preferredWaitMs(c));
  if (job === undefined) throw new OAuthError("invalid_request", "There is no such job of this token.");
  return oauthAnswer(c, job);
});

batchRegistration.get("/register/jobs/:id/results", async (c) => {
  const token = await initialAccess(c, new Products(c.env.DB));
  const id = c.req.param("id");
  const order = await registryFor(c.env, id)?.jobResults(id, token.tokenHash);
  if (order === undefined) {
    throw new OAuthError("invalid_request", "The job has not finished, or its results are a day old.");
  }
  return streamBatch(c, order);
});

async function readOrder(
  c: DidpContext,
  most: number,
): Promise<{ order: BatchOrder; seal: Seal | undefined }> {
  const { keys } = c.var.config;
  const token = await initialAccess(c, new Products(c.env.DB));
  const idempotencyKey = readIdempotencyKey(c);
  if (idempotencyKey === undefined) {
    throw new OAuthError("invalid_request", "Idempotency-Key: is required here.");
  }
  const body = await readJsonObject(c);
  const { template, count, refs } = body;
  if (typeof template !== "object" || template === null) {
    throw new OAuthError("invalid_client_metadata", "template: an object like a single registration.");
  }
  if (typeof count !== "number" || !Number.isInteger(count) || count < 1 || count > most) {
    throw new OAuthError("invalid_client_metadata", `count: 1 to ${most}.`);
  }
  const metadata = readDeviceMetadata(template as Readonly<Record<string, unknown>>); // an object by the test above
  if (metadata.authMethod !== "client_secret_basic") {
    throw new OAuthError("invalid_client_metadata", "A batch has secrets; register keys one by one.");
  }
  if (!token.products.includes(metadata.softwareId)) {
    throw new OAuthError("access_denied", "software_id: not a product of this initial access token.");
  }
  const references = readReferences(refs, count);
  const order: BatchOrder = {
    tokenHash: token.tokenHash,
    idempotencyKey,
    requestHash: await keys.hash("registration-request", JSON.stringify(body)),
    metadata,
    manufacturer: token.manufacturer,
    batch: token.batch,
    count,
    ...(references === undefined
      ? {}
      : {
          referenceHashes: await Promise.all(
            references.map((reference) => hashReference(keys, token.manufacturer, reference)),
          ),
        }),
  };
  return { order, seal: body.response_key === undefined ? undefined : await readSeal(body.response_key) };
}

/** The quota is taken once for a request, however often it is sent. */
async function spendOnce(c: DidpContext, order: BatchOrder): Promise<void> {
  const key = await jobId(c, order.tokenHash, order.idempotencyKey);
  const home = registryFor(c.env, key);
  if ((await home?.takeAttempt(`batch:${key}`, 1, DAY_MS)) !== 0) return;
  if (await new Products(c.env.DB).spend(order.tokenHash, order.count)) return;
  await home?.giveBackAttempt(`batch:${key}`);
  throw new OAuthError("access_denied", "The quota of this initial access token is too small.");
}

async function jobId(c: DidpContext, tokenHash: string, idempotencyKey: string): Promise<string> {
  const mac = await c.var.config.keys.mac("registration", "job", tokenHash, idempotencyKey);
  return base64url(mac.slice(0, 16));
}

function readReferences(refs: unknown, count: number): readonly string[] | undefined {
  if (refs === undefined) return undefined;
  const isRight =
    Array.isArray(refs) &&
    refs.length === count &&
    refs.every((reference) => typeof reference === "string" && reference !== "" && reference.length <= 128) &&
    new Set(refs).size === count;
  if (!isRight) throw new OAuthError("invalid_client_metadata", "refs: as many different ones as devices.");
  return refs as readonly string[]; // checked one by one above
}

async function readSeal(key: unknown): Promise<Seal> {
  const isObject = typeof key === "object" && key !== null && !("d" in key);
  const jwk = (isObject ? key : {}) as JWK; // importing it checks the rest
  const algorithm = jwk.kty === "EC" ? "ECDH-ES" : "RSA-OAEP-256";
  try {
    const imported = await importJWK(jwk, algorithm);
    return (line) =>
      new CompactEncrypt(new TextEncoder().encode(line))
        .setProtectedHeader({ alg: algorithm, enc: "A256GCM" })
        .encrypt(imported);
  } catch {
    throw new OAuthError("invalid_client_metadata", "response_key: a public P-256 or RSA key.");
  }
}
