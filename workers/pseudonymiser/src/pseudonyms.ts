import { and, eq, inArray, lt, sql } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import { base64url, fromBase64url } from "../../../engines/oauth/base64url.ts";
import { lengthPrefixed, randomSecret } from "../../../engines/oauth/key-ring.ts";
import { pseudonym } from "./schema.ts";

/**
 * The pseudonym table (IDENTITY.md §3.2): `h = HMAC(P_v, … HMAC(P_1, lp(uidp) ‖ lp(subject)))` → a random
 * anonymous id. The chain lets the newest pepper be laid over rows whose logins never come back.
 */
export class PseudonymTable {
  readonly #db: DrizzleD1Database;
  readonly #peppers: readonly Promise<CryptoKey>[];

  /** @param peppers 32 bytes each, oldest first; the list only ever grows at its end. */
  constructor(db: DrizzleD1Database, peppers: readonly Uint8Array<ArrayBuffer>[]) {
    this.#db = db;
    this.#peppers = peppers.map((pepper) =>
      crypto.subtle.importKey("raw", pepper, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]),
    );
  }

  /** @returns base64url of 16 random bytes, the same for the same login for ever. */
  async resolve(uidpId: string, subject: string, nowMs: number): Promise<string> {
    const chain = await this.#chain(uidpId, subject);
    const found = await this.#find(chain);
    if (found === undefined) return this.#add(chain, uidpId, randomSecret(16), nowMs);
    if (found.uidpTag === null) await this.#setTag(found.hash, await this.#tag(found.anon, uidpId));
    return found.anon;
  }

  /** As `resolve`, for a login that has been here; it makes nobody. */
  async find(uidpId: string, subject: string): Promise<string | undefined> {
    return (await this.#find(await this.#chain(uidpId, subject)))?.anon;
  }

  /**
   * Lets one more login lead to `anon`.
   * @returns `taken` if it leads to somebody already; two people are never made one
   */
  async link(anon: string, uidpId: string, subject: string, nowMs: number): Promise<LinkOutcome> {
    const chain = await this.#chain(uidpId, subject);
    const found = await this.#find(chain);
    if (found !== undefined) return found.anon === anon ? "linked-already" : "taken";
    return (await this.#add(chain, uidpId, anon, nowMs)) === anon ? "linked" : "taken";
  }

  /** The logins that lead to `anon`, oldest first. @param uidpIds every provider that there is */
  async logins(anon: string, uidpIds: readonly string[]): Promise<readonly LinkedLogin[]> {
    const tags = new Map<string, string>();
    for (const id of uidpIds) tags.set(await this.#tag(anon, id), id);
    const rows = await this.#db
      .select()
      .from(pseudonym)
      .where(eq(pseudonym.anon, anon))
      .orderBy(pseudonym.createdMonth);
    return Promise.all(
      rows.map(async (row) => ({
        reference: await this.#reference(row.hash),
        uidpId: tags.get(row.uidpTag ?? ""),
        sinceMs: Math.round(row.createdMonth * MONTH_MS),
      })),
    );
  }

  /** @returns `false` if it is not there or the last one: nobody locks themselves out here */
  async unlink(anon: string, reference: string): Promise<boolean> {
    const rows = await this.#db.select().from(pseudonym).where(eq(pseudonym.anon, anon));
    for (const row of rows) {
      if ((await this.#reference(row.hash)) !== reference) continue;
      const gone = await this.#db
        .delete(pseudonym)
        .where(
          and(
            eq(pseudonym.hash, row.hash),
            // In the same statement: of two that end the last two logins at once, one fails.
            sql`(SELECT count(*) FROM ${pseudonym} AS other WHERE other.anon = ${anon}) > 1`,
          ),
        )
        .returning({ hash: pseudonym.hash });
      return gone.length === 1;
    }
    return false;
  }

  /**
   * Lays the next pepper over up to `most` rows that lack it; call again until it answers 0. May stop anywhere:
   * each row changes in one statement, and a login finds its row under any version.
   * @returns how many rows changed
   */
  async rotate(most: number): Promise<number> {
    const newest = this.#peppers.length;
    const rows = await this.#db.select().from(pseudonym).where(lt(pseudonym.version, newest)).limit(most);
    for (const row of rows) {
      let bytes = fromBase64url(row.hash) ?? new Uint8Array();
      for (let version = row.version; version < newest; version++) bytes = await this.#wrap(version, bytes);
      await this.#db
        .update(pseudonym)
        .set({ hash: base64url(bytes), version: newest })
        .where(and(eq(pseudonym.hash, row.hash), eq(pseudonym.version, row.version)));
    }
    return rows.length;
  }

  async forget(anon: string): Promise<void> {
    await this.#db.delete(pseudonym).where(eq(pseudonym.anon, anon));
  }

  /** The hash under each version, oldest first. */
  async #chain(uidpId: string, subject: string): Promise<readonly string[]> {
    const chain: string[] = [];
    let bytes = lengthPrefixed([uidpId, subject]);
    for (let version = 0; version < this.#peppers.length; version++) {
      bytes = await this.#wrap(version, bytes);
      chain.push(base64url(bytes));
    }
    return chain;
  }

  #find(chain: readonly string[]): Promise<Row | undefined> {
    return this.#db
      .select()
      .from(pseudonym)
      .where(inArray(pseudonym.hash, [...chain]))
      .get();
  }

  async #add(chain: readonly string[], uidpId: string, anon: string, nowMs: number): Promise<string> {
    const newest = chain[chain.length - 1];
    if (newest === undefined) throw new RangeError("PEPPERS: at least one is needed");
    // Two first logins at once: one row wins, both get it.
    const row = await this.#db
      .insert(pseudonym)
      .values({
        hash: newest,
        version: chain.length,
        anon,
        createdMonth: Math.floor(nowMs / MONTH_MS),
        uidpTag: await this.#tag(anon, uidpId),
      })
      .onConflictDoUpdate({ target: pseudonym.hash, set: { version: chain.length } })
      .returning({ anon: pseudonym.anon })
      .get();
    return row.anon;
  }

  async #setTag(hash: string, uidpTag: string): Promise<void> {
    await this.#db.update(pseudonym).set({ uidpTag }).where(eq(pseudonym.hash, hash));
  }

  /** Under the oldest pepper, which never changes; `anon` in it makes two people's tags differ. */
  async #tag(anon: string, uidpId: string): Promise<string> {
    return base64url((await this.#wrap(0, lengthPrefixed(["login tag", anon, uidpId]))).slice(0, 12));
  }

  /** A row's name on a page; says nothing outside this Worker. */
  async #reference(hash: string): Promise<string> {
    return base64url((await this.#wrap(0, lengthPrefixed(["login reference", hash, ""]))).slice(0, 12));
  }

  async #wrap(version: number, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const key = this.#peppers[version];
    if (key === undefined) throw new RangeError("no such pepper");
    return new Uint8Array(await crypto.subtle.sign("HMAC", await key, bytes));
  }
}

type Row = typeof pseudonym.$inferSelect;

const MONTH_MS = 30.44 * 24 * 3600_000;

/** One login of a person's, as the account page shows it. */
export interface LinkedLogin {
  readonly reference: string;
  /** `undefined` if its provider is not configured any more, or not known yet. */
  readonly uidpId: string | undefined;
  /** To the month. */
  readonly sinceMs: number;
}

export type LinkOutcome = "linked" | "linked-already" | "taken";

/**
 * Reads `PEPPERS`: a JSON array of base64url keys of 32 bytes.
 * @throws RangeError naming the rule
 */
export function readPeppers(binding: string): readonly Uint8Array<ArrayBuffer>[] {
  const parsed: unknown = JSON.parse(binding);
  if (!Array.isArray(parsed) || parsed.length === 0) throw new RangeError("PEPPERS: an array of keys");
  return parsed.map((text: unknown) => {
    const bytes = typeof text === "string" ? fromBase64url(text) : undefined;
    if (bytes?.length !== 32) throw new RangeError("PEPPERS: keys of 32 bytes in base64url");
    return bytes;
  });
}
