import type { AppIntrospection } from "../../engines/oauth/authority.ts";
import { issuerTag, randomTagged } from "../../engines/oauth/issuer-tag.ts";
import type { KeyRing } from "../../engines/oauth/key-ring.ts";
import { shardOf } from "../../engines/oauth/shard.ts";
import type { Clients } from "./clients.ts";
import type { RevocationResult } from "./grant-tokens.ts";
import { appAt } from "./names-at-gateways.ts";

const LIFE_MS = 600_000;

/** Access tokens that an app has of its own (RFC 6749 §4.4); in the shard of its client, as keyed hashes. */
export class AppTokens {
  readonly #sql: SqlStorage;
  readonly #keys: KeyRing;
  readonly #clients: Clients;
  readonly #issuer: string;

  constructor(sql: SqlStorage, keys: KeyRing, clients: Clients, issuer: string) {
    this.#sql = sql;
    this.#keys = keys;
    this.#clients = clients;
    this.#issuer = issuer;
  }

  /** The client has been authenticated. */
  async issue(
    oauthClientId: string,
    gateway: string,
    nowMs: number,
  ): Promise<{ readonly token: string; readonly expiresInSeconds: number }> {
    const shard = shardOf(oauthClientId.slice("a-".length));
    if (shard === undefined) throw new RangeError("client id: not of a registered app");
    const token = randomTagged(shard, await issuerTag(this.#issuer));
    this.#sql.exec(
      "INSERT INTO app_token (token_hash, client_id, gateway, expires_ms) VALUES (?, ?, ?, ?)",
      await this.#keys.hash("app-token", token),
      oauthClientId,
      gateway,
      nowMs + LIFE_MS,
    );
    return { token, expiresInSeconds: LIFE_MS / 1000 };
  }

  /** @returns `undefined` for what is no token of an app's own */
  async revoke(token: string, oauthClientId: string): Promise<RevocationResult | undefined> {
    const tokenHash = await this.#keys.hash("app-token", token);
    const [row] = this.#sql
      .exec<{ client_id: string }>("SELECT client_id FROM app_token WHERE token_hash = ?", tokenHash)
      .toArray();
    if (row === undefined) return undefined;
    if (row.client_id !== oauthClientId) return { error: "invalid_grant" };
    this.#sql.exec("DELETE FROM app_token WHERE token_hash = ?", tokenHash);
    return {};
  }

  /** For the gateway that the token is for; a banned app's is not active. */
  async introspect(gateway: string, token: string, nowMs: number): Promise<AppIntrospection> {
    const [row] = this.#sql
      .exec<{ client_id: string; expires_ms: number }>(
        "SELECT client_id, expires_ms FROM app_token WHERE token_hash = ? AND gateway = ? AND expires_ms > ?",
        await this.#keys.hash("app-token", token),
        gateway,
        nowMs,
      )
      .toArray();
    if (row === undefined || this.#clients.find(row.client_id)?.isActive !== true) return { active: false };
    return {
      active: true,
      app: await appAt(this.#keys, gateway, row.client_id),
      expiresAtMs: row.expires_ms,
    };
  }
}
