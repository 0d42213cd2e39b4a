import {
  isAccessTokenGenuine,
  parseAccessToken,
  writeAccessToken,
} from "../../engines/oauth/access-token.ts";
import type { Authority, GatewayUserId, GrantId, Introspection } from "../../engines/oauth/authority.ts";
import type { IotAccess } from "../../engines/oauth/iot-access.ts";
import { issuerTag } from "../../engines/oauth/issuer-tag.ts";
import type { KeyRing } from "../../engines/oauth/key-ring.ts";
import type { OAuthErrorCode } from "../../engines/oauth/oauth-error.ts";
import { decideRefresh } from "../../engines/oauth/refresh-rotation.ts";
import {
  isRefreshTokenGenuine,
  parseRefreshToken,
  writeRefreshToken,
} from "../../engines/oauth/refresh-token.ts";
import {
  accessOf,
  type Grant,
  IDLE_LIFE_MS,
  isGranted,
  isUsable,
  isVoided,
  permissionsOf,
  policies,
  scopeOfGrant,
} from "./grant.ts";
import type { Grants } from "./grants.ts";
import { userAt } from "./names-at-gateways.ts";
import type { TokenLives } from "./token-lives.ts";

/** One token answer before the Worker dresses it up. */
export interface TokenSet {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly refreshToken: string;
  readonly scope: string;
  /** Where the holder connects, and as whom. */
  readonly gateway: string;
  readonly user: GatewayUserId;
  readonly access?: IotAccess;
  /** For an optional ID token; never leaves the DIdP. */
  readonly anon: string;
}

export type TokenResult = { readonly tokens: TokenSet } | { readonly error: OAuthErrorCode };

/** RFC 7009 §2.1: whoever presents another client's token is told; one that is no token is none any more. */
export interface RevocationResult {
  readonly error?: OAuthErrorCode;
}

/** What a refresh request brings along. */
export interface RefreshDemand {
  /** Of the key that it proved, if it did (RFC 9449). */
  readonly thumbprint?: string | undefined;
  /** For which gateway it wants the token (RFC 8707). */
  readonly gateway?: string | undefined;
  /** For which scopes; fewer than were granted are not kept apart (RFC 6749 §3.3: the answer says which it are). */
  readonly scope?: string | undefined;
}

/** What of a grant an introspection looks at. */
const JUDGED = [
  "gid",
  "kind",
  "anon",
  "handle",
  "gateway",
  "access",
  "status",
  "salt",
  "generation",
  "successor_used",
  "generation_sequence",
  "voided_from",
  "voided_below",
  "epoch",
  "lost",
] as const;
type JudgedGrant = Pick<Grant, (typeof JUDGED)[number]>;
const JUDGED_QUERY = `SELECT ${JUDGED.join(", ")} FROM grants WHERE gid = ?`;

const HOUR_MS = 3600_000;
/** A salt that no grant has, so that an unknown grant costs one HMAC like a known one. */
const NO_SALT = "-";

/**
 * The tokens of grants: first ones, refresh, introspection, revocation. Derivation is asynchronous and outside the
 * transactions; every decision is taken again from the row inside one.
 */
export class GrantTokens {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #keys: KeyRing;
  readonly #grants: Grants;
  readonly #lives: TokenLives;
  readonly #issuer: string;

  constructor(
    storage: DurableObjectStorage,
    keys: KeyRing,
    grants: Grants,
    lives: TokenLives,
    issuer: string,
  ) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#keys = keys;
    this.#grants = grants;
    this.#lives = lives;
    this.#issuer = issuer;
  }

  /**
   * The first tokens of a grant: said again, the same refresh token, until that one has come back.
   * @returns `undefined` if it has, or the grant has ended.
   */
  async first(gid: string, nowMs: number): Promise<TokenSet | undefined> {
    const issued = this.#storage.transactionSync(() => {
      const grant = this.#grants.byId(gid);
      if (grant === undefined || !isUsable(grant, nowMs)) return undefined;
      if (grant.generation !== 0 || grant.successor_used !== 0) return undefined;
      return this.#issue(grant, { voidOlder: true }, nowMs);
    });
    return issued === undefined ? undefined : this.#tokens(issued, nowMs);
  }

  /**
   * RFC 6749 §6 by IDENTITY.md §2.E. The client has been authenticated.
   * A request for another gateway, or for more, than the grant's changes nothing: the same token can be used again.
   */
  async refresh(
    token: string,
    oauthClientId: string,
    nowMs: number,
    { thumbprint, gateway, scope }: RefreshDemand = {},
  ): Promise<TokenResult> {
    const parsed = parseRefreshToken(token);
    const before = parsed === undefined ? undefined : this.#grants.byId(parsed.grantId);
    const isGenuine = await isRefreshTokenGenuine(this.#keys, token, before?.salt ?? NO_SALT);
    // A guess changes nothing, nor does another client's token.
    if (parsed === undefined || before === undefined || !isGenuine || before.client_id !== oauthClientId) {
      return { error: "invalid_grant" };
    }
    if (before.dpop_thumbprint !== null && before.dpop_thumbprint !== thumbprint) {
      return { error: "invalid_grant" };
    }
    if (gateway !== undefined && before.gateway !== gateway) return { error: "invalid_target" };
    if (scope !== undefined && !isGranted(before, scope)) return { error: "invalid_scope" };
    const issued = this.#storage.transactionSync(() => {
      const grant = this.#grants.byId(parsed.grantId);
      if (grant === undefined || grant.salt !== before.salt || !isUsable(grant, nowMs)) return undefined;
      const state = {
        generation: grant.generation,
        successorUsed: grant.successor_used !== 0,
        rotatedAtMs: grant.rotated_ms,
      };
      const decision = decideRefresh(state, parsed.generation, policies[grant.policy], nowMs);
      if (decision.kind === "reuse") {
        this.#grants.suspend(grant.gid, "reuse", nowMs);
        return undefined;
      }
      grant.generation = decision.next.generation;
      grant.successor_used = decision.next.successorUsed ? 1 : 0;
      grant.rotated_ms = decision.next.rotatedAtMs;
      if (decision.kind === "rotate") grant.generation_sequence = grant.sequence + 1;
      return this.#issue(grant, { voidOlder: decision.kind === "repeat" }, nowMs);
    });
    return issued === undefined ? { error: "invalid_grant" } : { tokens: await this.#tokens(issued, nowMs) };
  }

  /** RFC 7662 for gateways. Marks the successor as arrived when a token issued with it shows up. */
  async introspect(gateway: string, token: string, nowMs: number): Promise<Introspection> {
    const parsed = parseAccessToken(token);
    const grant = parsed === undefined ? undefined : this.#judged(parsed.grantId);
    const isGenuine = await isAccessTokenGenuine(this.#keys, token, grant?.salt ?? NO_SALT);
    if (parsed === undefined || grant === undefined || !isGenuine) return { active: false };
    if (grant.gateway !== gateway || grant.status !== "active") return { active: false };
    if (parsed.expiresAtMs <= nowMs || isVoided(grant, parsed.sequence)) return { active: false };
    if (grant.successor_used === 0 && parsed.sequence >= grant.generation_sequence) {
      this.#sql.exec(
        "UPDATE grants SET successor_used = 1 WHERE gid = ? AND generation = ?",
        grant.gid,
        grant.generation,
      );
    }
    return { active: true, authority: await this.#authorityOf(grant, parsed.expiresAtMs) };
  }

  /** Half of the row: a gateway asks at every connection, and each column is a string and a value to make. */
  #judged(gid: string): JudgedGrant | undefined {
    return this.#sql.exec<JudgedGrant>(JUDGED_QUERY, gid).toArray()[0];
  }

  /**
   * RFC 7009: ends the grant that a token belongs to, whichever of its tokens it is.
   * A token that is wrong changes nothing, nor does another client's.
   */
  async revokeByToken(token: string, oauthClientId: string, nowMs: number): Promise<RevocationResult> {
    const refresh = parseRefreshToken(token);
    const access = parseAccessToken(token);
    const gid = (refresh ?? access)?.grantId;
    const grant = gid === undefined ? undefined : this.#grants.byId(gid);
    if (grant === undefined) return {};
    const isGenuine =
      refresh === undefined
        ? await isAccessTokenGenuine(this.#keys, token, grant.salt)
        : await isRefreshTokenGenuine(this.#keys, token, grant.salt);
    if (!isGenuine) return {};
    if (grant.client_id !== oauthClientId) return { error: "invalid_grant" };
    this.#grants.endByHolder(grant, nowMs);
    return {};
  }

  /** Writes the row for one more access token; inside a transaction. */
  #issue(grant: Grant, options: { voidOlder: boolean }, nowMs: number): Grant {
    grant.sequence += 1;
    if (options.voidOlder) {
      // An app's older range may still be alive (it rotates faster than its tokens end), a device's may not.
      const keepsRange = grant.kind !== "device" && grant.voided_below > 0;
      if (!keepsRange) grant.voided_from = grant.generation_sequence;
      grant.voided_below = grant.sequence;
    }
    grant.used_hour = Math.floor(nowMs / HOUR_MS);
    grant.idle_until_ms = nowMs + IDLE_LIFE_MS[grant.kind];
    this.#sql.exec(
      `UPDATE grants SET generation = ?, successor_used = ?, rotated_ms = ?, sequence = ?, generation_sequence = ?,
         voided_from = ?, voided_below = ?, used_hour = ?, idle_until_ms = ? WHERE gid = ?`,
      grant.generation,
      grant.successor_used,
      grant.rotated_ms,
      grant.sequence,
      grant.generation_sequence,
      grant.voided_from,
      grant.voided_below,
      grant.used_hour,
      grant.idle_until_ms,
      grant.gid,
    );
    return grant;
  }

  async #tokens(grant: Grant, nowMs: number): Promise<TokenSet> {
    const grantId = grant.gid as GrantId; // the key of a grant's row is one
    const endsMs = Math.min(nowMs + this.#lives[grant.kind], grant.expires_ms);
    const expiresAtMs = Math.floor(endsMs / 1000) * 1000;
    const access = accessOf(grant);
    return {
      accessToken: await writeAccessToken(
        this.#keys,
        { grantId, sequence: grant.sequence, expiresAtMs },
        grant.salt,
        await issuerTag(this.#issuer),
      ),
      expiresInSeconds: Math.max(1, Math.floor((expiresAtMs - nowMs) / 1000)),
      refreshToken: await writeRefreshToken(
        this.#keys,
        { grantId, generation: grant.generation },
        grant.salt,
      ),
      scope: scopeOfGrant(grant, access),
      gateway: grant.gateway,
      user: await userAt(this.#keys, grant.gateway, grant.anon),
      anon: grant.anon,
      ...(access === undefined ? {} : { access }),
    };
  }

  async #authorityOf(grant: JudgedGrant, expiresAtMs: number): Promise<Authority> {
    return {
      user: await userAt(this.#keys, grant.gateway, grant.anon),
      kind: grant.kind,
      handle: grant.handle,
      permissions: permissionsOf(grant),
      expiresAtMs,
      epoch: grant.epoch,
    };
  }
}
