/** A rule; an app's has more (`developers-openapi.ts`). */
export const rule = {
  type: "object",
  required: ["name", "version", "state", "text", "deployed_at"],
  properties: {
    name: { type: "string" },
    version: { type: "integer", description: "Grows with each change of the text; the ETag." },
    state: { enum: ["running", "stopped", "failed"], description: "failed: a limit stopped it." },
    text: { type: "string", description: "SiddhiQL." },
    deployed_at: { type: "string", format: "date-time" },
    error: { $ref: "#/components/schemas/RuleError" },
    dropped: {
      type: "array",
      items: { type: "string" },
      description: "Operators whose state did not fit the new text; only in the answer to PUT.",
    },
    webhook_secret: {
      type: "string",
      description: "Signs the rule's webhooks; told once, in the answer to PUT.",
    },
  },
} as const;

const schemas = {
  Rule: rule,
  RuleError: {
    type: "object",
    required: ["code", "message"],
    properties: {
      code: { type: "string", examples: ["SYNTAX", "UNKNOWN_STREAM", "TYPE_MISMATCH", "LIMIT"] },
      message: { type: "string" },
      line: { type: "integer", minimum: 1 },
      column: { type: "integer", minimum: 1 },
      expected: { type: "array", items: { type: "string" } },
      suggestion: { type: "string" },
      at: { type: "string", format: "date-time", description: "When it happened, if the rule was running." },
    },
  },
  Problem: {
    type: "object",
    description: "RFC 9457, with the place in the rule's text where that is what is wrong.",
    required: ["type", "title", "status", "code"],
    properties: {
      type: { type: "string" },
      title: { type: "string" },
      status: { type: "integer" },
      code: { type: "string" },
      detail: { type: "string" },
      line: { type: "integer" },
      column: { type: "integer" },
      expected: { type: "array", items: { type: "string" } },
      suggestion: { type: "string" },
    },
  },
  Metrics: {
    type: "object",
    properties: {
      events_in: { type: "integer" },
      events_out: { type: "integer" },
      errors: { type: "integer" },
      timers: { type: "integer", description: "Timers that ran." },
      steps: {
        type: "integer",
        description: "What it costs: events that entered any stream of its text, and timers that ran.",
      },
      busy_ms: {
        type: "number",
        description:
          "Time that passed while it worked; 0 where the clock stands during a turn, as on Cloudflare.",
      },
      lag_ms: { type: "number", description: "From the personal cloud to the rule, of the last event." },
      rows: { type: "integer", description: "Rows held in windows, tables and aggregations." },
      snapshot_bytes: { type: "integer" },
      streams: { type: "object", additionalProperties: { type: "integer" } },
      queries: { type: "array", items: { type: "object" } },
      partitions: { type: "array", items: { type: "object" } },
      waiting_results: { type: "integer", description: "Of all rules: not yet taken by the personal cloud." },
      log_entries: { type: "integer", description: "Of all rules." },
      checkpoint_at: { type: "string", format: "date-time" },
      webhooks: {
        type: "object",
        description: "Of a rule that posts to servers outside.",
        properties: {
          waiting: { type: "integer" },
          delivered: { type: "integer" },
          dead: {
            type: "integer",
            description: "Given up after ten tries, or dropped because too many waited.",
          },
          dead_letters: {
            type: "array",
            description: "The last ones, without what was in them.",
            items: {
              type: "object",
              properties: {
                id: { type: "string" },
                at: { type: "string", format: "date-time" },
                reason: { type: "string", description: "An HTTP status, UNREACHABLE, REFUSED or LIMIT." },
              },
            },
          },
        },
      },
    },
  },
  TestRequest: {
    type: "object",
    properties: {
      text: { type: "string", description: "SiddhiQL; without it the deployed text." },
      events: {
        type: "array",
        description: "Without it, what is in the log: the last events that some running rule wanted.",
        items: {
          type: "object",
          required: ["topic", "payload", "at"],
          properties: {
            topic: { type: "string", examples: ["devices/kitchen/telemetry/temperature"] },
            payload: { description: "What the thing publishes: a SenML pack, JSON, or a text." },
            at: { type: "string", format: "date-time" },
            name: { type: "string", description: "The owner's name for the device." },
          },
        },
      },
      since: { type: "string", format: "date-time", description: "Of the log, only what came from then on." },
      until: { type: "string", format: "date-time", description: "Where the clock stops, for timers." },
      trace: { type: "boolean", description: "Also what each query put out, and from which events." },
    },
  },
  TestResult: {
    type: "object",
    required: ["events_in", "errors", "results"],
    properties: {
      events_in: { type: "integer" },
      errors: { type: "integer" },
      last_error: { $ref: "#/components/schemas/RuleError" },
      holds: {
        type: "array",
        description: "What each query still holds: rows of its windows, partial matches of its patterns.",
        items: {
          type: "object",
          properties: { name: { type: "string" }, rows: { type: "integer" }, matches: { type: "integer" } },
        },
      },
      trace_is_cut: { type: "boolean", description: "There was more than 2,000 steps or 4 MB." },
      trace: {
        type: "array",
        description: "Why each result came, or how far it got.",
        items: {
          type: "object",
          properties: {
            query: { type: "string" },
            row: { type: "array", items: {} },
            inputs: { type: "array", items: { type: "object" } },
            expired: { type: "boolean", description: "It left a window again." },
            after_event: { type: "integer" },
          },
        },
      },
      results: {
        type: "array",
        items: {
          type: "object",
          required: ["kind", "id", "rule", "at", "after_event", "payload"],
          properties: {
            kind: { enum: ["stream", "alarm", "command", "webhook"] },
            id: { type: "string" },
            rule: { type: "string" },
            stream: { type: "string" },
            alarm: { type: "string" },
            device: { type: "string" },
            action: { type: "string" },
            at: { type: "string", format: "date-time" },
            after_event: { type: "integer", description: "Place of the last event before it; -1 is none." },
            payload: {},
          },
        },
      },
    },
  },
} as const;

type Schema = keyof typeof schemas;

const json = (schema: Schema) => ({
  "application/json": { schema: { $ref: `#/components/schemas/${schema}` } },
});
const answer = (description: string, schema: Schema) => ({ description, content: json(schema) });
const problemOf = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
});

const refusals = {
  400: problemOf("The request is not well formed."),
  401: problemOf("No owner's token."),
  403: problemOf("The token is not an owner's."),
};
const notFound = { 404: problemOf("There is no such rule.") };
const wrong = { 422: problemOf("The rule is refused, with line, column and a suggestion.") };
const text = {
  required: true,
  content: {
    "text/plain": { schema: { type: "string" } },
    "application/json": {
      schema: {
        oneOf: [
          { type: "object", required: ["text"], properties: { text: { type: "string" } } },
          {
            type: "object",
            description: "A ready-made rule (`/v1/me/rules:templates`).",
            required: ["template"],
            properties: {
              template: { type: "string" },
              values: { type: "object", additionalProperties: { type: ["number", "string"] } },
              from: {
                type: "object",
                properties: {
                  property: { type: "string" },
                  event: { type: "string" },
                  device: { type: "string", description: "The owner's name for it, or its handle." },
                },
              },
            },
          },
        ],
      },
    },
  },
};
const ruleParameter = {
  name: "rule",
  in: "path",
  required: true,
  schema: { type: "string", pattern: "^[a-z0-9][a-z0-9-]{0,62}$" },
};
const header = (name: string, description: string) => ({
  name,
  in: "header",
  description,
  schema: { type: "string" },
});
const operation = (operationId: string, summary: string, responses: object, rest: object = {}) => ({
  operationId,
  summary,
  security: [{ owner: [] }],
  responses: { ...responses, ...refusals },
  ...rest,
});

/** The HTTP API of the owner's rules, as OpenAPI 3.1. */
export const openapi = {
  openapi: "3.1.0",
  info: {
    title: "Edgenym rules",
    version: "1",
    description:
      "Rules of the owner of a personal cloud, in SiddhiQL. docs/streams.md shows how to write one.",
  },
  paths: {
    "/v1/me/rules": {
      get: operation("listRules", "All rules.", {
        200: {
          description: "By name.",
          content: {
            "application/json": {
              schema: {
                type: "object",
                properties: { rules: { type: "array", items: { $ref: "#/components/schemas/Rule" } } },
              },
            },
          },
        },
      }),
    },
    "/v1/me/rules:templates": {
      get: operation("listTemplates", "Ready-made rules with their parameters, as forms.", {
        200: {
          description: "The templates.",
          content: {
            "application/json": {
              schema: {
                type: "object",
                properties: { templates: { type: "array", items: { type: "object" } } },
              },
            },
          },
        },
      }),
    },
    "/v1/me/rules:validate": {
      post: operation(
        "validateRule",
        "Says whether a text would be taken.",
        {
          200: {
            description: "It would.",
            content: {
              "application/json": {
                schema: { type: "object", properties: { valid: { const: true } } },
              },
            },
          },
          ...wrong,
        },
        { requestBody: text },
      ),
    },
    "/v1/me/rules:test": {
      post: operation(
        "testText",
        "Runs a text in virtual time; nothing is sent anywhere.",
        { 200: answer("What it put out.", "TestResult"), ...wrong },
        { requestBody: { required: true, content: json("TestRequest") } },
      ),
    },
    "/v1/me/rules/{rule}": {
      parameters: [ruleParameter],
      get: operation("getRule", "One rule.", { 200: answer("The rule.", "Rule"), ...notFound }),
      put: operation(
        "deployRule",
        "Deploys a rule or replaces its text; unchanged operators keep their state.",
        {
          200: answer("Replaced.", "Rule"),
          201: answer("New.", "Rule"),
          412: problemOf("Another version is deployed."),
          ...wrong,
        },
        {
          requestBody: text,
          parameters: [
            header("If-Match", "Only over this version."),
            header("If-None-Match", "*: only if there is none."),
          ],
        },
      ),
      delete: operation("deleteRule", "Forgets a rule and its state.", {
        204: { description: "Forgotten." },
        ...notFound,
      }),
    },
    "/v1/me/rules/{rule}/start": {
      parameters: [ruleParameter],
      post: operation("startRule", "Goes on where it was stopped.", {
        200: answer("Running.", "Rule"),
        ...notFound,
        ...wrong,
      }),
    },
    "/v1/me/rules/{rule}/stop": {
      parameters: [ruleParameter],
      post: operation("stopRule", "No more events and no time; the state is kept.", {
        200: answer("Stopped.", "Rule"),
        ...notFound,
      }),
    },
    "/v1/me/rules/{rule}/metrics": {
      parameters: [ruleParameter],
      get: operation("ruleMetrics", "Events in and out, size of the state, lag.", {
        200: answer("Numbers.", "Metrics"),
        ...notFound,
      }),
    },
    "/v1/me/rules/{rule}/webhook-secret": {
      parameters: [ruleParameter],
      post: operation("renewWebhookSecret", "Another secret for its webhooks; for a day both sign.", {
        200: {
          description: "The secret; it is told only here.",
          content: {
            "application/json": {
              schema: { type: "object", properties: { webhook_secret: { type: "string" } } },
            },
          },
        },
        ...notFound,
      }),
    },
    "/v1/me/rules/{rule}/test": {
      parameters: [ruleParameter],
      post: operation(
        "testRule",
        "Runs a deployed rule (or a new text of it) in virtual time; nothing is sent anywhere.",
        { 200: answer("What it put out.", "TestResult"), ...notFound, ...wrong },
        { requestBody: { content: json("TestRequest") } },
      ),
    },
    "/v1/me/rules/openapi.json": {
      get: operation("rulesDescription", "This description.", { 200: { description: "OpenAPI 3.1." } }),
    },
  },
  components: {
    schemas,
    securitySchemes: { owner: { type: "http", scheme: "bearer", description: "An owner's access token." } },
  },
} as const;
