/**
 * The tables of one personal cloud; docs/storage.md says who writes each row and how long it lives. Rows are
 * what storage costs, so no table has an index beside its key.
 */
const migrations: readonly string[] = [
  `CREATE TABLE session (
     id INTEGER PRIMARY KEY,
     record TEXT NOT NULL
   );
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
     expires_at_ms INTEGER
   ) WITHOUT ROWID;
   CREATE TABLE device (
     handle TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     model TEXT NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE app_grant (
     grant_id TEXT PRIMARY KEY,
     app_name TEXT NOT NULL,
     devices TEXT NOT NULL,
     expires_at_ms INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE pairwise_key (
     grant_id TEXT PRIMARY KEY,
     key BLOB NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE refused_epoch (
     handle TEXT PRIMARY KEY,
     epoch INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE attachment (
     connection INTEGER PRIMARY KEY,
     content TEXT NOT NULL
   );`,
  // Subscriptions were a list in their session's record, which each SUBSCRIBE wrote anew.
  `CREATE TABLE subscription (
     session INTEGER NOT NULL,
     topic_filter TEXT NOT NULL,
     qos INTEGER NOT NULL,
     no_local INTEGER NOT NULL,
     retain_as_published INTEGER NOT NULL,
     identifier INTEGER,
     PRIMARY KEY (session, topic_filter)
   ) WITHOUT ROWID;
   INSERT INTO subscription (session, topic_filter, qos, no_local, retain_as_published, identifier)
     SELECT session.id, value ->> 'topicFilter', value ->> 'qos', value ->> 'noLocal',
       value ->> 'retainAsPublished', value ->> 'identifier'
     FROM session, json_each(session.record, '$.subscriptions');
   UPDATE session SET record = json_remove(record, '$.subscriptions');`,
  // Of a shared subscription: what another of its members gets if this session ends.
  "ALTER TABLE delivery ADD COLUMN shared TEXT;",
  `CREATE TABLE pending_command (
     id INTEGER PRIMARY KEY,
     device TEXT NOT NULL,
     name TEXT NOT NULL,
     publisher_kind TEXT NOT NULL,
     publisher_handle TEXT NOT NULL,
     keys TEXT NOT NULL,
     expires_at_ms INTEGER NOT NULL
   );`,
  `CREATE TABLE ledger (
     kind TEXT NOT NULL,
     handle TEXT NOT NULL,
     action TEXT NOT NULL,
     topic TEXT NOT NULL,
     reason_code INTEGER NOT NULL,
     first_at_ms INTEGER NOT NULL,
     last_at_ms INTEGER NOT NULL,
     count INTEGER NOT NULL,
     PRIMARY KEY (kind, handle, action, topic, reason_code)
   ) WITHOUT ROWID;`,
];

/**
 * Brings the tables up to date; cheap when they are.
 *
 * @param target the version to reach; an older one only for tests of what comes after it.
 */
export function migrate(sql: SqlStorage, target = migrations.length): void {
  sql.exec(
    "CREATE TABLE IF NOT EXISTS schema_version (only_row INTEGER PRIMARY KEY, version INTEGER NOT NULL)",
  );
  const [row] = sql.exec<{ version: number }>("SELECT version FROM schema_version").toArray();
  const version = row?.version ?? 0;
  if (version >= target) return;
  for (const migration of migrations.slice(version, target)) sql.exec(migration);
  sql.exec("INSERT OR REPLACE INTO schema_version (only_row, version) VALUES (1, ?)", target);
}
