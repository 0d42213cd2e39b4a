/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import { Hono } from "hono";
import type { BatchOrder } from "../../../../durable-objects/registry/device-batches.ts";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { base64url } from "../../../../engines/oauth/base64url.ts";
import { DEVICE_CODE_GRANT, readDeviceMetadata } from "../../../../engines/oauth/client-metadata.ts";
import { plainText } from "../../../../engines/oauth/iot-access.ts";
import { randomSecret } from "../../../../engines/oauth/key-ring.ts";
import { ensureSession, isLoggedIn, type LoggedIn, readOwnForm } from "../browser-session.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";
import { Members } from "../members.ts";
import {
  type BatchView,
  InvitationPage,
  ManufacturerPage,
  ManufacturersPage,
  RunPage,
} from "../pages/manufacturer-pages.tsx";
import { Products } from "../products.ts";
import { allRegistries, registryFor } from "../registries.ts";
import { preferredWaitMs } from "../requests.ts";
import { streamBatch } from "../stream-batch.ts";
import { chooseLogin, personOf } from "./login.tsx";

/** A manufacturer's pages; each sees its own products and batches and nothing of another's. */
export const manufacturers = new Hono<DidpApp>();

const MOST_IN_A_RUN = 20_000;
const RUN_LIFE_MS = 24 * 3600_000;
/** Counts leave in groups of ten at least. */
const LEAST_GROUP = 10;
const NOT_INVITED = "This invitation is not good any more. Ask the operator for another one.";

manufacturers.get("/m", async (c) => c.html(<InvitationPage csrf={(await ensureSession(c)).csrf} />));

manufacturers.post("/m", async (c) => {
  const { session, form } = await readOwnForm(c);
  if (!isLoggedIn(session)) return chooseLogin(c, "/mfr", "Log in, then open the invitation once more.");
  const hash = await c.var.config.keys.hash("invitation", form.get("code") ?? "");
  const joined = await new Members(c.env.DB).accept(hash, session.anon, Date.now());
  if (joined === undefined) return c.html(<InvitationPage csrf={session.csrf} problem={NOT_INVITED} />, 404);
  return c.redirect(`/mfr/${encodeURIComponent(joined)}`, 303);
});

manufacturers.get("/mfr", async (c) => {
  const session = await personOf(c, "/mfr", "A manufacturer's pages are for its people only.");
  if (session instanceof Response) return session;
  return c.html(<ManufacturersPage tenants={await new Members(c.env.DB).of(session.anon)} />);
});

manufacturers.get("/mfr/:tenant", async (c) => {
  const session = await personOf(c, "/mfr", "A manufacturer's pages are for its people only.");
  if (session instanceof Response) return session;
  const tenant = await tenantOf(c, session);
  const members = new Members(c.env.DB);
  const [products, tokens, batches] = await Promise.all([
    members.productsOf(tenant.id),
    members.tokensOf(tenant.id),
    batchesOf(c, tenant.id),
  ]);
  return c.html(
    <ManufacturerPage
      csrf={session.csrf}
      tenant={tenant}
      products={products}
      tokens={tokens}
      batches={batches}
    />,
  );
});

manufacturers.post("/mfr/:tenant/runs", async (c) => {
  const { session, form } = await readOwnForm(c);
  if (!isLoggedIn(session)) throw new CodedError("FORBIDDEN", "Log in first.");
  const tenant = await tenantOf(c, session);
  const count = Number(form.get("count"));
  if (!Number.isInteger(count) || count < 1 || count > MOST_IN_A_RUN) {
    throw new CodedError("BAD_REQUEST", `How many: 1 to ${MOST_IN_A_RUN}.`);
  }
  const batch = plainText(form.get("batch") ?? "").slice(0, 64);
  const softwareId = form.get("software_id") ?? "";
  const order = await orderOf(c, tenant.id, softwareId, batch, count);
  const id = base64url(crypto.getRandomValues(new Uint8Array(16)));
  await registryFor(c.env, id)?.beginJob(id, order);
  return c.redirect(`/mfr/${encodeURIComponent(tenant.id)}/runs/${id}`, 303);
});

manufacturers.get("/mfr/:tenant/runs/:id", async (c) => {
  const { tenant, found } = await runOf(c);
  return c.html(<RunPage tenant={tenant.id} id={c.req.param("id")} job={found.job} />);
});

manufacturers.get("/mfr/:tenant/runs/:id/results", async (c) => {
  const { order } = await finishedOrder(c);
  return streamBatch(c, order);
});

/** What a finished run of one's own was, for a day after it was first asked for. @throws CodedError `NOT_FOUND` */
export async function finishedOrder(c: DidpContext) {
  const { tenant, found } = await runOf(c);
  const id = c.req.param("id") ?? "";
  const order: BatchOrder | undefined = await registryFor(c.env, id)?.jobResults(id, found.tokenHash);
  if (order === undefined) {
    throw new CodedError("NOT_FOUND", "It has not finished, or it is more than a day ago.");
  }
  return { tenant, order };
}

async function runOf(c: DidpContext) {
  const session = await personOf(c, "/mfr", "A manufacturer's pages are for its people only.");
  if (session instanceof Response) throw new CodedError("FORBIDDEN", "Log in first.");
  const tenant = await tenantOf(c, session);
  const id = c.req.param("id") ?? "";
  const found = await registryFor(c.env, id)?.jobOfManufacturer(id, tenant.id, preferredWaitMs(c));
  if (found === undefined) throw new CodedError("NOT_FOUND", "There is no such run.");
  return { tenant, found };
}

/** The same answer for a manufacturer that is none and one that is not this person's. */
async function tenantOf(c: DidpContext, session: LoggedIn): Promise<{ id: string; name: string }> {
  const mine = await new Members(c.env.DB).of(session.anon);
  const tenant = mine.find((one) => one.id === c.req.param("tenant"));
  if (tenant === undefined) throw new CodedError("NOT_FOUND", "There is no such page.");
  return tenant;
}

/** A run is a job under a token of its own, which nobody ever sees. */
async function orderOf(
  c: DidpContext,
  manufacturer: string,
  softwareId: string,
  batch: string,
  count: number,
): Promise<BatchOrder> {
  const { keys } = c.var.config;
  const tokenHash = await keys.hash("initial-access-token", randomSecret());
  const isOwn = await new Products(c.env.DB).addToken(
    {
      tokenHash,
      manufacturer,
      products: [softwareId],
      maxCount: count,
      batch,
      expiresMs: Date.now() + RUN_LIFE_MS,
    },
    manufacturer,
  );
  if (!isOwn) throw new CodedError("BAD_REQUEST", "That is no product of yours.");
  await new Products(c.env.DB).spend(tokenHash, count);
  return {
    tokenHash,
    idempotencyKey: randomSecret(16),
    requestHash: await keys.hash("registration-request", tokenHash),
    metadata: readDeviceMetadata({
      software_id: softwareId,
      grant_types: [DEVICE_CODE_GRANT, "refresh_token"],
      token_endpoint_auth_method: "client_secret_basic",
    }),
    manufacturer,
    batch,
    count,
  };
}

async function batchesOf(c: DidpContext, manufacturer: string): Promise<readonly BatchView[]> {
  const shares = await Promise.all(allRegistries(c.env).map((shard) => shard.batchCounts(manufacturer)));
  const sums = new Map<string, { made: number; claimed: number }>();
  for (const { batch, made, claimed } of shares.flat()) {
    const sum = sums.get(batch) ?? { made: 0, claimed: 0 };
    sums.set(batch, { made: sum.made + made, claimed: sum.claimed + claimed });
  }
  return [...sums].map(([batch, { made, claimed }]) => ({
    batch,
    made,
    claimed: claimed < LEAST_GROUP ? `fewer than ${LEAST_GROUP}` : String(claimed),
  }));
}
