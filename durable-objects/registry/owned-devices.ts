import type { OwnedDevice } from "./outbox.ts";

/** The index of a user's devices, in the user's shard. Handles and kinds only; names are in the personal cloud. */
export class OwnedDevices {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  add(anon: string, device: OwnedDevice): void {
    this.#sql.exec(
      "INSERT OR IGNORE INTO owned (anon, gid, handle, software_id, claimed_day) VALUES (?, ?, ?, ?, ?)",
      anon,
      device.gid,
      device.handle,
      device.softwareId,
      device.claimedDay,
    );
  }

  remove(anon: string, gid: string): void {
    this.#sql.exec("DELETE FROM owned WHERE anon = ? AND gid = ?", anon, gid);
  }

  of(anon: string): readonly OwnedDevice[] {
    return this.#sql
      .exec<{ gid: string; handle: string; software_id: string; claimed_day: number }>(
        "SELECT gid, handle, software_id, claimed_day FROM owned WHERE anon = ? ORDER BY claimed_day, gid",
        anon,
      )
      .toArray()
      .map((row) => ({
        gid: row.gid,
        handle: row.handle,
        softwareId: row.software_id,
        claimedDay: row.claimed_day,
      }));
  }
}
