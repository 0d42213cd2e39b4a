import { Hono } from "hono";
import type { Answer } from "../../../durable-objects/stream-app/rule-status.ts";
import { problem } from "../../http/problem.ts";
import { nameOf, type RulesApp, refused, rulesApi } from "./rules-api.ts";

/** The owner's stream app: what an app's rules have, and webhooks. */
interface OwnersApp extends RulesApp {
  renewWebhookSecret(name: string): Promise<Answer<string>>;
}

/** `/v1/me/rules` (EXPERIENCE.md §5). Everything is described in `openapi.ts`. */
export const ownersApi = new Hono<{ Bindings: { app: OwnersApp } }>();

ownersApi.post("/v1/me/rules/:rule/webhook-secret", async (c) => {
  const answer = await c.env.app.renewWebhookSecret(nameOf(c));
  if ("error" in answer) return refused(c, answer.error);
  return c.json({ webhook_secret: answer.ok }, 200, { "cache-control": "no-store" });
});

ownersApi.all("*", (c) => rulesApi.fetch(c.req.raw, c.env));

ownersApi.onError((error, c) => problem(c, error));
