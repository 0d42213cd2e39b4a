import { WorkerEntrypoint } from "cloudflare:workers";
import { drizzle } from "drizzle-orm/d1";
import { createLog } from "../../../engines/log/log.ts";
import { type LinkedLogin, type LinkOutcome, PseudonymTable, readPeppers } from "./pseudonyms.ts";
import { RecoveryCodes } from "./recovery-codes.ts";

const tableOf = (env: PseudonymiserEnv) => new PseudonymTable(drizzle(env.DB), readPeppers(env.PEPPERS));
const codesOf = (env: PseudonymiserEnv) => new RecoveryCodes(drizzle(env.DB), readPeppers(env.PEPPERS));

/** The DIdP's login part asks here; nobody else holds the peppers or reads the table. */
export class Pseudonyms extends WorkerEntrypoint<PseudonymiserEnv> {
  /** (login provider, its subject) → anonymous id, base64url of 16 random bytes. */
  resolve(uidpId: string, subject: string): Promise<string> {
    return tableOf(this.env).resolve(uidpId, subject, Date.now());
  }

  /** The anonymous id of a login that has been here, to log it out. */
  find(uidpId: string, subject: string): Promise<string | undefined> {
    return tableOf(this.env).find(uidpId, subject);
  }

  /** One more login for somebody who has logged in. */
  link(anon: string, uidpId: string, subject: string): Promise<LinkOutcome> {
    return tableOf(this.env).link(anon, uidpId, subject, Date.now());
  }

  /** A person's logins, by provider and month; never by subject. */
  logins(anon: string, uidpIds: readonly string[]): Promise<readonly LinkedLogin[]> {
    return tableOf(this.env).logins(anon, uidpIds);
  }

  /** Ends one of several logins. @param reference from `logins` */
  unlink(anon: string, reference: string): Promise<boolean> {
    return tableOf(this.env).unlink(anon, reference);
  }

  /** Ten new recovery codes in place of all older ones; nobody can read them again. */
  renewRecoveryCodes(anon: string): Promise<readonly string[]> {
    return codesOf(this.env).renew(anon);
  }

  recoveryCodesLeft(anon: string): Promise<number> {
    return codesOf(this.env).left(anon);
  }

  /** Takes a recovery code. @returns whose it was */
  recover(code: string): Promise<string | undefined> {
    return codesOf(this.env).use(code);
  }

  /** The last step of an account's deletion; the same login gets another anonymous id afterwards. */
  async forget(anon: string): Promise<void> {
    await codesOf(this.env).forget(anon);
    await tableOf(this.env).forget(anon);
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
} satisfies ExportedHandler<PseudonymiserEnv>;
