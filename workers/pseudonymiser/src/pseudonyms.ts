import { and, eq, inArray, lt } from "drizzle-orm";
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
    return (await this.#find(chain)) ?? this.#add(chain, nowMs);
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

  async #find(chain: readonly string[]): Promise<string | undefined> {
    const row = await this.#db
      .select({ anon: pseudonym.anon })
      .from(pseudonym)
      .where(inArray(pseudonym.hash, [...chain]))
      .get();
    return row?.anon;
  }

  async #add(chain: readonly string[], nowMs: number): Promise<string> {
    const newest = chain[chain.length - 1];
    if (newest === undefined) throw new RangeError("PEPPERS: at least one is needed");
    // Two first logins at once: one row wins, both get it.
    const row = await this.#db
      .insert(pseudonym)
      .values({
        hash: newest,
        version: chain.length,
        anon: randomSecret(16),
        createdMonth: Math.floor(nowMs / (30.44 * 24 * 3600_000)),
      })
      .onConflictDoUpdate({ target: pseudonym.hash, set: { version: chain.length } })
      .returning({ anon: pseudonym.anon })
      .get();
    return row.anon;
  }

  async #wrap(version: number, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const key = this.#peppers[version];
    if (key === undefined) throw new RangeError("no such pepper");
    return new Uint8Array(await crypto.subtle.sign("HMAC", await key, bytes));
  }
}

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
