import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** The one table that ties a login to an anonymous id, and only under peppers that are not in it. */
export const pseudonym = sqliteTable(
  "pseudonym",
  {
    /** HMAC chain over (UIdP, subject) up to pepper `version`; base64url. */
    hash: text("hash").primaryKey(),
    version: integer("version").notNull(),
    anon: text("anon").notNull(),
    /** Months since 1970: enough to age rows, too coarse to match a login. */
    createdMonth: integer("created_month").notNull(),
  },
  (table) => [index("pseudonym_by_version").on(table.version), index("pseudonym_by_anon").on(table.anon)],
);
