/**
 * What brings the tables of an object from each version to the next, for objects that are older than `schema.ts`. The
 * first one made version 1; new objects get `schema.ts` at once.
 */
export const steps: readonly string[] = [
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
  // What is read at waking lay in nine tables, of which each took memory in every object that was awake.
  `CREATE TABLE IF NOT EXISTS stream_position (only_row INTEGER PRIMARY KEY, content TEXT NOT NULL);
   CREATE TABLE IF NOT EXISTS fleet_feed (grant_id TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE IF NOT EXISTS event_queue (
     destination TEXT PRIMARY KEY,
     source TEXT NOT NULL,
     reserved INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE IF NOT EXISTS queued_events (
     destination TEXT NOT NULL,
     last_offset INTEGER NOT NULL,
     events TEXT NOT NULL,
     PRIMARY KEY (destination, last_offset)
   ) WITHOUT ROWID;
   CREATE TABLE kept (
     kind TEXT NOT NULL,
     key TEXT NOT NULL,
     content TEXT NOT NULL,
     PRIMARY KEY (kind, key)
   ) WITHOUT ROWID;
   INSERT INTO kept SELECT 'session', id, record FROM session;
   INSERT INTO kept SELECT 'device', handle,
     json_object('handle', handle, 'name', name, 'model', json(model)) FROM device;
   INSERT INTO kept SELECT 'grant', grant_id, json_object('grantId', grant_id, 'appName', app_name,
     'devices', json(devices), 'expiresAtMs', expires_at_ms) FROM app_grant;
   INSERT INTO kept SELECT 'command', id, json_object('id', id, 'device', device, 'name', name,
     'publisher', json_object('kind', publisher_kind, 'handle', publisher_handle),
     'keys', json(keys), 'expiresAtMs', expires_at_ms) FROM pending_command;
   INSERT INTO kept SELECT 'refused-epoch', handle, epoch FROM refused_epoch;
   INSERT INTO kept SELECT 'attachment', connection, content FROM attachment;
   INSERT INTO kept SELECT 'stream-position', '', content FROM stream_position;
   INSERT INTO kept SELECT 'fleet-feed', grant_id, content FROM fleet_feed;
   INSERT INTO kept SELECT 'event-queue', destination,
     json_object('source', source, 'reserved', reserved) FROM event_queue;
   DROP TABLE session;
   DROP TABLE device;
   DROP TABLE app_grant;
   DROP TABLE pending_command;
   DROP TABLE refused_epoch;
   DROP TABLE attachment;
   DROP TABLE stream_position;
   DROP TABLE fleet_feed;
   DROP TABLE event_queue;
   DROP TABLE schema_version;`,
  // What each counts against the bytes that may be retained.
  `ALTER TABLE retained ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
   UPDATE retained SET bytes =
     max(1024, length(topic_name) + length(payload) + coalesce(length(properties), 0));`,
];
