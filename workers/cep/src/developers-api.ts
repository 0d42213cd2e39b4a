import { Hono } from "hono";
import { z } from "zod";
import type { FleetSize } from "../../../durable-objects/fleet/fleet-ports.ts";
import type { KeptResult } from "../../../durable-objects/fleet/fleet-results.ts";
import type { Answer } from "../../../durable-objects/stream-app/rule-status.ts";
import { CodedError } from "../../../engines/errors/coded-error.ts";
import { problem } from "../../http/problem.ts";
import { developersOpenapi } from "./developers-openapi.ts";
import { nameOf, type RulesApp, refused, rulesBelow } from "./rules-api.ts";

/** An app's combining object, as the API uses it. */
export interface FleetApp extends RulesApp {
  results(after: number, most: number, rule?: string): Promise<readonly KeptResult[]>;
  size(): Promise<FleetSize>;
  renewWebhookSecret(name: string): Promise<Answer<string>>;
}

/** `/v1/dev/rules`, `/v1/dev/results`, `/v1/dev/fleet`: an app's rules, what they put out, how large its fleet is. */
export const developersApi = new Hono<{ Bindings: { app: FleetApp } }>();

const page = z.object({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  rule: z.string().optional(),
});

developersApi.get("/v1/dev/results", async (c) => {
  const parsed = page.safeParse(c.req.query());
  if (!parsed.success) throw new CodedError("BAD_REQUEST", "after, limit (1 to 1000), rule");
  const { after, limit, rule } = parsed.data;
  const results = await c.env.app.results(after, limit, rule);
  return c.json({
    results: results.map(({ atMs, result }) => ({
      number: result.number,
      id: result.id,
      rule: result.rule,
      ...(result.kind === "stream" && { stream: result.stream }),
      at: new Date(atMs).toISOString(),
      payload: JSON.parse(result.payload),
    })),
    next: results.at(-1)?.result.number ?? after,
  });
});

developersApi.get("/v1/dev/fleet", async (c) => {
  const { users, shards, droppedReturns, refusedReturns, limits } = await c.env.app.size();
  return c.json({
    users,
    shards,
    dropped_returns: droppedReturns,
    refused_returns: refusedReturns,
    limits: Object.fromEntries(Object.entries(limits).map(([name, value]) => [snakeCase(name), value])),
  });
});

developersApi.post("/v1/dev/rules/:rule/webhook-secret", async (c) => {
  const answer = await c.env.app.renewWebhookSecret(nameOf(c));
  if ("error" in answer) return refused(c, answer.error);
  return c.json({ webhook_secret: answer.ok }, 200, { "cache-control": "no-store" });
});

developersApi.onError((error, c) => problem(c, error));
developersApi.route("/", rulesBelow("/v1/dev", developersOpenapi));

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
