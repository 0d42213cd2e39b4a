import type { AppMetadata } from "../../engines/oauth/client-metadata.ts";

/** A client of the product itself, there without registration. Only these may ask for `me:*`. */
export interface BuiltInClient {
  /** Of the form of every app's id, so that it lives in one shard like any other. */
  readonly oauthClientId: string;
  readonly metadata: AppMetadata;
}

/** `edgenym`, on the owner's own machine: public, with a loopback redirect at any port (RFC 8252 §7.3). */
const commandLine: BuiltInClient = {
  oauthClientId: "a-edgenym-command-line-A",
  metadata: {
    clientName: "Edgenym command line",
    redirectUris: ["http://127.0.0.1/callback"],
    applicationType: "native",
    authMethod: "none",
    dpopBound: false,
  },
};

export const builtInClients: readonly BuiltInClient[] = [commandLine];

export function isBuiltIn(oauthClientId: string): boolean {
  return builtInClients.some((client) => client.oauthClientId === oauthClientId);
}

/** Puts the built-in clients among the registered ones; nobody holds a registration token for them. */
export function putBuiltInClients(sql: SqlStorage): void {
  for (const { oauthClientId, metadata } of builtInClients) {
    sql.exec(
      `INSERT INTO client (client_id, kind, status, auth_method, secret_hash, registration_hash, request_hash, metadata, created_ms)
       VALUES (?, 'app', 'active', 'none', NULL, '', NULL, ?, 0)
       ON CONFLICT (client_id) DO UPDATE SET metadata = excluded.metadata WHERE metadata <> excluded.metadata`,
      oauthClientId,
      JSON.stringify(metadata),
    );
  }
}
