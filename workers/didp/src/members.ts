import { and, desc, eq, gt } from "drizzle-orm";
import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";
import type { JsonWebKeySet } from "../../../engines/oauth/client-metadata.ts";
import { initialAccessToken, invitation, manufacturer, member, product } from "./db/schema.ts";

/** One token of a factory, as its manufacturer sees it. */
export interface TokenUse {
  readonly batch: string | null;
  readonly products: readonly string[];
  readonly maxCount: number;
  readonly usedCount: number;
  readonly expiresMs: number;
}

/** Manufacturers as tenants: who belongs to which, and what belongs to it. Every question names the tenant. */
export class Members {
  readonly #db: DrizzleD1Database;

  constructor(db: D1Database) {
    this.#db = drizzle(db);
  }

  async putManufacturer(id: string, name: string, jwks: JsonWebKeySet | undefined): Promise<void> {
    const values = { id, name, jwks: jwks ?? null };
    await this.#db
      .insert(manufacturer)
      .values(values)
      .onConflictDoUpdate({ target: manufacturer.id, set: { name, jwks: jwks ?? null } });
  }

  /** Public keys for software statements, if the manufacturer has some. */
  async keysOf(id: string): Promise<JsonWebKeySet | undefined> {
    const row = await this.#db
      .select({ jwks: manufacturer.jwks })
      .from(manufacturer)
      .where(eq(manufacturer.id, id))
      .get();
    return row?.jwks ?? undefined;
  }

  async invite(tokenHash: string, manufacturerId: string, expiresMs: number): Promise<boolean> {
    const known = await this.#db.select().from(manufacturer).where(eq(manufacturer.id, manufacturerId)).get();
    if (known === undefined) return false;
    await this.#db.insert(invitation).values({ tokenHash, manufacturer: manufacturerId, expiresMs });
    return true;
  }

  /** Once. @returns the manufacturer, or `undefined` for an invitation that is not good (any more) */
  async accept(tokenHash: string, anon: string, nowMs: number): Promise<string | undefined> {
    const taken = await this.#db
      .delete(invitation)
      .where(and(eq(invitation.tokenHash, tokenHash), gt(invitation.expiresMs, nowMs)))
      .returning({ manufacturer: invitation.manufacturer })
      .get();
    if (taken === undefined) return undefined;
    await this.#db.insert(member).values({ manufacturer: taken.manufacturer, anon }).onConflictDoNothing();
    return taken.manufacturer;
  }

  /** The tenants of a person. */
  of(anon: string): Promise<{ id: string; name: string }[]> {
    return this.#db
      .select({ id: manufacturer.id, name: manufacturer.name })
      .from(member)
      .innerJoin(manufacturer, eq(manufacturer.id, member.manufacturer))
      .where(eq(member.anon, anon));
  }

  productsOf(id: string): Promise<{ softwareId: string; title: string }[]> {
    return this.#db
      .select({ softwareId: product.softwareId, title: product.title })
      .from(product)
      .where(eq(product.manufacturer, id));
  }

  tokensOf(id: string): Promise<TokenUse[]> {
    return this.#db
      .select({
        batch: initialAccessToken.batch,
        products: initialAccessToken.products,
        maxCount: initialAccessToken.maxCount,
        usedCount: initialAccessToken.usedCount,
        expiresMs: initialAccessToken.expiresMs,
      })
      .from(initialAccessToken)
      .where(eq(initialAccessToken.manufacturer, id))
      .orderBy(desc(initialAccessToken.expiresMs))
      .limit(200);
  }

  /** The last step of a person's deletion here. */
  async forget(anon: string): Promise<void> {
    await this.#db.delete(member).where(eq(member.anon, anon));
  }
}
