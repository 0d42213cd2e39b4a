import { eq } from "drizzle-orm";
import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";
import { developerApp } from "./db/schema.ts";

/** Which apps a person has registered on the developer's page; the apps themselves are in the registry. */
export class DeveloperApps {
  readonly #db: DrizzleD1Database;

  constructor(db: D1Database) {
    this.#db = drizzle(db);
  }

  async of(anon: string): Promise<readonly string[]> {
    const rows = await this.#db
      .select({ oauthClientId: developerApp.oauthClientId })
      .from(developerApp)
      .where(eq(developerApp.anon, anon));
    return rows.map((row) => row.oauthClientId);
  }

  async add(oauthClientId: string, anon: string): Promise<void> {
    await this.#db.insert(developerApp).values({ oauthClientId, anon });
  }

  async remove(oauthClientId: string): Promise<void> {
    await this.#db.delete(developerApp).where(eq(developerApp.oauthClientId, oauthClientId));
  }
}
