/** The tables that an app's objects have beside those of every journal; docs/storage.md says how long each row lives. */

/** Of every object of a fleet: who feeds it and how far it was taken, and whose grant is over. */
export const commonTables = `
  CREATE TABLE IF NOT EXISTS feeder (
    name TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    accepted INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS gone (
    user TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    keys TEXT NOT NULL,
    untold TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) WITHOUT ROWID;`;

/** Of the combining object: grants, which version each shard has, and results. */
export const hubTables = `
  CREATE TABLE IF NOT EXISTS member (
    user TEXT PRIMARY KEY,
    way_back TEXT NOT NULL,
    known_version INTEGER NOT NULL,
    refused INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS member_by_version ON member (known_version);
  CREATE TABLE IF NOT EXISTS shard (
    number INTEGER PRIMARY KEY,
    known_version INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS kept_result (
    number INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    content TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS returning_result (
    number INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    content TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS returning_by_user ON returning_result (user, number);`;
