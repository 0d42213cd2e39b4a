import type { Context } from "hono";
import type { Config } from "./config.ts";
import type { DidpEnv } from "./env.ts";

/** What every route of the DIdP finds in its context. */
export interface DidpApp {
  Bindings: DidpEnv;
  Variables: { config: Config };
}

export type DidpContext = Context<DidpApp>;
