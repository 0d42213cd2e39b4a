import { Hono } from "hono";
import { createLog } from "../../../engines/log/log.ts";
import { problem } from "../../http/problem.ts";
import { requestLog } from "../../http/request-log.ts";
import { configOf, type GatewayConfig } from "./config.ts";
import { serveTcp } from "./relayed-tcp.ts";
import { consent } from "./routes/consent.tsx";
import { developers } from "./routes/developers.ts";
import { metadata } from "./routes/metadata.ts";
import { mqtt } from "./routes/mqtt.ts";
import { rules } from "./routes/rules.ts";
import { securityEvents } from "./routes/security-events.ts";

export { ForDidp } from "./for-didp.ts";
export { ForPcm } from "./for-pcm.ts";
export { ForRules } from "./for-rules.ts";

/** What every route of the gateway finds in its context. */
export type GatewayApp = { Bindings: GatewayEnv; Variables: { config: GatewayConfig } };

const log = createLog("gateway", console.log);

const app = new Hono<GatewayApp>();
app.use(requestLog(log));
app.use(async (c, next) => {
  c.set("config", configOf(c.env));
  await next();
});
app.route("/", mqtt);
app.route("/", metadata);
app.route("/", consent);
app.route("/", rules);
app.route("/", developers);
app.route("/", securityEvents);
app.onError((error, c) => problem(c, error));

export default {
  fetch: app.fetch,
  connect: (socket, env) => serveTcp(socket, env, configOf(env)),
} satisfies ExportedHandler<GatewayEnv>;
