import { WorkerEntrypoint } from "cloudflare:workers";
import { drizzle } from "drizzle-orm/d1";
import { createLog } from "../../../engines/log/log.ts";
import { PseudonymTable, readPeppers } from "./pseudonyms.ts";

interface Env {
  readonly DB: D1Database;
  readonly PEPPERS: string;
}

const tableOf = (env: Env) => new PseudonymTable(drizzle(env.DB), readPeppers(env.PEPPERS));

/** The DIdP's login part asks here; nobody else holds the peppers or reads the table. */
export class Pseudonyms extends WorkerEntrypoint<Env> {
  /** (login provider, its subject) → anonymous id, base64url of 16 random bytes. */
  resolve(uidpId: string, subject: string): Promise<string> {
    return tableOf(this.env).resolve(uidpId, subject, Date.now());
  }

  /** The last step of an account's deletion; the same login gets another anonymous id afterwards. */
  forget(anon: string): Promise<void> {
    return tableOf(this.env).forget(anon);
  }
}

const ROWS_A_RUN = 500;

/** No route. A cron trigger lays a new pepper over the old rows after `PEPPERS` has grown. */
export default {
  fetch: () => new Response(null, { status: 404 }),
  async scheduled(_controller, env) {
    const changed = await tableOf(env).rotate(ROWS_A_RUN);
    createLog("pseudonymiser", console.log).info("peppers-rotated", { count: changed });
  },
} satisfies ExportedHandler<Env>;
