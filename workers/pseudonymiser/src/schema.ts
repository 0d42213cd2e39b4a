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
    /**
     * Which login provider it is, as a keyed hash over provider and `anon`: tells the person on the account page,
     * and nobody without a pepper. Empty in rows older than this column until their next login.
     */
    uidpTag: text("uidp_tag"),
  },
  (table) => [index("pseudonym_by_version").on(table.version), index("pseudonym_by_anon").on(table.anon)],
);

/** Codes that let a person in who has lost every login; each is gone when it is used. */
export const recoveryCode = sqliteTable(
  "recovery_code",
  {
    /** HMAC over the code (128 random bits) under the pepper that was newest then; base64url. */
    hash: text("hash").primaryKey(),
    anon: text("anon").notNull(),
  },
  (table) => [index("recovery_code_by_anon").on(table.anon)],
);
