import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { CodedError } from "../../../engines/errors/coded-error.ts";
import { createLog } from "../../../engines/log/log.ts";
import { requestLog } from "../../http/request-log.ts";
import { securityHeaders } from "../../http/security-headers.ts";
import { stylesheet } from "../../http/style.ts";
import { waitScript } from "../../http/wait-script.ts";
import { configOf } from "./config.ts";
import type { DidpApp, DidpContext } from "./didp-app.ts";
import { isForPrograms, letBrowserAppsIn, refuseOtherMethods } from "./endpoints.ts";
import type { DidpEnv } from "./env.ts";
import { oauthAnswer, oauthErrorAnswer } from "./oauth-answers.ts";
import { problemPage } from "./problem-page.tsx";
import { MOST_BATCH_BYTES, MOST_BODY_BYTES } from "./requests.ts";
import { account } from "./routes/account.tsx";
import { authorization } from "./routes/authorization.tsx";
import { batchRegistration } from "./routes/batch-registration.ts";
import { claim } from "./routes/claim.tsx";
import { developer } from "./routes/developer.tsx";
import { deviceAuthorization } from "./routes/device-authorization.ts";
import { externalGateways } from "./routes/external-gateways.ts";
import { labels } from "./routes/label-sheets.tsx";
import { login } from "./routes/login.tsx";
import { manufacturers } from "./routes/manufacturers.tsx";
import { metadata } from "./routes/metadata.ts";
import { operations } from "./routes/operations.ts";
import { person } from "./routes/person.tsx";
import { registration } from "./routes/registration.ts";
import { token } from "./routes/token.ts";

export { Registry } from "../../../durable-objects/registry/registry.ts";
export { ForGateways } from "./for-gateways.ts";

const app = new Hono<DidpApp>();

app.use(requestLog(createLog("didp", console.log)));
app.use(securityHeaders());
app.use(async (c, next) => {
  c.set("config", configOf(c.env));
  await next();
});
letBrowserAppsIn(app);
const limitTo = (maxSize: number) =>
  bodyLimit({
    maxSize,
    onError: (c: DidpContext) => {
      const tooLarge = new CodedError("TOO_LARGE", "The body is too large.");
      if (!isForPrograms(c.req.path)) throw tooLarge;
      return oauthAnswer(c, { error: "invalid_request", error_description: tooLarge.message }, 413);
    },
  });
const [usual, batch] = [limitTo(MOST_BODY_BYTES), limitTo(MOST_BATCH_BYTES)];
app.use((c, next) => (/^\/register\/(bulk|jobs)$/.test(c.req.path) ? batch : usual)(c, next));

for (const routes of [
  metadata,
  externalGateways,
  batchRegistration,
  registration,
  deviceAuthorization,
  token,
]) {
  routes.onError((error, c) => oauthErrorAnswer(c, error));
  app.route("/", routes);
}
app.route("/", operations);
for (const routes of [claim, login, account, authorization, person, manufacturers, labels, developer])
  app.route("/", routes);

refuseOtherMethods(app);

app.get("/style.css", stylesheet);
app.get("/wait.js", waitScript);
app.notFound((c) => problemPage(c, new CodedError("NOT_FOUND", "There is no such page.")));
app.onError((error, c) => problemPage(c, error));

export default { fetch: app.fetch } satisfies ExportedHandler<DidpEnv>;
