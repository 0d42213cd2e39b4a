import type { ClaimedDevice, DeviceHandle, DeviceModel, GrantId } from "../../engines/oauth/authority.ts";
import { base64url } from "../../engines/oauth/base64url.ts";
import { equalSecrets, type KeyRing, randomSecret } from "../../engines/oauth/key-ring.ts";
import { randomInShard, shardOf } from "../../engines/oauth/shard.ts";
import type { Grant } from "./grant.ts";
import type { GrantTokens, TokenResult, TokenSet } from "./grant-tokens.ts";
import type { Grants } from "./grants.ts";
import type { Outbox } from "./outbox.ts";

export interface DeviceCode {
  readonly deviceCode: string;
  readonly expiresInSeconds: number;
  /** What somebody has to do at the device before it can be claimed, by its product's policy. */
  readonly presence: "button" | "possession" | undefined;
}

/** What a claim page may show of a device that can be claimed. */
export interface Claimable {
  readonly softwareId: string;
  /** It has asked for a device code and still waits. */
  readonly isOnline: boolean;
  readonly claimPolicy: "online" | "button" | "possession";
  /** The policy wants somebody at the device, and nobody has shown to be there in the last two minutes. */
  readonly needsPresence: boolean;
}

export type ClaimResult =
  | { readonly kind: "claimed"; readonly gid: GrantId; readonly handle: DeviceHandle }
  /** Unknown, lost, disabled or owned: never said which. */
  | { readonly kind: "not_claimable" }
  | { readonly kind: "already_claimed" }
  | { readonly kind: "offline" }
  | { readonly kind: "presence_required" };

interface DeviceRow extends Record<string, SqlStorageValue> {
  client_id: string;
  claim_hash: string;
  software_id: string;
  claim_policy: "online" | "button" | "possession";
  lost_ms: number | null;
  code_salt: string | null;
  code_expires_ms: number | null;
  code_denied: number;
  presence_ms: number | null;
  boot: string | null;
  boot_ms: number | null;
  earlier_boot_ms: number | null;
  gateway: string | null;
}

const CODE_LIFE_MS = 30 * 60_000;
/** A code younger than this to its end is said again, so that a lost or doubled answer does not matter. */
const CODE_REUSE_MS = 5 * 60_000;
/** IDENTITY.md §2.C step 5: "press the button within 2 minutes", "two power cycles within 60 s". */
const PRESENCE_MS = 2 * 60_000;
const TWO_STARTS_MS = 60_000;
const LOST_MS = 2 * 365 * 24 * 3600_000;
/** Without an objection of the owner a device that was reset may be claimed after this. */
const RESET_OBJECTION_MS = 14 * 24 * 3600_000;
const OFFER_LIFE_MS = 48 * 3600_000;
/** A client id that no device has. */
const NOBODY = "-";
const FOREVER_MS = 100 * 365 * 24 * 3600_000;

/** A device from switched on to owned: device codes, the claim, the first tokens (RFC 8628; IDENTITY.md §2.C). */
export class DeviceClaims {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #keys: KeyRing;
  readonly #grants: Grants;
  readonly #tokens: GrantTokens;
  readonly #outbox: Outbox;
  /** Last poll of each device, for `slow_down`; forgetting it when the object sleeps harms nobody. */
  readonly #polls = new Map<string, { atMs: number; intervalMs: number }>();

  constructor(
    storage: DurableObjectStorage,
    keys: KeyRing,
    grants: Grants,
    tokens: GrantTokens,
    outbox: Outbox,
  ) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#keys = keys;
    this.#grants = grants;
    this.#tokens = tokens;
    this.#outbox = outbox;
  }

  /**
   * The live device code of an authenticated device, or a new one.
   * @param boot random at each start of the device: two new ones within a minute are two power cycles
   */
  async deviceCode(
    oauthClientId: string,
    boot: string | undefined,
    nowMs: number,
  ): Promise<DeviceCode | undefined> {
    const device = this.#device("client_id", oauthClientId);
    if (device === undefined) return undefined;
    if (boot !== undefined && boot !== device.boot) this.#noteStart(device, boot, nowMs);
    let salt = device.code_salt;
    let expiresMs = device.code_expires_ms ?? 0;
    if (salt === null || device.code_denied !== 0 || expiresMs - nowMs < CODE_REUSE_MS) {
      salt = randomSecret(16);
      expiresMs = nowMs + CODE_LIFE_MS;
      this.#sql.exec(
        "UPDATE device SET code_salt = ?, code_expires_ms = ?, code_denied = 0 WHERE client_id = ?",
        salt,
        expiresMs,
        oauthClientId,
      );
      this.#polls.delete(oauthClientId);
    }
    return {
      deviceCode: await this.#derive(oauthClientId, salt),
      expiresInSeconds: Math.floor((expiresMs - nowMs) / 1000),
      presence: device.claim_policy === "online" ? undefined : device.claim_policy,
    };
  }

  /** One poll (RFC 8628 §3.5); the device has been authenticated. */
  async poll(
    oauthClientId: string,
    deviceCode: string,
    intervalMs: number,
    nowMs: number,
  ): Promise<TokenResult> {
    const device = this.#device("client_id", oauthClientId);
    const expected = await this.#derive(oauthClientId, device?.code_salt ?? "-");
    if (device === undefined || device.code_salt === null || !equalSecrets(expected, deviceCode)) {
      return { error: "invalid_grant" };
    }
    const first = await this.waitingTokens(oauthClientId, nowMs);
    if (first !== undefined) return { tokens: first };
    if ((device.code_expires_ms ?? 0) <= nowMs) return { error: "expired_token" };
    if (device.code_denied !== 0) return { error: "access_denied" };
    return { error: this.#tooFast(oauthClientId, intervalMs, nowMs) ? "slow_down" : "authorization_pending" };
  }

  find(claimHash: string, nowMs: number): Claimable | undefined {
    const device = this.#device("claim_hash", claimHash);
    // Asked for where there is no device as well: unknown, lost and owned cost the same two look-ups.
    const owner = this.#grants.ofDevice(device?.client_id ?? NOBODY);
    if (device === undefined || isLost(device) || this.#isInTheWay(owner, nowMs)) return undefined;
    return {
      softwareId: device.software_id,
      isOnline: isOnline(device, nowMs),
      claimPolicy: device.claim_policy,
      needsPresence: needsPresence(device, nowMs),
    };
  }

  /**
   * Makes `anon` the owner in one transaction; of two claimants one wins. Saying it again, for the same owner,
   * gives the same handle.
   * @param model of the product, for the owner's personal cloud
   */
  claim(claimHash: string, anon: string, gateway: string, model: DeviceModel, nowMs: number): ClaimResult {
    return this.#storage.transactionSync((): ClaimResult => {
      const device = this.#device("claim_hash", claimHash);
      if (device === undefined || isLost(device)) return { kind: "not_claimable" };
      const existing = this.#grants.ofDevice(device.client_id);
      if (this.#isInTheWay(existing, nowMs)) {
        return existing.anon === anon
          ? claimed(existing.gid as GrantId, existing.handle as DeviceHandle) // a device's grant row holds both
          : { kind: "already_claimed" };
      }
      if (!isOnline(device, nowMs)) return { kind: "offline" };
      if (needsPresence(device, nowMs)) return { kind: "presence_required" };
      return this.#give(device, anon, gateway, model, nowMs);
    });
  }

  /** A one-time offer of an owner's device to whoever gets the link. @returns the token; only its hash is kept */
  async offer(gid: string, anon: string, nowMs: number): Promise<string | undefined> {
    const [grant, shard] = [this.#grants.byId(gid), shardOf(gid)];
    if (grant?.status !== "active" || grant.anon !== anon || grant.lost !== 0 || shard === undefined) {
      return undefined;
    }
    const token = randomInShard(shard, 32);
    const hash = await this.#keys.hash("offer", token);
    this.#storage.transactionSync(() => {
      this.#sql.exec("DELETE FROM offer WHERE gid = ?", gid);
      this.#sql.exec(
        "INSERT INTO offer (offer_hash, gid, expires_ms) VALUES (?, ?, ?)",
        hash,
        gid,
        nowMs + OFFER_LIFE_MS,
      );
    });
    return token;
  }

  /** What an offered device is; nothing of whose it is. */
  offered(offerHash: string, nowMs: number): { readonly softwareId: string } | undefined {
    const grant = this.#offeredGrant(offerHash, nowMs);
    return grant === undefined ? undefined : { softwareId: grant.label };
  }

  /** The old ownership ends and the new one begins, in one transaction; the device learns it at its next contact. */
  accept(offerHash: string, anon: string, gateway: string, model: DeviceModel, nowMs: number): ClaimResult {
    return this.#storage.transactionSync((): ClaimResult => {
      const grant = this.#offeredGrant(offerHash, nowMs);
      const device = grant === undefined ? undefined : this.#device("client_id", grant.client_id);
      if (grant === undefined || device === undefined || isLost(device)) return { kind: "not_claimable" };
      this.#sql.exec("DELETE FROM offer WHERE offer_hash = ?", offerHash);
      if (grant.anon === anon) return { kind: "already_claimed" };
      this.#grants.end(grant.gid, "released", nowMs);
      return this.#give(device, anon, gateway, model, nowMs);
    });
  }

  /** Lost or found again, by its owner. */
  setLost(gid: string, anon: string, lost: boolean, nowMs: number): boolean {
    const grant = this.#grants.byId(gid);
    if (grant === undefined || grant.anon !== anon || grant.status === "ended") return false;
    this.#storage.transactionSync(() => {
      this.#sql.exec(
        "UPDATE device SET lost_ms = ? WHERE client_id = ?",
        lost ? nowMs : null,
        grant.client_id,
      );
      this.#grants.setLost(gid, lost, nowMs);
    });
    return true;
  }

  forgetLoss(oauthClientId: string): void {
    this.#sql.exec("UPDATE device SET lost_ms = NULL WHERE client_id = ?", oauthClientId);
  }

  /** Whether a device's grant stands in the way of a claim; one that a reset left and nobody objected about ends here. */
  #isInTheWay(grant: Grant | undefined, nowMs: number): grant is Grant {
    const isAbandoned =
      grant?.status === "suspect" &&
      grant.note === "reset" &&
      nowMs - (grant.note_ms ?? nowMs) > RESET_OBJECTION_MS;
    if (isAbandoned) this.#grants.end(grant.gid, "released", nowMs);
    return grant !== undefined && !isAbandoned;
  }

  #offeredGrant(offerHash: string, nowMs: number): Grant | undefined {
    const row = this.#sql
      .exec<{ gid: string }>(
        "SELECT gid FROM offer WHERE offer_hash = ? AND expires_ms > ?",
        offerHash,
        nowMs,
      )
      .toArray()[0];
    const grant = row === undefined ? undefined : this.#grants.byId(row.gid);
    return grant?.status === "active" ? grant : undefined;
  }

  /** A new ownership, inside a transaction: new grant id, new handle, nothing that links it to an earlier one. */
  #give(device: DeviceRow, anon: string, gateway: string, model: DeviceModel, nowMs: number): ClaimResult {
    const shard = shardOf(device.claim_hash);
    if (shard === undefined) return { kind: "not_claimable" };
    const gid = randomInShard(shard, 16) as GrantId; // new ids are made here
    const handle = randomSecret(16) as DeviceHandle;
    this.#grants.add(
      {
        gid,
        kind: "device",
        oauthClientId: device.client_id,
        anon,
        handle,
        gateway,
        label: device.software_id,
        policy: "device",
        expiresMs: nowMs + FOREVER_MS,
      },
      nowMs,
    );
    const owned = {
      gid,
      handle,
      softwareId: device.software_id,
      claimedDay: Math.floor(nowMs / (24 * 3600_000)),
    };
    this.#outbox.add({ kind: "own", anon, device: owned }, nowMs);
    // Without the owner's own name for it, in case the page's own call does not get through.
    const unnamed: ClaimedDevice = { handle, name: model.title, model };
    this.#outbox.add({ kind: "claimed", gateway, anon, device: unnamed }, nowMs + UNNAMED_AFTER_MS);
    return claimed(gid, handle);
  }

  /** The button was pressed; the device has been authenticated and shows its live device code. */
  async presence(oauthClientId: string, deviceCode: string, nowMs: number): Promise<boolean> {
    const device = this.#device("client_id", oauthClientId);
    const expected = await this.#derive(oauthClientId, device?.code_salt ?? "-");
    if (device === undefined || !isOnline(device, nowMs) || !equalSecrets(expected, deviceCode)) return false;
    this.#sql.exec("UPDATE device SET presence_ms = ? WHERE client_id = ?", nowMs, oauthClientId);
    return true;
  }

  /** First tokens, if the device has been claimed and has not used them yet. */
  async waitingTokens(oauthClientId: string, nowMs: number): Promise<TokenSet | undefined> {
    const grant = this.#grants.ofDevice(oauthClientId);
    return grant === undefined ? undefined : this.#tokens.first(grant.gid, nowMs);
  }

  /** The device says at which of the gateways it will connect. */
  wantGateway(oauthClientId: string, gateway: string): void {
    this.#sql.exec("UPDATE device SET gateway = ? WHERE client_id = ?", gateway, oauthClientId);
  }

  /** Where a new owner's device will connect: where it said, else at `usual`. */
  gatewayOf(column: "claim_hash" | "client_id", value: string, usual: string): string {
    return this.#device(column, value)?.gateway ?? usual;
  }

  /** The same for a device that is offered: it stays where it is. */
  gatewayOfOffer(offerHash: string, usual: string, nowMs: number): string {
    return this.gatewayOf("client_id", this.#offeredGrant(offerHash, nowMs)?.client_id ?? NOBODY, usual);
  }

  /** The device behind a printed code. */
  clientOf(claimHash: string): string | undefined {
    return this.#device("claim_hash", claimHash)?.client_id;
  }

  /** The person said no: the device is told and may ask again. */
  deny(claimHash: string): void {
    this.#sql.exec(
      "UPDATE device SET code_denied = 1 WHERE claim_hash = ? AND code_salt IS NOT NULL",
      claimHash,
    );
  }

  /** Whether the device has come for its tokens, for the page that waits for it. */
  hasArrived(gid: string): boolean {
    const grant = this.#grants.byId(gid);
    return grant !== undefined && (grant.generation > 0 || grant.successor_used !== 0);
  }

  /** Three starts within a minute are two power cycles: somebody is at the device. */
  #noteStart(device: DeviceRow, boot: string, nowMs: number): void {
    const isPresence =
      device.claim_policy === "possession" &&
      device.earlier_boot_ms !== null &&
      nowMs - device.earlier_boot_ms <= TWO_STARTS_MS;
    this.#sql.exec(
      `UPDATE device SET boot = ?, boot_ms = ?, earlier_boot_ms = boot_ms, presence_ms = coalesce(?, presence_ms)
       WHERE client_id = ?`,
      boot,
      nowMs,
      isPresence ? nowMs : null,
      device.client_id,
    );
  }

  #device(column: "client_id" | "claim_hash", value: string): DeviceRow | undefined {
    return this.#sql
      .exec<DeviceRow>(
        `SELECT device.* FROM device JOIN client USING (client_id) WHERE device.${column} = ? AND client.status = 'active'`,
        value,
      )
      .toArray()[0];
  }

  async #derive(oauthClientId: string, salt: string): Promise<string> {
    return base64url(await this.#keys.mac("registration", "device-code", oauthClientId, salt));
  }

  #tooFast(oauthClientId: string, intervalMs: number, nowMs: number): boolean {
    const last = this.#polls.get(oauthClientId);
    // A little grace: a client that waits exactly the interval must not be punished for a fast network.
    const isFast = last !== undefined && nowMs - last.atMs < last.intervalMs - 500;
    this.#polls.set(oauthClientId, {
      atMs: nowMs,
      intervalMs: (last?.intervalMs ?? intervalMs) + (isFast ? 5000 : 0),
    });
    if (this.#polls.size > 10_000) this.#polls.clear();
    return isFast;
  }
}

/** A lost device is refused to everybody for two years, whatever was done to it meanwhile. */
function isLost(device: DeviceRow): boolean {
  return device.lost_ms !== null && Date.now() - device.lost_ms < LOST_MS;
}

/** The page calls with the name at once; the outbox follows only if that has not been acknowledged. */
const UNNAMED_AFTER_MS = 30_000;

function claimed(gid: GrantId, handle: DeviceHandle): ClaimResult {
  return { kind: "claimed", gid, handle };
}

function isOnline(device: DeviceRow, nowMs: number): boolean {
  return device.code_salt !== null && (device.code_expires_ms ?? 0) > nowMs && device.code_denied === 0;
}

function needsPresence(device: DeviceRow, nowMs: number): boolean {
  return device.claim_policy !== "online" && nowMs - (device.presence_ms ?? 0) > PRESENCE_MS;
}
