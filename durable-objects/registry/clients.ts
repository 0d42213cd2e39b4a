import type { AppMetadata, DeviceMetadata } from "../../engines/oauth/client-metadata.ts";
import { equalSecrets } from "../../engines/oauth/key-ring.ts";

/** A credential as the Worker hands it in: a secret only as its keyed hash. */
export type PresentedCredential =
  | { readonly method: "client_secret_basic"; readonly secretHash: string }
  /** The Worker has verified the assertion against `jwks` of this very client. */
  | { readonly method: "private_key_jwt" }
  | { readonly method: "none" };

export type ClientKind = "device" | "app";

/** What the Worker may know of a client. */
export type Client =
  | {
      readonly kind: "app";
      readonly oauthClientId: string;
      readonly isActive: boolean;
      readonly metadata: AppMetadata;
      readonly createdMs: number;
    }
  | {
      readonly kind: "device";
      readonly oauthClientId: string;
      readonly isActive: boolean;
      readonly metadata: DeviceMetadata;
      readonly createdMs: number;
    };

export interface NewDevice {
  readonly oauthClientId: string;
  readonly metadata: DeviceMetadata;
  readonly manufacturer: string;
  readonly batch: string | null;
  readonly secretHash: string | null;
  readonly registrationHash: string;
  readonly claimHash: string;
  readonly requestHash: string;
}

export interface NewApp {
  readonly oauthClientId: string;
  readonly metadata: AppMetadata;
  readonly secretHash: string | null;
  readonly registrationHash: string;
}

interface ClientRow extends Record<string, SqlStorageValue> {
  client_id: string;
  kind: ClientKind;
  status: string;
  auth_method: string;
  secret_hash: string | null;
  registration_hash: string;
  request_hash: string | null;
  metadata: string;
  created_ms: number;
}

const DAY_MS = 24 * 3600_000;

/** The OAuth clients of this shard. */
export class Clients {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /**
   * Adds a device, or recognises the same request within 24 hours (IDENTITY.md §2.A step 5).
   * @returns `conflict` if the id is taken by another request (a key used again for other words, or too late).
   */
  addDevice(device: NewDevice, nowMs: number): "created" | "repeated" | "conflict" {
    if (this.isOtherDevice(device, nowMs)) return "conflict";
    if (this.#row(device.oauthClientId) !== undefined) return "repeated";
    this.#insert(device, "device", device.metadata.authMethod, device.requestHash, nowMs);
    this.#sql.exec(
      `INSERT INTO device (client_id, claim_hash, software_id, manufacturer, batch, claim_policy, reset_policy)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      device.oauthClientId,
      device.claimHash,
      device.metadata.softwareId,
      device.manufacturer,
      device.batch,
      device.metadata.claimPolicy,
      device.metadata.resetPolicy,
    );
    return "created";
  }

  /** Whether the id is taken by anything but this very request. */
  isOtherDevice(device: NewDevice, nowMs: number): boolean {
    const existing = this.#row(device.oauthClientId);
    if (existing === undefined) return false;
    return existing.request_hash !== device.requestHash || nowMs - existing.created_ms >= DAY_MS;
  }

  addApp(app: NewApp, nowMs: number): void {
    this.#insert(app, "app", app.metadata.authMethod, null, nowMs);
  }

  putDocumentApp(url: string, metadata: AppMetadata, nowMs: number): void {
    this.#sql.exec(
      `INSERT INTO client (client_id, kind, status, auth_method, registration_hash, metadata, created_ms)
       VALUES (?, 'app', 'active', 'none', '', ?, ?)
       ON CONFLICT (client_id) DO UPDATE SET metadata = excluded.metadata, created_ms = excluded.created_ms`,
      url,
      JSON.stringify(metadata),
      nowMs,
    );
  }

  find(oauthClientId: string): Client | undefined {
    const row = this.#row(oauthClientId);
    return row === undefined ? undefined : clientOf(row);
  }

  /** @returns the client if it is active and the credential is its own, by the method it registered. */
  authenticate(oauthClientId: string, credential: PresentedCredential): Client | undefined {
    const row = this.#row(oauthClientId);
    const presented = credential.method === "client_secret_basic" ? credential.secretHash : "";
    // Compared even if there is nobody, so that a missing client takes as long as a wrong secret.
    const isRight = equalSecrets(row?.secret_hash ?? "?".repeat(presented.length), presented);
    if (row === undefined || row.status !== "active" || row.auth_method !== credential.method)
      return undefined;
    return credential.method !== "client_secret_basic" || isRight ? clientOf(row) : undefined;
  }

  /** As `authenticate`, for a device with a secret, telling a disabled one that has the right secret. */
  judgeSecret(oauthClientId: string, secretHash: string): "right" | "wrong" | "disabled" {
    const row = this.#row(oauthClientId);
    const isRight = equalSecrets(row?.secret_hash ?? "?".repeat(secretHash.length), secretHash);
    if (row?.kind !== "device" || !isRight) return "wrong";
    return row.status === "active" ? "right" : "disabled";
  }

  /** RFC 7592: the holder of the registration access token, even while the client is disabled. */
  managed(oauthClientId: string, registrationHash: string): Client | undefined {
    const row = this.#row(oauthClientId);
    const isRight = equalSecrets(
      row?.registration_hash ?? "?".repeat(registrationHash.length),
      registrationHash,
    );
    return row !== undefined && isRight ? clientOf(row) : undefined;
  }

  /** Whether more than a device's names and version would change: its keys, or who may claim or reset it. */
  changesWhatItDoes(oauthClientId: string, metadata: AppMetadata | DeviceMetadata): boolean {
    const row = this.#row(oauthClientId);
    const client = row === undefined ? undefined : clientOf(row);
    if (client?.kind !== "device" || "redirectUris" in metadata) return false;
    const lasting = ({ jwks, claimPolicy, resetPolicy }: DeviceMetadata) =>
      JSON.stringify([jwks ?? null, claimPolicy, resetPolicy]);
    return lasting(client.metadata) !== lasting(metadata);
  }

  /** Inside a transaction: a device's policies stand in its own row too. */
  replaceMetadata(oauthClientId: string, metadata: AppMetadata | DeviceMetadata): void {
    this.#sql.exec(
      "UPDATE client SET metadata = ? WHERE client_id = ?",
      JSON.stringify(metadata),
      oauthClientId,
    );
    if ("redirectUris" in metadata) return;
    this.#sql.exec(
      "UPDATE device SET claim_policy = ?, reset_policy = ? WHERE client_id = ?",
      metadata.claimPolicy,
      metadata.resetPolicy,
      oauthClientId,
    );
  }

  batchCounts(manufacturer: string): readonly { batch: string; made: number; claimed: number }[] {
    return this.#sql
      .exec<{ batch: string; made: number; claimed: number }>(
        `SELECT coalesce(device.batch, '') AS batch, count(*) AS made, count(grants.gid) AS claimed
         FROM device LEFT JOIN grants
           ON grants.client_id = device.client_id AND grants.kind = 'device' AND grants.status <> 'ended'
         WHERE device.manufacturer = ? GROUP BY device.batch`,
        manufacturer,
      )
      .toArray();
  }

  /** Devices of one batch of one manufacturer in this shard. */
  ofBatch(manufacturer: string, batch: string): readonly string[] {
    return this.#sql
      .exec<{ client_id: string }>(
        "SELECT client_id FROM device WHERE manufacturer = ? AND batch = ?",
        manufacturer,
        batch,
      )
      .toArray()
      .map((row) => row.client_id);
  }

  setStatus(oauthClientId: string, status: "active" | "disabled"): void {
    this.#sql.exec("UPDATE client SET status = ? WHERE client_id = ?", status, oauthClientId);
  }

  remove(oauthClientId: string): void {
    this.#sql.exec("DELETE FROM device WHERE client_id = ?", oauthClientId);
    this.#sql.exec("DELETE FROM client WHERE client_id = ?", oauthClientId);
  }

  #insert(
    client: NewApp | NewDevice,
    kind: ClientKind,
    authMethod: string,
    requestHash: string | null,
    nowMs: number,
  ): void {
    this.#sql.exec(
      `INSERT INTO client (client_id, kind, status, auth_method, secret_hash, registration_hash, request_hash, metadata, created_ms)
       VALUES (?, ?, 'active', ?, ?, ?, ?, ?, ?)`,
      client.oauthClientId,
      kind,
      authMethod,
      client.secretHash,
      client.registrationHash,
      requestHash,
      JSON.stringify(client.metadata),
      nowMs,
    );
  }

  #row(oauthClientId: string): ClientRow | undefined {
    return this.#sql.exec<ClientRow>("SELECT * FROM client WHERE client_id = ?", oauthClientId).toArray()[0];
  }
}

function clientOf(row: ClientRow): Client {
  const common = {
    oauthClientId: row.client_id,
    isActive: row.status === "active",
    createdMs: row.created_ms,
  };
  // `addApp` and `addDevice` wrote the metadata that belongs to the kind.
  return row.kind === "app"
    ? { ...common, kind: "app", metadata: JSON.parse(row.metadata) as AppMetadata }
    : { ...common, kind: "device", metadata: JSON.parse(row.metadata) as DeviceMetadata };
}
