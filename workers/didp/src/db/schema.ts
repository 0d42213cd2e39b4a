import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { DeviceModel } from "../../../../engines/oauth/authority.ts";
import type { JsonWebKeySet } from "../../../../engines/oauth/client-metadata.ts";

/** Who may register devices. */
export const manufacturer = sqliteTable("manufacturer", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  /** Public keys that it signs software statements with (RFC 7591 §2.3). */
  jwks: text("jwks", { mode: "json" }).$type<JsonWebKeySet>(),
});

/** Who may see a manufacturer's pages: people by their anonymous ids, by invitation of the operator. */
export const member = sqliteTable(
  "member",
  {
    manufacturer: text("manufacturer")
      .notNull()
      .references(() => manufacturer.id),
    anon: text("anon").notNull(),
  },
  (table) => [primaryKey({ columns: [table.anon, table.manufacturer] })],
);

/** A one-time way to become a member; the token only as its hash. */
export const invitation = sqliteTable("invitation", {
  tokenHash: text("token_hash").primaryKey(),
  manufacturer: text("manufacturer")
    .notNull()
    .references(() => manufacturer.id),
  expiresMs: integer("expires_ms").notNull(),
});

/** Apps that a developer registered on the page for it, to find them again. */
export const developerApp = sqliteTable("developer_app", {
  oauthClientId: text("oauth_client_id").primaryKey(),
  anon: text("anon").notNull(),
});

/** What is made: the public description that pages and personal clouds show. */
export const product = sqliteTable("product", {
  softwareId: text("software_id").primaryKey(),
  manufacturer: text("manufacturer")
    .notNull()
    .references(() => manufacturer.id),
  title: text("title").notNull(),
  model: text("model", { mode: "json" }).$type<DeviceModel>().notNull(),
});

/** A factory's right to register so many devices of these products (RFC 7591 §3); the token only as its hash. */
export const initialAccessToken = sqliteTable("initial_access_token", {
  tokenHash: text("token_hash").primaryKey(),
  manufacturer: text("manufacturer")
    .notNull()
    .references(() => manufacturer.id),
  products: text("products", { mode: "json" }).$type<readonly string[]>().notNull(),
  maxCount: integer("max_count").notNull(),
  usedCount: integer("used_count").notNull().default(0),
  batch: text("batch"),
  expiresMs: integer("expires_ms").notNull(),
});

/** What operators and manufacturers did; never what owners do. */
export const audit = sqliteTable("audit", {
  id: integer("id").primaryKey(),
  hour: integer("hour").notNull(),
  actor: text("actor").notNull(),
  action: text("action").notNull(),
  subject: text("subject").notNull(),
});
