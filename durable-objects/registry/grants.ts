import {
  isAccessTokenGenuine,
  parseAccessToken,
  writeAccessToken,
} from "../../engines/oauth/access-token.ts";
import type {
  Authority,
  GatewayUserId,
  GrantId,
  Introspection,
  Permission,
  RevocationNotice,
} from "../../engines/oauth/authority.ts";
import { base64url } from "../../engines/oauth/base64url.ts";
import {
  appPermissions,
  DEVICE_SCOPE,
  devicePermissions,
  type IotAccess,
  LOST_SCOPE,
  lostPermissions,
  OWNER_SCOPE,
  ownerPermissions,
  scopeOf,
} from "../../engines/oauth/iot-access.ts";
import { issuerTag } from "../../engines/oauth/issuer-tag.ts";
import { type KeyRing, randomSecret } from "../../engines/oauth/key-ring.ts";
import type { OAuthErrorCode } from "../../engines/oauth/oauth-error.ts";
import {
  boundAppPolicy,
  confidentialAppPolicy,
  decideRefresh,
  devicePolicy,
  publicAppPolicy,
  type RefreshPolicy,
} from "../../engines/oauth/refresh-rotation.ts";
import {
  isRefreshTokenGenuine,
  parseRefreshToken,
  writeRefreshToken,
} from "../../engines/oauth/refresh-token.ts";
import type { Outbox } from "./outbox.ts";
import type { TokenLives } from "./token-lives.ts";

export const policies = {
  device: devicePolicy,
  confidential: confidentialAppPolicy,
  public: publicAppPolicy,
  bound: boundAppPolicy,
} as const satisfies Record<string, RefreshPolicy>;

export type PolicyName = keyof typeof policies;

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

/** A device's ownership, an app's consent, or the owner's own tools. */
export type GrantKind = "device" | "app" | "owner";

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

export interface NewGrant {
  readonly gid: GrantId;
  readonly kind: GrantKind;
  readonly oauthClientId: string;
  readonly anon: string;
  readonly handle: string;
  readonly gateway: string;
  readonly label: string;
  readonly access?: IotAccess;
  readonly policy: PolicyName;
  readonly expiresMs: number;
}

export interface Grant extends Record<string, SqlStorageValue> {
  gid: string;
  kind: GrantKind;
  client_id: string;
  anon: string;
  handle: string;
  gateway: string;
  label: string;
  access: string | null;
  status: "active" | "suspect" | "ended";
  policy: PolicyName;
  salt: string;
  generation: number;
  successor_used: number;
  rotated_ms: number;
  sequence: number;
  generation_sequence: number;
  voided_from: number;
  voided_below: number;
  epoch: number;
  created_day: number;
  used_hour: number;
  idle_until_ms: number;
  expires_ms: number;
  dpop_thumbprint: string | null;
  note: GrantNote | null;
  note_ms: number | null;
  lost: number;
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

/** Why a grant is stopped, or what its owner should know about it. */
export type GrantNote = "reuse" | "reset" | "compromised" | "recall" | "unpaid" | "banned";

const DAY_MS = 24 * 3600_000;
const HOUR_MS = 3600_000;
/** Devices may be in a drawer for a year; an app that is not used for 30 days has to ask again. */
const IDLE_LIFE_MS = { device: 400 * DAY_MS, app: 30 * DAY_MS, owner: 30 * DAY_MS } as const;
/** A salt that no grant has, so that an unknown grant costs one HMAC like a known one. */
const NO_SALT = "-";

/**
 * Grants and their tokens: refresh, introspection, the ways to end. Derivation is asynchronous and outside the
 * transactions; every decision is taken again from the row inside one.
 */
export class Grants {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #keys: KeyRing;
  readonly #outbox: Outbox;
  readonly #lives: TokenLives;
  readonly #issuer: string;

  constructor(
    storage: DurableObjectStorage,
    keys: KeyRing,
    outbox: Outbox,
    lives: TokenLives,
    issuer: string,
  ) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#keys = keys;
    this.#outbox = outbox;
    this.#lives = lives;
    this.#issuer = issuer;
  }

  byId(gid: string): Grant | undefined {
    return this.#sql.exec<Grant>("SELECT * FROM grants WHERE gid = ?", gid).toArray()[0];
  }

  /** The grant that a device is under at present, if any. */
  ofDevice(oauthClientId: string): Grant | undefined {
    return this.#sql
      .exec<Grant>(
        "SELECT * FROM grants WHERE client_id = ? AND kind = 'device' AND status <> 'ended'",
        oauthClientId,
      )
      .toArray()[0];
  }

  /** A user's apps and own tools; they live in the user's own shard. */
  appsOf(anon: string): readonly Grant[] {
    return this.#sql
      .exec<Grant>(
        "SELECT * FROM grants WHERE anon = ? AND kind <> 'device' AND status <> 'ended' ORDER BY created_day, gid",
        anon,
      )
      .toArray();
  }

  /** To be called inside a transaction. */
  add(grant: NewGrant, nowMs: number): void {
    this.#sql.exec(
      `INSERT INTO grants (gid, kind, client_id, anon, handle, gateway, label, access, status, policy, salt, generation,
         successor_used, rotated_ms, sequence, generation_sequence, voided_from, voided_below, epoch, created_day, used_hour, idle_until_ms, expires_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'active', ?, ?, 0, 0, ?, 0, 1, 0, 0, 1, ?, ?, ?, ?)`,
      grant.gid,
      grant.kind,
      grant.oauthClientId,
      grant.anon,
      grant.handle,
      grant.gateway,
      grant.label,
      grant.access === undefined ? null : JSON.stringify(grant.access),
      grant.policy,
      randomSecret(),
      nowMs,
      Math.floor(nowMs / DAY_MS),
      Math.floor(nowMs / HOUR_MS),
      nowMs + IDLE_LIFE_MS[grant.kind],
      grant.expiresMs,
    );
  }

  /**
   * The first tokens of a grant: said again, the same refresh token, until that one has come back.
   * @returns `undefined` if it has, or the grant has ended.
   */
  async first(gid: string, nowMs: number): Promise<TokenSet | undefined> {
    const issued = this.#storage.transactionSync(() => {
      const grant = this.byId(gid);
      if (grant === undefined || !isUsable(grant, nowMs)) return undefined;
      if (grant.generation !== 0 || grant.successor_used !== 0) return undefined;
      return this.#issue(grant, { voidOlder: true }, nowMs);
    });
    return issued === undefined ? undefined : this.#tokens(issued, nowMs);
  }

  /** From now on refreshing needs a proof of this key (RFC 9449 §5); for a client that has no credential. */
  bind(gid: string, thumbprint: string): void {
    this.#sql.exec("UPDATE grants SET policy = 'bound', dpop_thumbprint = ? WHERE gid = ?", thumbprint, gid);
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
    const before = parsed === undefined ? undefined : this.byId(parsed.grantId);
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
      const grant = this.byId(parsed.grantId);
      if (grant === undefined || grant.salt !== before.salt || !isUsable(grant, nowMs)) return undefined;
      const state = {
        generation: grant.generation,
        successorUsed: grant.successor_used !== 0,
        rotatedAtMs: grant.rotated_ms,
      };
      const decision = decideRefresh(state, parsed.generation, policies[grant.policy], nowMs);
      if (decision.kind === "reuse") {
        this.#cut(grant, "suspect", "suspect", nowMs, "reuse");
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
   * RFC 7009: ends the grant that a token belongs to, whichever of its tokens it is. A device that revokes was
   * reset by whoever holds it, so unless its product says that possession is ownership the grant only stops until
   * the owner has been asked (IDENTITY.md §2.H).
   * A token that is wrong changes nothing, nor does another client's.
   */
  async revokeByToken(token: string, oauthClientId: string, nowMs: number): Promise<RevocationResult> {
    const refresh = parseRefreshToken(token);
    const access = parseAccessToken(token);
    const gid = (refresh ?? access)?.grantId;
    const grant = gid === undefined ? undefined : this.byId(gid);
    if (grant === undefined) return {};
    const isGenuine =
      refresh === undefined
        ? await isAccessTokenGenuine(this.#keys, token, grant.salt)
        : await isRefreshTokenGenuine(this.#keys, token, grant.salt);
    if (!isGenuine) return {};
    if (grant.client_id !== oauthClientId) return { error: "invalid_grant" };
    if (grant.kind !== "device") this.end(grant.gid, "revoked", nowMs);
    else if (this.#possessionIsOwnership(grant.client_id)) this.end(grant.gid, "released", nowMs);
    else this.suspend(grant.gid, "reset", nowMs);
    return {};
  }

  /** Stops a grant until its owner decides. */
  suspend(gid: string, note: GrantNote, nowMs: number): void {
    this.#storage.transactionSync(() => {
      const grant = this.byId(gid);
      if (grant?.status === "active") this.#cut(grant, "suspect", "suspect", nowMs, note);
    });
  }

  /** Tells the owner something that changes nothing. */
  annotate(gid: string, note: GrantNote, nowMs: number): void {
    this.#sql.exec("UPDATE grants SET note = ?, note_ms = ? WHERE gid = ?", note, nowMs, gid);
  }

  /** A lost device may be managed and located, and nothing else, until it is found. */
  setLost(gid: string, isLost: boolean, nowMs: number): void {
    this.#storage.transactionSync(() => {
      const grant = this.byId(gid);
      if (grant === undefined || grant.status === "ended" || (grant.lost !== 0) === isLost) return;
      this.#sql.exec("UPDATE grants SET lost = ?, epoch = epoch + 1 WHERE gid = ?", isLost ? 1 : 0, gid);
      // Connections under the old permissions end; the same tokens open new ones.
      this.#tell({ ...grant, epoch: grant.epoch + 1 }, "suspect", nowMs);
    });
  }

  /** Every living grant of a client or of a user, of any kind, in this shard. */
  livingOf(column: "client_id" | "anon", value: string): readonly Grant[] {
    return this.#sql
      .exec<Grant>(`SELECT * FROM grants WHERE ${column} = ? AND status <> 'ended'`, value)
      .toArray();
  }

  /** Ends a grant for good and tells its gateway. Doing it twice does nothing. */
  end(gid: string, reason: RevocationNotice["reason"], nowMs: number, note?: GrantNote): void {
    this.#storage.transactionSync(() => {
      const grant = this.byId(gid);
      if (grant === undefined || grant.status === "ended") return;
      this.#cut(grant, "ended", reason, nowMs, note);
    });
  }

  /** The owner's one tap: a suspect grant lives again under a new salt; every old token is dead. */
  reapprove(gid: string, anon: string, nowMs: number): boolean {
    return this.#storage.transactionSync(() => {
      const grant = this.byId(gid);
      if (grant === undefined || grant.anon !== anon || grant.status === "ended") return false;
      if (grant.note === "compromised") return false; // the key in the device is the thief's as well
      this.#sql.exec(
        `UPDATE grants SET status = 'active', note = NULL, salt = ?, generation = 0, successor_used = 0, rotated_ms = ?,
           generation_sequence = sequence + 1, voided_below = 0, epoch = epoch + ?, idle_until_ms = ? WHERE gid = ?`,
        randomSecret(),
        nowMs,
        grant.status === "active" ? 1 : 0, // a suspect grant's epoch grew when it was cut
        nowMs + IDLE_LIFE_MS[grant.kind],
        gid,
      );
      if (grant.status === "active") this.#tell({ ...grant, epoch: grant.epoch + 1 }, "suspect", nowMs);
      return true;
    });
  }

  /** HMAC(key of that gateway, anon): another gateway knows the same user by another name. */
  async userAt(gateway: string, anon: string): Promise<GatewayUserId> {
    const name = await this.#keys.mac("gateway", "user", gateway, anon);
    return base64url(name.slice(0, 16)) as GatewayUserId; // this is how one is made
  }

  #possessionIsOwnership(oauthClientId: string): boolean {
    const rows = this.#sql
      .exec<{ reset_policy: string }>("SELECT reset_policy FROM device WHERE client_id = ?", oauthClientId)
      .toArray();
    return rows[0]?.reset_policy === "possession_is_ownership";
  }

  #cut(
    grant: Grant,
    status: "suspect" | "ended",
    reason: RevocationNotice["reason"],
    nowMs: number,
    note?: GrantNote,
  ): void {
    grant.epoch += 1;
    this.#sql.exec(
      "UPDATE grants SET status = ?, epoch = ?, note = coalesce(?, note), note_ms = ? WHERE gid = ?",
      status,
      grant.epoch,
      note ?? null,
      nowMs,
      grant.gid,
    );
    if (status === "ended" && grant.kind === "device") {
      this.#outbox.dropClaimed(grant.handle);
      this.#outbox.add({ kind: "disown", anon: grant.anon, gid: grant.gid }, nowMs);
    }
    this.#tell(grant, reason, nowMs);
  }

  #tell(grant: Grant, reason: RevocationNotice["reason"], nowMs: number): void {
    this.#outbox.add(
      {
        kind: "revoked",
        gateway: grant.gateway,
        anon: grant.anon,
        handle: grant.handle,
        epoch: grant.epoch,
        reason,
      },
      nowMs,
    );
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
      user: await this.userAt(grant.gateway, grant.anon),
      anon: grant.anon,
      ...(access === undefined ? {} : { access }),
    };
  }

  async #authorityOf(grant: JudgedGrant, expiresAtMs: number): Promise<Authority> {
    return {
      user: await this.userAt(grant.gateway, grant.anon),
      kind: grant.kind,
      handle: grant.handle,
      permissions: permissionsOf(grant),
      expiresAtMs,
      epoch: grant.epoch,
    };
  }
}

/** What an app was granted; `undefined` for a device. */
export function accessOf(grant: Pick<Grant, "access">): IotAccess | undefined {
  return grant.access === null ? undefined : (JSON.parse(grant.access) as IotAccess); // written by `add`
}

function permissionsOf(grant: Pick<Grant, "kind" | "lost" | "access">): readonly Permission[] {
  switch (grant.kind) {
    case "device":
      return grant.lost === 0 ? devicePermissions : lostPermissions;
    case "owner":
      return ownerPermissions;
    case "app":
      return appPermissions(accessOf(grant)?.actions ?? []);
  }
}

function scopeOfGrant(grant: Grant, access: IotAccess | undefined): string {
  if (grant.kind === "owner") return OWNER_SCOPE;
  if (grant.lost !== 0) return LOST_SCOPE;
  return access === undefined ? DEVICE_SCOPE : scopeOf(access.actions);
}

/**
 * RFC 6749 §6. `openid` stands in the answer to a code that came with an ID token; a device may not know yet that it is
 * lost, or that it is found.
 */
function isGranted(grant: Grant, scope: string): boolean {
  const ordinary = scopeOfGrant({ ...grant, lost: 0 }, accessOf(grant)).split(" ");
  const granted = new Set([...ordinary, grant.kind === "device" ? LOST_SCOPE : "openid"]);
  return scope.split(" ").every((word) => word === "" || granted.has(word));
}

function isUsable(grant: Grant, nowMs: number): boolean {
  return grant.status === "active" && nowMs < grant.idle_until_ms && nowMs < grant.expires_ms;
}

function isVoided(grant: Pick<Grant, "voided_from" | "voided_below">, sequence: number): boolean {
  return sequence >= grant.voided_from && sequence < grant.voided_below;
}
