import { REPLAY_WINDOW_MS } from "../../../engines/oauth/jwt-verification.ts";
import type { DidpContext } from "./didp-app.ts";
import { registryFor } from "./registries.ts";

/**
 * Whether a one-time id is seen for the first time within the life of what carries it.
 * @param owner id of whose it is; says in which shard it is remembered
 */
export async function isFirstUse(
  c: DidpContext,
  owner: string,
  kind: "dpop" | "assertion",
  id: string,
): Promise<boolean> {
  const hash = await c.var.config.keys.hash(`${kind}-id`, `${owner} ${id}`);
  return (await registryFor(c.env, owner)?.takeAttempt(`${kind}:${hash}`, 1, REPLAY_WINDOW_MS)) === 0;
}
