/**
 * Tables of one registry object (one shard of the DIdP's state). Every secret is a keyed hash or a salt from
 * which, with a key that is not here, it can be derived again. Times are milliseconds; `*_hour` and `*_day` are
 * coarse on purpose (IDENTITY.md §3.1). docs/storage.md lists owners and lifetimes.
 */
const steps: readonly string[] = [
  `
    CREATE TABLE IF NOT EXISTS client (
      client_id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,              -- device | app
      status TEXT NOT NULL,            -- active | disabled
      auth_method TEXT NOT NULL,
      secret_hash TEXT,
      registration_hash TEXT NOT NULL,
      request_hash TEXT,               -- of the registration body, to tell a repeated request from another one
      metadata TEXT NOT NULL,          -- JSON
      created_ms INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS device (
      client_id TEXT PRIMARY KEY,
      claim_hash TEXT NOT NULL,
      software_id TEXT NOT NULL,
      manufacturer TEXT NOT NULL,
      batch TEXT,
      claim_policy TEXT NOT NULL,
      lost INTEGER NOT NULL DEFAULT 0,
      code_salt TEXT,                  -- of the live device code; NULL: not switched on
      code_expires_ms INTEGER,
      code_denied INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX IF NOT EXISTS device_by_claim ON device (claim_hash);

    CREATE TABLE IF NOT EXISTS grants (
      gid TEXT PRIMARY KEY,
      kind TEXT NOT NULL,              -- device | app
      client_id TEXT NOT NULL,
      anon TEXT NOT NULL,
      handle TEXT NOT NULL,            -- dh of a device, gid of an app
      gateway TEXT NOT NULL,
      label TEXT NOT NULL,             -- software id of a device, name of an app
      access TEXT,                     -- JSON IotAccess of an app
      status TEXT NOT NULL,            -- active | suspect | ended
      policy TEXT NOT NULL,            -- which RefreshPolicy
      salt TEXT NOT NULL,
      generation INTEGER NOT NULL,
      successor_used INTEGER NOT NULL,
      rotated_ms INTEGER NOT NULL,
      sequence INTEGER NOT NULL,       -- of the newest access token
      generation_sequence INTEGER NOT NULL, -- of the first access token of this generation
      voided_from INTEGER NOT NULL,    -- voided_from ≤ sequence < voided_below: given out in answers that got lost
      voided_below INTEGER NOT NULL,
      epoch INTEGER NOT NULL,
      created_day INTEGER NOT NULL,
      used_hour INTEGER NOT NULL,
      idle_until_ms INTEGER NOT NULL,  -- refresh tokens slide
      expires_ms INTEGER NOT NULL      -- and end here
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX IF NOT EXISTS grant_of_device ON grants (client_id) WHERE kind = 'device' AND status <> 'ended';
    CREATE INDEX IF NOT EXISTS grant_of_user ON grants (anon) WHERE kind <> 'device';

    CREATE TABLE IF NOT EXISTS owned (
      anon TEXT NOT NULL,
      gid TEXT NOT NULL,
      handle TEXT NOT NULL,
      software_id TEXT NOT NULL,
      claimed_day INTEGER NOT NULL,
      PRIMARY KEY (anon, gid)
    ) WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS ticket (
      ticket_hash TEXT PRIMARY KEY,
      anon TEXT NOT NULL,
      gid TEXT NOT NULL,
      gateway TEXT NOT NULL,
      request TEXT NOT NULL,           -- JSON
      return_uri TEXT NOT NULL,
      outcome TEXT,                    -- approved | denied, once
      expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS code (
      code_hash TEXT PRIMARY KEY,
      gid TEXT NOT NULL,
      client_id TEXT NOT NULL,
      redirect_uri TEXT NOT NULL,
      challenge TEXT NOT NULL,
      dpop_thumbprint TEXT,
      nonce TEXT,
      used INTEGER NOT NULL,
      expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS pushed_request (
      request_hash TEXT PRIMARY KEY,
      client_id TEXT NOT NULL,
      parameters TEXT NOT NULL,        -- JSON
      expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS session (
      session_hash TEXT PRIMARY KEY,
      anon TEXT,
      logged_in_ms INTEGER,
      claim_tries INTEGER NOT NULL,
      expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS interaction (
      interaction_id TEXT PRIMARY KEY,
      session_hash TEXT NOT NULL,
      state TEXT NOT NULL,             -- JSON
      expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS login (
      state_hash TEXT PRIMARY KEY,
      session_hash TEXT NOT NULL,
      uidp TEXT NOT NULL,
      continue_path TEXT NOT NULL,
      expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS attempt (
      key TEXT PRIMARY KEY,
      count INTEGER NOT NULL,
      expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS device_reference (
      reference_hash TEXT PRIMARY KEY,
      client_id TEXT NOT NULL,
      confirmed INTEGER NOT NULL,
      reserved_ms INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS outbox (
      id INTEGER PRIMARY KEY,
      message TEXT NOT NULL,           -- JSON OutboxMessage
      attempts INTEGER NOT NULL,
      due_ms INTEGER NOT NULL
    );
  `,
  // Refresh tokens of browser apps bound to a key (RFC 9449).
  "ALTER TABLE grants ADD COLUMN dpop_thumbprint TEXT;",
  // Claim policies: when somebody was last shown to be at the device, and its last two starts.
  `
    ALTER TABLE device ADD COLUMN presence_ms INTEGER;
    ALTER TABLE device ADD COLUMN boot TEXT;
    ALTER TABLE device ADD COLUMN boot_ms INTEGER;
    ALTER TABLE device ADD COLUMN earlier_boot_ms INTEGER;
  `,
  // Registration jobs: what to register, never what came out (that is derived again).
  `
    CREATE TABLE job (
      job_id TEXT PRIMARY KEY,
      token_hash TEXT NOT NULL,
      batch_order TEXT NOT NULL,       -- JSON BatchOrder
      total INTEGER NOT NULL,
      done INTEGER NOT NULL,
      state TEXT NOT NULL,             -- running | finished | failed
      fetched_ms INTEGER,
      expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
  `,
  // Life after the claim: why a grant is as it is, devices that are lost or offered to somebody, deletions.
  `
    ALTER TABLE grants ADD COLUMN note TEXT;        -- reuse | reset | compromised | recall | unpaid | banned
    ALTER TABLE grants ADD COLUMN note_ms INTEGER;
    ALTER TABLE grants ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE device ADD COLUMN lost_ms INTEGER;
    ALTER TABLE device ADD COLUMN reset_policy TEXT NOT NULL DEFAULT 'owner_confirms';
    CREATE TABLE offer (
      offer_hash TEXT PRIMARY KEY,
      gid TEXT NOT NULL,
      expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE deletion (
      receipt_id TEXT PRIMARY KEY,
      anon TEXT,                       -- NULL when it is done
      tombstone TEXT NOT NULL,
      requested_ms INTEGER NOT NULL,
      finished_ms INTEGER,
      expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX deletion_by_tombstone ON deletion (tombstone);
  `,
  // The app asked for an ID token with its code.
  "ALTER TABLE code ADD COLUMN id_token INTEGER NOT NULL DEFAULT 0;",
  // The gateway that a device wants to be served by; NULL: the first one.
  "ALTER TABLE device ADD COLUMN gateway TEXT;",
  // When the login provider last made sure that it is this person; NULL: it did not say.
  "ALTER TABLE session ADD COLUMN proved_ms INTEGER;",
  // Access tokens that an app has of its own, without any user.
  `
    CREATE TABLE app_token (
      token_hash TEXT PRIMARY KEY,
      client_id TEXT NOT NULL,
      gateway TEXT NOT NULL,
      expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
  `,
  // When the person logged in, for an app that asked (max_age); NULL: it did not.
  "ALTER TABLE code ADD COLUMN authenticated_ms INTEGER;",
];

/** Brings the tables of a new or older object to this version; a step that has been released never changes. */
export function createSchema(storage: DurableObjectStorage): void {
  const { sql } = storage;
  sql.exec("CREATE TABLE IF NOT EXISTS schema_version (id INTEGER PRIMARY KEY, version INTEGER NOT NULL)");
  const [row] = sql.exec<{ version: number }>("SELECT version FROM schema_version").toArray();
  const version = row?.version ?? 0;
  if (version === steps.length) return;
  storage.transactionSync(() => {
    for (const step of steps.slice(version)) sql.exec(step);
    sql.exec("INSERT OR REPLACE INTO schema_version (id, version) VALUES (1, ?)", steps.length);
  });
}

/** Tables whose rows end by themselves. */
export const expiringTables = [
  "ticket",
  "code",
  "pushed_request",
  "session",
  "interaction",
  "login",
  "attempt",
  "job",
  "offer",
  "deletion",
  "app_token",
] as const;
