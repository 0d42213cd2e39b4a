import type { KeyRing } from "../../engines/oauth/key-ring.ts";
import { SHARDS, type Shard } from "../../engines/oauth/shard.ts";
import type { Deletions } from "./deletions.ts";
import type { Deliveries } from "./deliveries.ts";
import { registerBatch } from "./device-batches.ts";
import type { RegistryEnv } from "./env.ts";
import type { Outbox } from "./outbox.ts";
import type { RegistrationJobs } from "./registration-jobs.ts";
import { registryOf } from "./registries.ts";
import type { Waiters } from "./waiters.ts";

const JOB_CHUNK = 1000;
/** Above every epoch that a grant reaches. */
const EVERY_EPOCH = 2 ** 40;

/** What takes longer than a request: registration jobs, deletions of accounts. The alarm does a piece at a time. */
export class BackgroundWork {
  readonly #env: RegistryEnv;
  readonly #keys: KeyRing;
  readonly #jobs: RegistrationJobs;
  readonly #deletions: Deletions;
  readonly #outbox: Outbox;
  readonly #deliveries: Deliveries;
  readonly #waiters: Waiters;

  constructor(
    env: RegistryEnv,
    keys: KeyRing,
    tables: { jobs: RegistrationJobs; deletions: Deletions; outbox: Outbox },
    deliveries: Deliveries,
    waiters: Waiters,
  ) {
    this.#env = env;
    this.#keys = keys;
    this.#jobs = tables.jobs;
    this.#deletions = tables.deletions;
    this.#outbox = tables.outbox;
    this.#deliveries = deliveries;
    this.#waiters = waiters;
  }

  /** One chunk of the oldest job. @returns whether there is more to do */
  async workOnJobs(): Promise<boolean> {
    const next = this.#jobs.next();
    if (next === undefined) return false;
    const count = Math.min(JOB_CHUNK, next.order.count - next.done);
    const outcome = await registerBatch(this.#env.REGISTRY, this.#keys, next.order, next.done, count);
    const state = this.#jobs.advance(next.id, count, outcome === undefined ? "failed" : "running");
    if (state !== "running") this.#waiters.announce(`job ${next.id}`);
    return this.#jobs.next() !== undefined;
  }

  /** Every step is idempotent: an interrupted deletion begins again and goes on. */
  async workOnDeletions(): Promise<void> {
    for (const { receiptId, anon, gateways } of this.#deletions.open()) {
      const shards = Array.from({ length: SHARDS }, (_, shard) =>
        registryOf(this.#env.REGISTRY, shard as Shard),
      );
      for (const gateway of gateways) {
        const all = { gateway, anon, handle: "*", epoch: EVERY_EPOCH, reason: "deleted" } as const;
        this.#outbox.add({ kind: "revoked", ...all }, Date.now());
      }
      await Promise.all(shards.map((shard) => shard.forgetUser(anon)));
      await this.#deliveries.drain();
      const told = await Promise.all(shards.map((shard) => shard.hasToldAbout(anon)));
      if (told.includes(false)) continue;
      const inDatabase = ["member", "developer_app"].map((table) =>
        this.#env.DB.prepare(`DELETE FROM ${table} WHERE anon = ?`).bind(anon),
      );
      await this.#env.DB.batch(inDatabase);
      await this.#env.PSEUDONYMISER.forget(anon);
      this.#deletions.finish(receiptId, Date.now());
      this.#waiters.announce(`deletion ${receiptId}`);
    }
  }
}
