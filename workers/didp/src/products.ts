import { and, eq, gt, lt, sql } from "drizzle-orm";
import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";
import type { DeviceModel } from "../../../engines/oauth/authority.ts";
import { audit, initialAccessToken, manufacturer, product } from "./db/schema.ts";

export type Product = typeof product.$inferSelect;
export type InitialAccessToken = typeof initialAccessToken.$inferSelect;

/** Manufacturers, their products and their rights to register: the relational, read-mostly part (D1). */
export class Products {
  readonly #db: DrizzleD1Database;

  constructor(db: D1Database) {
    this.#db = drizzle(db);
  }

  find(softwareId: string): Promise<Product | undefined> {
    return this.#db.select().from(product).where(eq(product.softwareId, softwareId)).get();
  }

  /** Adds a product or replaces its description; `false` if it belongs to another manufacturer. */
  async put(softwareId: string, made: { title: string; manufacturer: string; model: DeviceModel }) {
    const existing = await this.find(softwareId);
    if (existing !== undefined && existing.manufacturer !== made.manufacturer) return false;
    await this.#db.batch([
      this.#db
        .insert(manufacturer)
        .values({ id: made.manufacturer, name: made.manufacturer })
        .onConflictDoNothing(),
      this.#db
        .insert(product)
        .values({ softwareId, ...made })
        .onConflictDoUpdate({ target: product.softwareId, set: { title: made.title, model: made.model } }),
      this.#audit("operator", "product-put", softwareId),
    ]);
    return true;
  }

  /** @returns `false` if one of the products is not this manufacturer's */
  async addToken(token: Omit<InitialAccessToken, "usedCount">, actor = "operator"): Promise<boolean> {
    const known = await this.#db
      .select({ softwareId: product.softwareId })
      .from(product)
      .where(eq(product.manufacturer, token.manufacturer));
    const ids = new Set(known.map((row) => row.softwareId));
    if (!token.products.every((softwareId) => ids.has(softwareId))) return false;
    await this.#db.batch([
      this.#db.insert(initialAccessToken).values(token),
      this.#audit(actor, "initial-access-token-issued", token.manufacturer),
    ]);
    return true;
  }

  /**
   * A living token by its keyed hash, whatever is left of its quota. What it allows never changes, so it is kept
   * for half a minute: a factory registers thousands under the same one, and the database is the slow part.
   */
  async findToken(tokenHash: string, nowMs: number): Promise<InitialAccessToken | undefined> {
    const kept = keptTokens.get(tokenHash);
    if (kept !== undefined && kept.untilMs > nowMs) {
      return kept.token.expiresMs > nowMs ? kept.token : undefined;
    }
    const token = await this.#db
      .select()
      .from(initialAccessToken)
      .where(and(eq(initialAccessToken.tokenHash, tokenHash), gt(initialAccessToken.expiresMs, nowMs)))
      .get();
    if (token !== undefined) {
      if (keptTokens.size >= MOST_KEPT) keptTokens.clear();
      keptTokens.set(tokenHash, { token, untilMs: nowMs + KEEP_MS });
    }
    return token;
  }

  /** Takes `count` from the quota in one statement; `false`, and nothing taken, if there is less left. */
  async spend(tokenHash: string, count: number): Promise<boolean> {
    const spent = await this.#db
      .update(initialAccessToken)
      .set({ usedCount: sql`${initialAccessToken.usedCount} + ${count}` })
      .where(
        and(
          eq(initialAccessToken.tokenHash, tokenHash),
          lt(sql`${initialAccessToken.usedCount} + ${count - 1}`, initialAccessToken.maxCount),
        ),
      )
      .returning({ used: initialAccessToken.usedCount });
    return spent.length > 0;
  }

  async giveBack(tokenHash: string, count: number): Promise<void> {
    await this.#db
      .update(initialAccessToken)
      .set({ usedCount: sql`max(0, ${initialAccessToken.usedCount} - ${count})` })
      .where(eq(initialAccessToken.tokenHash, tokenHash));
  }

  /** One line of the audit. */
  async note(actor: string, action: string, subject: string): Promise<void> {
    await this.#audit(actor, action, subject);
  }

  #audit(actor: string, action: string, subject: string) {
    return this.#db.insert(audit).values({ hour: Math.floor(Date.now() / 3600_000), actor, action, subject });
  }
}

const KEEP_MS = 30_000;
const MOST_KEPT = 1000;
const keptTokens = new Map<string, { token: InitialAccessToken; untilMs: number }>();
