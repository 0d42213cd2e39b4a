import { Hono } from "hono";
import { createLog } from "../../../engines/log/log.ts";
import { problem } from "../../http/problem.ts";
import { requestLog } from "../../http/request-log.ts";
import { readConfig } from "./config.ts";
import { consent } from "./routes/consent.tsx";
import { metadata } from "./routes/metadata.ts";
import { mqtt } from "./routes/mqtt.ts";

export { ForDidp } from "./for-didp.ts";

/** What every route of the gateway finds in its context. */
export type GatewayApp = { Bindings: GatewayEnv; Variables: { config: ReturnType<typeof readConfig> } };

const log = createLog("gateway", console.log);
let config: ReturnType<typeof readConfig> | undefined;

const app = new Hono<GatewayApp>();
app.use(requestLog(log));
app.use(async (c, next) => {
  config ??= readConfig(c.env);
  c.set("config", config);
  await next();
});
app.route("/", mqtt);
app.route("/", metadata);
app.route("/", consent);
app.onError((error, c) => problem(c, error));

export default app satisfies ExportedHandler<GatewayEnv>;
