import type { BatchOrder } from "./device-batches.ts";

/** How far a job is. */
export interface Job {
  readonly state: "running" | "finished" | "failed";
  readonly done: number;
  readonly total: number;
}

interface JobRow extends Record<string, SqlStorageValue> {
  job_id: string;
  token_hash: string;
  batch_order: string;
  total: number;
  done: number;
  state: Job["state"];
  fetched_ms: number | null;
  expires_ms: number;
}

const DAY_MS = 24 * 3600_000;
const LIFE_MS = 7 * DAY_MS;
/** A fetched result may be fetched again for so long: a production line must not lose it to a dropped answer. */
const REFETCH_MS = DAY_MS;

/** Registrations of more devices than one answer should carry (IDENTITY.md §2.B step 3). */
export class RegistrationJobs {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  begin(id: string, order: BatchOrder, nowMs: number): void {
    this.#sql.exec(
      `INSERT OR IGNORE INTO job (job_id, token_hash, batch_order, total, done, state, fetched_ms, expires_ms)
       VALUES (?, ?, ?, ?, 0, 'running', NULL, ?)`,
      id,
      order.tokenHash,
      JSON.stringify(order),
      order.count,
      nowMs + LIFE_MS,
    );
  }

  /** Only to the initial access token that ordered it. */
  find(id: string, tokenHash: string): Job | undefined {
    const row = this.#row(id, tokenHash);
    return row === undefined ? undefined : { state: row.state, done: row.done, total: row.total };
  }

  /** For the manufacturer's own page. */
  ofManufacturer(
    id: string,
    manufacturer: string,
  ): { readonly job: Job; readonly tokenHash: string } | undefined {
    const row = this.#sql.exec<JobRow>("SELECT * FROM job WHERE job_id = ?", id).toArray()[0];
    if (row === undefined || orderOf(row).manufacturer !== manufacturer) return undefined;
    return { job: { state: row.state, done: row.done, total: row.total }, tokenHash: row.token_hash };
  }

  /** The order of a finished job, until a day after it was first asked for. */
  results(id: string, tokenHash: string, nowMs: number): BatchOrder | undefined {
    const row = this.#row(id, tokenHash);
    if (row === undefined || row.state !== "finished") return undefined;
    if (row.fetched_ms !== null && nowMs - row.fetched_ms > REFETCH_MS) return undefined;
    this.#sql.exec("UPDATE job SET fetched_ms = coalesce(fetched_ms, ?) WHERE job_id = ?", nowMs, id);
    return orderOf(row);
  }

  next(): { readonly id: string; readonly order: BatchOrder; readonly done: number } | undefined {
    const row = this.#sql
      .exec<JobRow>("SELECT * FROM job WHERE state = 'running' ORDER BY expires_ms LIMIT 1")
      .toArray()[0];
    return row === undefined ? undefined : { id: row.job_id, order: orderOf(row), done: row.done };
  }

  /** @returns where that leaves it */
  advance(id: string, count: number, state: "running" | "failed"): Job["state"] {
    if (state === "failed") {
      this.#sql.exec("UPDATE job SET state = 'failed' WHERE job_id = ?", id);
      return state;
    }
    return this.#sql
      .exec<{ state: Job["state"] }>(
        `UPDATE job SET done = done + ?, state = iif(done + ? >= total, 'finished', 'running') WHERE job_id = ?
         RETURNING state`,
        count,
        count,
        id,
      )
      .one().state;
  }

  #row(id: string, tokenHash: string): JobRow | undefined {
    return this.#sql
      .exec<JobRow>("SELECT * FROM job WHERE job_id = ? AND token_hash = ?", id, tokenHash)
      .toArray()[0];
  }
}

function orderOf(row: JobRow): BatchOrder {
  return JSON.parse(row.batch_order) as BatchOrder; // written by `begin`
}
