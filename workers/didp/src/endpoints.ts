import type { Hono } from "hono";
import { cors } from "hono/cors";
import type { DidpApp, DidpContext } from "./didp-app.ts";
import { oauthAnswer } from "./oauth-answers.ts";

interface Endpoint {
  readonly path: string;
  readonly methods: readonly ("GET" | "POST" | "PUT" | "DELETE")[];
  /** Browser apps call it from their own pages; none of these looks at a cookie. */
  readonly isForBrowserApps: boolean;
}

/** What programs call, and how. */
const endpoints: readonly Endpoint[] = [
  { path: "/token", methods: ["POST"], isForBrowserApps: true },
  { path: "/revoke", methods: ["POST"], isForBrowserApps: true },
  { path: "/par", methods: ["POST"], isForBrowserApps: true },
  { path: "/register", methods: ["POST"], isForBrowserApps: true },
  { path: "/register/:clientId", methods: ["GET", "PUT", "DELETE"], isForBrowserApps: true },
  { path: "/jwks", methods: ["GET"], isForBrowserApps: true },
  { path: "/.well-known/oauth-authorization-server", methods: ["GET"], isForBrowserApps: true },
  { path: "/.well-known/openid-configuration", methods: ["GET"], isForBrowserApps: true },
  { path: "/authorize", methods: ["GET", "POST"], isForBrowserApps: false },
  { path: "/introspect", methods: ["POST"], isForBrowserApps: false },
  { path: "/device_authorization", methods: ["POST"], isForBrowserApps: false },
  { path: "/presence", methods: ["POST"], isForBrowserApps: false },
  { path: "/consent/redeem", methods: ["POST"], isForBrowserApps: false },
  { path: "/consent/conclude", methods: ["POST"], isForBrowserApps: false },
];

/** A GET here spends something that is good once, or begins something: a HEAD, which only looks, must not. */
const spending = ["/authorize", "/authorize/continue", "/callback/:uidp", "/login/:uidp"];

/** Whether programs come here and read JSON; the authorization endpoint is for people. */
export function isForPrograms(path: string): boolean {
  return (
    path !== "/authorize" && (path.startsWith("/register/") || endpoints.some((one) => one.path === path))
  );
}

/** Before the routes: what browsers ask before they let a page call us, and looks that would cost something. */
export function letBrowserAppsIn(app: Hono<DidpApp>): void {
  for (const { path, methods, isForBrowserApps } of endpoints) {
    if (!isForBrowserApps) continue;
    app.use(
      path,
      cors({
        origin: "*",
        allowMethods: [...methods],
        allowHeaders: ["authorization", "content-type", "dpop", "idempotency-key"],
        exposeHeaders: ["retry-after", "www-authenticate"],
        maxAge: 600,
      }),
    );
  }
  for (const path of spending) {
    const allowed = endpoints.find((endpoint) => endpoint.path === path)?.methods ?? ["GET"];
    app.use(path, async (c, next) => (c.req.raw.method === "HEAD" ? notThisWay(c, allowed) : next()));
  }
}

/** Behind the routes: an endpoint that is there, by a method that it has not. */
export function refuseOtherMethods(app: Hono<DidpApp>): void {
  for (const { path, methods } of endpoints) app.all(path, (c) => notThisWay(c, methods));
}

/** RFC 9110 §15.5.6. */
function notThisWay(c: DidpContext, methods: readonly string[]): Response {
  c.header("allow", methods.join(", "));
  const description = `Use ${methods.join(", ")}.`;
  return oauthAnswer(c, { error: "invalid_request", error_description: description }, 405);
}
