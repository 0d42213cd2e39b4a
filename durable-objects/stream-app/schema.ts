/**
 * The tables of one user's stream app; docs/storage.md says how long each row lives. A batch of events costs one
 * row; everything else is written at checkpoints.
 */
const migrations: readonly string[] = [
  `CREATE TABLE state (
     only_row INTEGER PRIMARY KEY,
     content TEXT NOT NULL
   );
   CREATE TABLE rule (
     name TEXT PRIMARY KEY,
     text TEXT NOT NULL,
     version INTEGER NOT NULL,
     state TEXT NOT NULL,
     deployed_at_ms INTEGER NOT NULL,
     error TEXT,
     counters TEXT NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE snapshot (
     rule TEXT NOT NULL,
     part INTEGER NOT NULL,
     content TEXT NOT NULL,
     PRIMARY KEY (rule, part)
   ) WITHOUT ROWID;
   CREATE TABLE waiting_result (
     part INTEGER PRIMARY KEY,
     content TEXT NOT NULL
   );
   CREATE TABLE log (
     seq INTEGER PRIMARY KEY,
     at_ms INTEGER NOT NULL,
     source TEXT NOT NULL,
     accepted INTEGER NOT NULL,
     taken INTEGER NOT NULL,
     events TEXT NOT NULL
   );`,
  `CREATE TABLE outbox (
     number INTEGER PRIMARY KEY,
     rule TEXT NOT NULL,
     content TEXT NOT NULL,
     tries INTEGER NOT NULL,
     due_at_ms INTEGER NOT NULL
   );
   CREATE TABLE webhook (
     rule TEXT PRIMARY KEY,
     secret TEXT NOT NULL,
     previous_secret TEXT,
     previous_until_ms INTEGER NOT NULL,
     delivered INTEGER NOT NULL,
     dead INTEGER NOT NULL,
     dead_letters TEXT NOT NULL
   ) WITHOUT ROWID;`,
];

/** Brings the tables up to date; cheap when they are. */
export function migrate(sql: SqlStorage): void {
  sql.exec(
    "CREATE TABLE IF NOT EXISTS schema_version (only_row INTEGER PRIMARY KEY, version INTEGER NOT NULL)",
  );
  const [row] = sql.exec<{ version: number }>("SELECT version FROM schema_version").toArray();
  const version = row?.version ?? 0;
  if (version >= migrations.length) return;
  for (const migration of migrations.slice(version)) sql.exec(migration);
  sql.exec("INSERT OR REPLACE INTO schema_version (only_row, version) VALUES (1, ?)", migrations.length);
}
