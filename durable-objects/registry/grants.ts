import type { RevocationNotice } from "../../engines/oauth/authority.ts";
import { randomSecret } from "../../engines/oauth/key-ring.ts";
import { type Grant, type GrantNote, IDLE_LIFE_MS, type NewGrant } from "./grant.ts";
import type { Outbox } from "./outbox.ts";

const DAY_MS = 24 * 3600_000;
const HOUR_MS = 3600_000;

/** The rows of grants, from consent to their end. Whom an end concerns is told through the outbox, in one transaction. */
export class Grants {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #outbox: Outbox;

  constructor(storage: DurableObjectStorage, outbox: Outbox) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#outbox = outbox;
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

  /** From now on refreshing needs a proof of this key (RFC 9449 §5); for a client that has no credential. */
  bind(gid: string, thumbprint: string): void {
    this.#sql.exec("UPDATE grants SET policy = 'bound', dpop_thumbprint = ? WHERE gid = ?", thumbprint, gid);
  }

  /**
   * Somebody who holds a token of it says that this is enough. A device that revokes was reset by whoever holds it, so
   * unless its product says that possession is ownership the grant only stops until the owner has been asked
   * (IDENTITY.md §2.H).
   */
  endByHolder(grant: Grant, nowMs: number): void {
    if (grant.kind !== "device") this.end(grant.gid, "revoked", nowMs);
    else if (this.#possessionIsOwnership(grant.client_id)) this.end(grant.gid, "released", nowMs);
    else this.suspend(grant.gid, "reset", nowMs);
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
}
