import { WorkerEntrypoint } from "cloudflare:workers";
import type { TestRequest } from "../../../durable-objects/stream-app/rule-status.ts";
import type { GatewayUserId } from "../../../engines/oauth/authority.ts";
import { ownersApi } from "./owners-api.ts";
import { streamAppOf } from "./stream-app-of.ts";

/**
 * The owners' side of the rules. The gateway says whose they are, after it has checked the token; typed calls for
 * other Workers, and the HTTP API below `/v1/me/rules` (`openapi.ts`).
 */
export class OwnersRules extends WorkerEntrypoint<CepEnv> {
  /** A request of the owner's, as it came to the gateway. */
  async serve(user: GatewayUserId, request: Request): Promise<Response> {
    return ownersApi.fetch(request, { app: streamAppOf(this.env, user) });
  }

  list(user: GatewayUserId) {
    return streamAppOf(this.env, user).list();
  }

  status(user: GatewayUserId, rule: string) {
    return streamAppOf(this.env, user).status(rule);
  }

  /** @param ifVersion refuse unless this version is deployed; 0 is "none". */
  deploy(user: GatewayUserId, rule: string, text: string, ifVersion?: number) {
    return streamAppOf(this.env, user).deploy(rule, text, ifVersion);
  }

  start(user: GatewayUserId, rule: string) {
    return streamAppOf(this.env, user).start(rule);
  }

  stop(user: GatewayUserId, rule: string) {
    return streamAppOf(this.env, user).stop(rule);
  }

  remove(user: GatewayUserId, rule: string) {
    return streamAppOf(this.env, user).remove(rule);
  }

  metrics(user: GatewayUserId, rule: string) {
    return streamAppOf(this.env, user).metrics(rule);
  }

  /** Runs a rule in virtual time. */
  dryRun(user: GatewayUserId, request: TestRequest) {
    return streamAppOf(this.env, user).dryRun(request);
  }
}
