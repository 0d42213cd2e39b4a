import { Hono } from "hono";
import * as z from "zod";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { base64url } from "../../../../engines/oauth/base64url.ts";
import { equalBytes, randomSecret } from "../../../../engines/oauth/key-ring.ts";
import { problem } from "../../../http/problem.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";
import { initialAccess } from "../factory-requests.ts";
import { Members } from "../members.ts";
import { Products } from "../products.ts";
import { allRegistries } from "../registries.ts";
import { bearerOf } from "../requests.ts";

/** `/v1/ops/…`: what an operator does before a factory can register anything. */
export const operations = new Hono<DidpApp>();

const words = z.string().min(1).max(80);
const name = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/);

const productBody = z.object({
  title: words,
  manufacturer: z.string().min(1).max(64),
  model: z.object({
    title: words,
    properties: z.record(name, z.object({ title: words, unit: z.string().max(16).exactOptional() })),
    actions: z.record(name, z.object({ title: words })),
  }),
});

const tokenBody = z.object({
  manufacturer: z.string().min(1).max(64),
  models: z.array(z.string().min(1).max(128)).min(1).max(100),
  max_count: z.int().min(1).max(10_000_000),
  batch: z.string().min(1).max(64).optional(),
  expires_in: z
    .int()
    .min(1)
    .max(366 * 24 * 3600),
});

const manufacturerBody = z.object({
  name: words,
  jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())).min(1).max(4) }).optional(),
});
const INVITATION_MS = 7 * 24 * 3600_000;
const disableBody = z.object({ reason: z.enum(["compromised", "recall", "unpaid"]) });

operations.use("/v1/ops/*", async (c, next) => {
  const { keys, operatorToken } = c.var.config;
  const [presented, expected] = await Promise.all([
    keys.mac("store", "operator-token", bearerOf(c) ?? ""),
    keys.mac("store", "operator-token", operatorToken),
  ]);
  if (!equalBytes(presented, expected)) {
    throw new CodedError("UNAUTHENTICATED", "An operator's token is needed.");
  }
  await next();
});

operations.put("/v1/ops/products/:softwareId", async (c) => {
  const softwareId = c.req.param("softwareId");
  if (!/^[\w.-]{1,128}$/.test(softwareId)) throw new CodedError("BAD_REQUEST", "software_id: a short name.");
  const body = await read(c, productBody);
  if (!(await new Products(c.env.DB).put(softwareId, body))) {
    throw new CodedError("CONFLICT", "This product is another manufacturer's.");
  }
  return c.json({ software_id: softwareId, ...body });
});

operations.post("/v1/ops/initial-access-tokens", async (c) => {
  const body = await read(c, tokenBody);
  const token = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const isAdded = await new Products(c.env.DB).addToken({
    tokenHash: await c.var.config.keys.hash("initial-access-token", token),
    manufacturer: body.manufacturer,
    products: body.models,
    maxCount: body.max_count,
    batch: body.batch ?? randomSecret(6),
    expiresMs: Date.now() + body.expires_in * 1000,
  });
  if (!isAdded) throw new CodedError("BAD_REQUEST", "models: each must be a product of this manufacturer.");
  return c.json({ initial_access_token: token, ...body }, 201, { "cache-control": "no-store" });
});

operations.put("/v1/ops/manufacturers/:id", async (c) => {
  const { name: title, jwks } = await read(c, manufacturerBody);
  await new Members(c.env.DB).putManufacturer(c.req.param("id"), title, jwks);
  return c.json({ id: c.req.param("id"), name: title });
});

/** A link that makes whoever opens it, once, one of the manufacturer's people. */
operations.post("/v1/ops/manufacturers/:id/invitations", async (c) => {
  const token = randomSecret();
  const hash = await c.var.config.keys.hash("invitation", token);
  const isMade = await new Members(c.env.DB).invite(hash, c.req.param("id"), Date.now() + INVITATION_MS);
  if (!isMade) throw new CodedError("NOT_FOUND", "There is no such manufacturer.");
  return c.json({ invitation_uri: `${c.var.config.issuer}/m#${token}` }, 201, {
    "cache-control": "no-store",
  });
});

operations.post("/v1/ops/batches/:manufacturer/:batch/disable", async (c) => {
  const { reason } = await read(c, disableBody);
  return c.json(await disableBatch(c, c.req.param("manufacturer"), c.req.param("batch"), reason));
});

/** The factory's own way, with a token of that very batch. */
operations.post("/batches/:batch/disable", async (c) => {
  const { reason } = await read(c, disableBody);
  const token = await initialAccess(c, new Products(c.env.DB));
  if (token.batch !== c.req.param("batch"))
    throw new CodedError("FORBIDDEN", "The token is for another batch.");
  return c.json(await disableBatch(c, token.manufacturer, token.batch, reason));
});

operations.post("/v1/ops/apps/:clientId/ban", async (c) => {
  const oauthClientId = c.req.param("clientId");
  await Promise.all(allRegistries(c.env).map((shard) => shard.banApp(oauthClientId)));
  await new Products(c.env.DB).note("operator", "app-banned", oauthClientId);
  return c.body(null, 204);
});

operations.onError((error, c) => problem(c, error));

/** Counts leave in groups of ten at least: a manufacturer must not learn about single owners. */
const LEAST_GROUP = 10;

async function disableBatch(
  c: DidpContext,
  manufacturer: string,
  batch: string,
  reason: "compromised" | "recall" | "unpaid",
) {
  const counts = await Promise.all(
    allRegistries(c.env).map((shard) => shard.disableBatch(manufacturer, batch, reason)),
  );
  await new Products(c.env.DB).note(manufacturer, `batch-${reason}`, batch);
  const devices = counts.reduce((sum, count) => sum + count, 0);
  return { batch, reason, devices: devices < LEAST_GROUP ? `fewer than ${LEAST_GROUP}` : devices };
}

async function read<T>(c: DidpContext, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await c.req.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join(".") ?? "";
  throw new CodedError(
    "BAD_REQUEST",
    `The body is not as described: ${where === "" ? "JSON object expected" : where}.`,
  );
}
