import { count, eq, inArray } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import { base64url } from "../../../engines/oauth/base64url.ts";
import { readClaimCode, writeClaimCode } from "../../../engines/oauth/claim-code.ts";
import { lengthPrefixed } from "../../../engines/oauth/key-ring.ts";
import { recoveryCode } from "./schema.ts";

const CODES = 10;

/**
 * Recovery codes: 128 random bits each, written like the printed code of a device, shown once, good once. A fast
 * keyed hash is enough for that many bits (IDENTITY.md §4).
 */
export class RecoveryCodes {
  readonly #db: DrizzleD1Database;
  readonly #peppers: readonly Promise<CryptoKey>[];

  /** @param peppers as `PseudonymTable` takes them */
  constructor(db: DrizzleD1Database, peppers: readonly Uint8Array<ArrayBuffer>[]) {
    this.#db = db;
    this.#peppers = peppers.map((pepper) =>
      crypto.subtle.importKey("raw", pepper, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]),
    );
  }

  /** Ten new codes; the older ones end in the same transaction. */
  async renew(anon: string): Promise<readonly string[]> {
    const codes = Array.from({ length: CODES }, () =>
      writeClaimCode(crypto.getRandomValues(new Uint8Array(16))),
    );
    const hashes = await Promise.all(codes.map(async (code) => (await this.#hashes(code)).at(-1) ?? ""));
    await this.#db.batch([
      this.#db.delete(recoveryCode).where(eq(recoveryCode.anon, anon)),
      this.#db.insert(recoveryCode).values(hashes.map((hash) => ({ hash, anon }))),
    ]);
    return codes;
  }

  /** How many are left. */
  async left(anon: string): Promise<number> {
    const row = await this.#db
      .select({ left: count() })
      .from(recoveryCode)
      .where(eq(recoveryCode.anon, anon))
      .get();
    return row?.left ?? 0;
  }

  /** @returns whose code it was; of two uses at once one gets it */
  async use(typed: string): Promise<string | undefined> {
    const code = readClaimCode(typed);
    if (code === undefined) return undefined;
    const rows = await this.#db
      .delete(recoveryCode)
      .where(inArray(recoveryCode.hash, [...(await this.#hashes(code))]))
      .returning({ anon: recoveryCode.anon });
    return rows[0]?.anon;
  }

  /** With the account. */
  async forget(anon: string): Promise<void> {
    await this.#db.delete(recoveryCode).where(eq(recoveryCode.anon, anon));
  }

  /** Under each pepper, oldest first. */
  #hashes(code: string): Promise<readonly string[]> {
    const bytes = lengthPrefixed(["recovery code", code]);
    return Promise.all(
      this.#peppers.map(async (key) =>
        base64url(new Uint8Array(await crypto.subtle.sign("HMAC", await key, bytes))),
      ),
    );
  }
}
