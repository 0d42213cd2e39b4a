import { KeptRows } from "./kept-rows.ts";
import { steps } from "./older-schemas.ts";

/**
 * The tables of one personal cloud; docs/storage.md says who writes each row and how long it lives. Rows are
 * what storage costs, so no table has an index beside its key. What is read at waking is in `kept` (KeptRows).
 *
 * Whoever changes them adds the same as a step behind the others in older-schemas.ts; a test holds both against each
 * other.
 */
const tables = `
  CREATE TABLE kept (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (kind, key)
  ) WITHOUT ROWID;
  CREATE TABLE subscription (
    session INTEGER NOT NULL,
    topic_filter TEXT NOT NULL,
    qos INTEGER NOT NULL,
    no_local INTEGER NOT NULL,
    retain_as_published INTEGER NOT NULL,
    identifier INTEGER,
    PRIMARY KEY (session, topic_filter)
  ) WITHOUT ROWID;
  CREATE TABLE delivery (
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    packet_id INTEGER,
    is_released INTEGER NOT NULL,
    qos INTEGER NOT NULL,
    retain INTEGER NOT NULL,
    topic_name TEXT NOT NULL,
    payload BLOB NOT NULL,
    properties TEXT,
    expires_at_ms INTEGER,
    bytes_so_far INTEGER NOT NULL,
    shared TEXT,
    PRIMARY KEY (session, seq)
  ) WITHOUT ROWID;
  CREATE TABLE received (
    session INTEGER NOT NULL,
    packet_id INTEGER NOT NULL,
    PRIMARY KEY (session, packet_id)
  ) WITHOUT ROWID;
  CREATE TABLE retained (
    topic_name TEXT PRIMARY KEY,
    payload BLOB NOT NULL,
    qos INTEGER NOT NULL,
    properties TEXT,
    publisher_kind TEXT NOT NULL,
    publisher_handle TEXT NOT NULL,
    expires_at_ms INTEGER,
    bytes INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE TABLE pairwise_key (
    grant_id TEXT PRIMARY KEY,
    key BLOB NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE ledger (
    kind TEXT NOT NULL,
    handle TEXT NOT NULL,
    action TEXT NOT NULL,
    topic TEXT NOT NULL,
    reason_code INTEGER NOT NULL,
    first_at_ms INTEGER NOT NULL,
    last_at_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (kind, handle, action, topic, reason_code)
  ) WITHOUT ROWID;
  CREATE TABLE queued_events (
    destination TEXT NOT NULL,
    last_offset INTEGER NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (destination, last_offset)
  ) WITHOUT ROWID;`;

/** Brings the tables up to date. One that is reads a row and does nothing. */
export function migrate(sql: SqlStorage): void {
  const version = versionOf(sql);
  if (version === steps.length) return;
  if (version === undefined) sql.exec(tables);
  else for (const step of steps.slice(version)) sql.exec(step);
  new KeptRows(sql).save("schema", "", steps.length);
}

/** @returns `undefined` for an object that has no tables yet. */
function versionOf(sql: SqlStorage): number | undefined {
  try {
    return new KeptRows(sql).get<number>("schema", "");
  } catch {
    // No such table, then: the object is new, or older than it.
    const [older] = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").toArray();
    if (older === undefined) return undefined;
    return sql.exec<{ version: number }>("SELECT version FROM schema_version").toArray()[0]?.version;
  }
}
