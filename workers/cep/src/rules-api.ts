import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "zod";
import type { WebhookReport } from "../../../durable-objects/stream-app/outbox.ts";
import type {
  Answer,
  RuleReport,
  RuleStatus,
  TestRequest,
} from "../../../durable-objects/stream-app/rule-status.ts";
import { CepError } from "../../../engines/cep/cep-error.ts";
import { CodedError } from "../../../engines/errors/coded-error.ts";
import type { FleetReport } from "../../../engines/fleet/fleet-report.ts";
import type { DryRun } from "../../../engines/streams/dry-run.ts";
import type { ThingEvent } from "../../../engines/streams/hand-over.ts";
import { readyMadeRule, readyMadeRules } from "../../../engines/streams/ready-made.ts";
import { type RuleError, ruleErrorOf } from "../../../engines/streams/rule.ts";
import { problem } from "../../http/problem.ts";
import { openapi } from "./openapi.ts";

type Status = RuleStatus & { readonly fleet?: FleetReport };

/** The object that runs the rules, as the API uses it. */
export interface RulesApp {
  list(): Promise<readonly Status[]>;
  status(name: string): Promise<Answer<Status>>;
  deploy(name: string, text: string, ifVersion?: number): Promise<Answer<Status>>;
  start(name: string): Promise<Answer<Status>>;
  stop(name: string): Promise<Answer<Status>>;
  remove(name: string): Promise<Answer<true>>;
  metrics(name: string): Promise<Answer<RuleReport>>;
  dryRun(request: TestRequest): Promise<Answer<DryRun>>;
}

type RulesApi = { Bindings: { app: RulesApp } };

const maxBodyBytes = 8_000_000;
const ruleName = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** `/v1/me/rules` (EXPERIENCE.md §5). Everything is described in `openapi.ts`, which is served here as well. */
export const rulesApi = rulesBelow("/v1/me", openapi);

/** The rules of whoever `app` belongs to. @param description served as `rules/openapi.json`. */
export function rulesBelow(basePath: string, description: object) {
  const api = new Hono<RulesApi>().basePath(basePath);

  api.get("/rules/openapi.json", (c) => c.json(description));

  api.get("/rules", async (c) => c.json({ rules: (await c.env.app.list()).map(toJson) }));

  api.get("/rules:templates", (c) => c.json({ templates: readyMadeRules() }));

  api.post("/rules:validate", async (c) => {
    const answer = await c.env.app.dryRun({ text: await ruleText(c), events: [] });
    return "error" in answer ? refused(c, answer.error) : c.json({ valid: true });
  });

  api.post("/rules:test", async (c) => {
    const { text, ...rest } = await testBody(c);
    if (text === undefined) throw new CodedError("BAD_REQUEST", "text: the rule to test is missing");
    return tested(c, await c.env.app.dryRun({ text, ...over(rest) }));
  });

  api.get("/rules/:rule", async (c) => ruleAnswer(c, await c.env.app.status(nameOf(c))));

  api.put("/rules/:rule", async (c) => {
    const answer = await c.env.app.deploy(nameOf(c), await ruleText(c), ifVersion(c));
    if ("error" in answer) return refused(c, answer.error);
    return ruleAnswer(c, answer, answer.ok.version === 1 ? 201 : 200);
  });

  api.delete("/rules/:rule", async (c) => {
    const answer = await c.env.app.remove(nameOf(c));
    return "error" in answer ? refused(c, answer.error) : c.body(null, 204);
  });

  api.post("/rules/:rule/start", async (c) => ruleAnswer(c, await c.env.app.start(nameOf(c))));
  api.post("/rules/:rule/stop", async (c) => ruleAnswer(c, await c.env.app.stop(nameOf(c))));

  api.get("/rules/:rule/metrics", async (c) => {
    const answer = await c.env.app.metrics(nameOf(c));
    if ("error" in answer) return refused(c, answer.error);
    const { eventsIn, eventsOut, snapshotBytes, lagMs, waitingResults, logEntries, checkpointAtMs, ...rest } =
      answer.ok;
    const { webhooks, busyMs, ...numbers } = rest;
    return c.json({
      events_in: eventsIn,
      events_out: eventsOut,
      snapshot_bytes: snapshotBytes,
      busy_ms: busyMs,
      lag_ms: lagMs,
      waiting_results: waitingResults,
      log_entries: logEntries,
      ...(checkpointAtMs > 0 && { checkpoint_at: new Date(checkpointAtMs).toISOString() }),
      ...numbers,
      ...(webhooks !== undefined && { webhooks: webhooksJson(webhooks) }),
    });
  });

  api.post("/rules/:rule/test", async (c) => {
    const { text, ...rest } = await testBody(c);
    const request = { name: nameOf(c), ...(text !== undefined && { text }), ...over(rest) };
    return tested(c, await c.env.app.dryRun(request));
  });

  api.onError((error, c) => (error instanceof CepError ? refused(c, ruleErrorOf(error)) : problem(c, error)));
  api.notFound((c) => problem(c, new CodedError("NOT_FOUND", "There is nothing here.")));
  return api;
}

const bodySchema = z.union([
  z.object({ text: z.string() }),
  z.object({
    template: z.string(),
    values: z.record(z.string(), z.union([z.number(), z.string()])).default({}),
    from: z
      .object({ property: z.string(), event: z.string(), device: z.string() })
      .partial()
      .refine(({ property, event }) => property === undefined || event === undefined)
      .default({}),
  }),
]);

/** A rule's text comes as it is, as `{"text": …}`, or as the values of a ready-made rule. @throws CepError */
async function ruleText(c: Context<RulesApi>): Promise<string> {
  const body = await bodyOf(c);
  if (!(c.req.header("content-type") ?? "").includes("json")) return body;
  const parsed = bodySchema.safeParse(jsonOf(body));
  if (!parsed.success)
    throw new CodedError("BAD_REQUEST", "body: a rule is {text} or {template, values, from}");
  const rule = parsed.data;
  return "text" in rule ? rule.text : readyMadeRule(rule.template, rule.values, rule.from);
}

const testSchema = z.object({
  text: z.string().optional(),
  since: z.iso.datetime().optional(),
  until: z.iso.datetime().optional(),
  trace: z.boolean().optional(),
  events: z
    .array(
      z.object({
        topic: z.string().regex(/^devices\/[^/]+\/.+$/),
        payload: z.unknown(),
        at: z.iso.datetime(),
        name: z.string().optional(),
        user: z.string().optional(),
      }),
    )
    .optional(),
});

async function testBody(c: Context<RulesApi>): Promise<z.infer<typeof testSchema>> {
  const body = await bodyOf(c);
  const parsed = testSchema.safeParse(body === "" ? {} : jsonOf(body));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CodedError("BAD_REQUEST", `${issue?.path.join(".") || "body"}: ${issue?.message ?? "wrong"}`);
}

/** Test events by their topics in the owner's tree, oldest first. */
function over({
  events,
  since,
  until,
  trace = false,
}: Omit<z.infer<typeof testSchema>, "text">): TestRequest {
  const things = events?.map(({ topic, payload, at, name = "", user }): ThingEvent => {
    const [, device = "", ...rest] = topic.split("/");
    return {
      device,
      name,
      topic: rest.join("/"),
      payload: typeof payload === "string" ? payload : JSON.stringify(payload),
      atMs: Date.parse(at),
      ...(user !== undefined && { user }),
    };
  });
  return {
    ...(things !== undefined && { events: things.sort((a, b) => a.atMs - b.atMs) }),
    ...(since !== undefined && { sinceMs: Date.parse(since) }),
    ...(until !== undefined && { untilMs: Date.parse(until) }),
    isTraced: trace,
  };
}

async function bodyOf(c: Context<RulesApi>): Promise<string> {
  if (Number(c.req.header("content-length") ?? 0) > maxBodyBytes) tooLarge();
  const body = await c.req.text();
  if (body.length > maxBodyBytes) tooLarge();
  return body;
}

function tooLarge(): never {
  throw new CodedError("TOO_LARGE", `A body has at most ${maxBodyBytes} bytes`);
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new CodedError("BAD_REQUEST", "body: not JSON");
  }
}

export function nameOf(c: Context): string {
  const name = c.req.param("rule") ?? "";
  if (!ruleName.test(name)) {
    throw new CodedError("BAD_REQUEST", "rule: lower-case letters, digits and hyphens, at most 63");
  }
  return name;
}

/** `If-Match: "3"` and `If-None-Match: *` (RFC 9110 §13.1). */
function ifVersion(c: Context<RulesApi>): number | undefined {
  if (c.req.header("if-none-match") === "*") return 0;
  const match = c.req.header("if-match");
  if (match === undefined) return undefined;
  const [, version] = /^"(\d+)"$/.exec(match) ?? [];
  if (version === undefined) throw new CodedError("BAD_REQUEST", "If-Match: an ETag of a rule");
  return Number(version);
}

function ruleAnswer(c: Context<RulesApi>, answer: Answer<Status>, status: ContentfulStatusCode = 200) {
  if ("error" in answer) return refused(c, answer.error);
  return c.json(toJson(answer.ok), status, { etag: `"${answer.ok.version}"` });
}

function toJson({ name, version, state, text, deployedAtMs, error, dropped, fleet, webhookSecret }: Status) {
  return {
    name,
    version,
    state,
    text,
    deployed_at: new Date(deployedAtMs).toISOString(),
    ...(error !== undefined && { error: errorJson(error) }),
    ...(dropped !== undefined && { dropped }),
    ...(webhookSecret !== undefined && { webhook_secret: webhookSecret }),
    ...(fleet !== undefined && fleetJson(fleet)),
  };
}

function webhooksJson({ deadLetters, ...numbers }: WebhookReport) {
  return {
    ...numbers,
    dead_letters: deadLetters.map(({ id, atMs, reason }) => ({
      id,
      at: new Date(atMs).toISOString(),
      reason,
    })),
  };
}

function fleetJson({ outputs, queries }: FleetReport) {
  return {
    outputs: outputs.map(({ goesTo, columns, isGroupedOverUsers, minimumUsers, ...output }) => ({
      ...output,
      goes_to: goesTo,
      columns: columns.map(({ isOverUsers, ...column }) => ({ ...column, over_users: isOverUsers })),
      grouped_over_users: isGroupedOverUsers,
      minimum_users: minimumUsers ?? null,
    })),
    queries: queries.map(({ keepsRowsOfManyUsers, ...query }) => ({
      ...query,
      keeps_rows_of_many_users: keepsRowsOfManyUsers,
    })),
  };
}

function tested(c: Context<RulesApi>, answer: Answer<DryRun>) {
  if ("error" in answer) return refused(c, answer.error);
  const { results, eventsIn, errors, lastError, trace, isTraceCut, holds } = answer.ok;
  return c.json({
    events_in: eventsIn,
    errors,
    ...(lastError !== undefined && { last_error: errorJson(lastError) }),
    results: results.map(({ after, atMs, result: { number: _, payload, ...result } }) => ({
      ...result,
      ...("atMs" in result && { atMs: undefined }),
      at: new Date(atMs).toISOString(),
      after_event: after,
      payload: JSON.parse(payload),
    })),
    holds,
    ...(trace !== undefined && {
      trace: trace.map(({ after, isExpired, ...step }) => ({
        ...step,
        expired: isExpired,
        after_event: after,
      })),
      trace_is_cut: isTraceCut,
    }),
  });
}

function errorJson({ atMs, ...error }: RuleError) {
  return { ...error, ...(atMs !== undefined && { at: new Date(atMs).toISOString() }) };
}

/** What is wrong with a rule has a place in its text, beside the members of RFC 9457. */
export function refused(c: Context, { message, ...error }: RuleError): Response {
  const status = error.code === "NOT_FOUND" ? 404 : error.code === "CONFLICT" ? 412 : 422;
  const title = status === 404 ? "Not found" : status === 412 ? "Precondition failed" : "The rule is refused";
  return c.json({ type: "about:blank", title, status, ...error, detail: message }, status, {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
  });
}
