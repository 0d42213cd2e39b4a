import { openapi, rule } from "./openapi.ts";

const column = {
  type: "object",
  required: ["name", "type", "from", "over_users"],
  properties: {
    name: { type: "string" },
    type: { type: "string" },
    from: {
      type: "array",
      items: { enum: ["user", "device", "reading"] },
      description: "What it is made of: your handles of users and devices, or what things published.",
    },
    over_users: {
      type: "boolean",
      description: "It always went through an aggregator over events of any users.",
    },
  },
} as const;

const fleetRule = {
  ...rule,
  properties: {
    ...rule.properties,
    outputs: {
      type: "array",
      description: "Which columns leave, by sink, and whether they are grouped over users.",
      items: {
        type: "object",
        properties: {
          stream: { type: "string" },
          sink: { type: "string" },
          goes_to: { enum: ["user", "developer"] },
          columns: { type: "array", items: column },
          grouped_over_users: { type: "boolean" },
          minimum_users: { type: ["integer", "null"] },
        },
      },
    },
    queries: {
      type: "array",
      description: "Where each query runs, and whether it keeps rows of users who have left.",
      items: {
        type: "object",
        properties: {
          line: { type: "integer" },
          name: { type: "string" },
          runs: { enum: ["in the shards", "combined"] },
          keeps_rows_of_many_users: { type: "boolean" },
        },
      },
    },
  },
} as const;

const json = (schema: object) => ({ "application/json": { schema } });

/** The owners' paths, for apps. */
const rules = Object.fromEntries(
  Object.entries(openapi.paths).map(([path, item]) => [
    path.replace("/v1/me/", "/v1/dev/"),
    JSON.parse(JSON.stringify(item).replaceAll('"owner"', '"app"').replaceAll("an owner's", "an app's own")),
  ]),
);

const query = (name: string, description: string, schema: object) => ({
  name,
  in: "query",
  description,
  schema,
});

/** The HTTP API of an app's rules, as OpenAPI 3.1. */
export const developersOpenapi = {
  openapi: "3.1.0",
  info: {
    title: "Edgenym rules for developers",
    version: "1",
    description:
      "Rules over the events that users granted to an app. docs/fleet-rules.md shows how to write one.",
  },
  paths: {
    ...rules,
    "/v1/dev/results": {
      get: {
        operationId: "readResults",
        summary: "What the rules put out for the developer, oldest first; each result once, by its number.",
        security: [{ app: [] }],
        parameters: [
          query("after", "Only results with a higher number: `next` of the last answer.", {
            type: "integer",
          }),
          query("limit", "At most so many.", { type: "integer", minimum: 1, maximum: 1000, default: 100 }),
          query("rule", "Only those of this rule.", { type: "string" }),
        ],
        responses: {
          200: {
            description: "The oldest go first when too many are kept.",
            content: json({
              type: "object",
              required: ["results", "next"],
              properties: {
                results: {
                  type: "array",
                  items: {
                    type: "object",
                    required: ["number", "id", "rule", "at", "payload"],
                    properties: {
                      number: { type: "integer" },
                      id: { type: "string" },
                      rule: { type: "string" },
                      stream: { type: "string" },
                      at: { type: "string", format: "date-time" },
                      payload: {},
                    },
                  },
                },
                next: { type: "integer" },
              },
            }),
          },
        },
      },
    },
    "/v1/dev/fleet": {
      get: {
        operationId: "describeFleet",
        summary: "How many users feed the rules, over how many shards, and the limits.",
        security: [{ app: [] }],
        responses: {
          200: {
            description: "Numbers.",
            content: json({
              type: "object",
              properties: {
                users: { type: "integer" },
                shards: { type: "integer" },
                refused_returns: {
                  type: "integer",
                  description: "Results that users' grants did not allow.",
                },
                dropped_returns: {
                  type: "integer",
                  description: "Results for users for whom too many waited.",
                },
                limits: { type: "object", additionalProperties: { type: "integer" } },
              },
            }),
          },
        },
      },
    },
  },
  components: {
    ...openapi.components,
    schemas: { ...openapi.components.schemas, Rule: fleetRule },
    securitySchemes: {
      app: {
        type: "http",
        scheme: "bearer",
        description: "An app's own access token (client_credentials, scope `rules`).",
      },
    },
  },
} as const;
