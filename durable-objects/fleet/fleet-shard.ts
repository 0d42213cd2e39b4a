import { DurableObject } from "cloudflare:workers";
import type { GrantedAnswer, GrantedBatch } from "../../engines/fleet/fleet-hand-over.ts";
import { fleetLimitsFrom } from "../../engines/fleet/fleet-limits.ts";
import { wireShard } from "../../engines/fleet/fleet-wiring.ts";
import type { ResultDelivery, ResultPosition } from "../../engines/streams/hand-over.ts";
import { CloudLink } from "../stream-app/cloud-link.ts";
import { Deployment } from "../stream-app/deployment.ts";
import { Heartbeat } from "../stream-app/heartbeat.ts";
import { Journal } from "../stream-app/journal.ts";
import { migrate } from "../stream-app/schema.ts";
import { freshEvents, StreamStore } from "../stream-app/store.ts";
import { Feeders } from "./feeders.ts";
import { readShardName, type ShardConfig, type ShardReport } from "./shard-config.ts";

/** What the object needs of its script's bindings. */
export interface FleetShardEnv {
  /** The combining objects, by the app. */
  readonly FLEET_HUB: {
    idFromName(name: string): DurableObjectId;
    get(id: DurableObjectId): { rows(shard: number, delivery: ResultDelivery): Promise<ResultPosition> };
  };
  /** See `fleetLimitsFrom`. */
  readonly FLEET_LIMITS?: string;
}

const pushAfterMs = 1_000;

/**
 * One shard of an app's fleet rules: it takes what users granted, as far as its keys are its own, and hands the rows
 * that leave a shard to the app's combining object.
 *
 * @see STREAMS.md §3
 */
export class FleetShard extends DurableObject<FleetShardEnv> {
  readonly #journal: Journal;
  readonly #deployment: Deployment;
  readonly #feeders: Feeders;
  readonly #link: CloudLink;
  readonly #heartbeat: Heartbeat;
  #isPushing = false;

  constructor(ctx: DurableObjectState, env: FleetShardEnv) {
    super(ctx, env);
    const { app, shard, shards } = readShardName(ctx.id.name);
    migrate(ctx.storage.sql);
    this.#feeders = new Feeders(ctx.storage.sql);
    const limits = fleetLimitsFrom(env.FLEET_LIMITS);
    this.#journal = new Journal(new StreamStore(ctx.storage.sql), limits, {
      wire: wireShard(shard, shards),
      historyEntries: 0,
    });
    this.#deployment = new Deployment(this.#journal, limits);
    const hub = () => env.FLEET_HUB.get(env.FLEET_HUB.idFromName(app));
    this.#link = new CloudLink(this.#journal, () => ({
      streamInterest: async () => {}, // the combining object knows it, and tells the personal clouds
      streamResults: (delivery) => hub().rows(shard, delivery),
    }));
    this.#heartbeat = new Heartbeat(ctx.storage, this.#journal, () =>
      this.#link.isBehind ? (this.#link.retryAfterMs ?? pushAfterMs) : undefined,
    );
    void ctx.blockConcurrencyWhile(() => this.#heartbeat.restore());
  }

  /** Granted events of one user; each is taken once, however often it is sent, and none once the grant is over. */
  take(user: string, { source, events }: GrantedBatch): GrantedAnswer {
    const accepted = this.#feeders.accepted(user, source);
    if (this.#feeders.isGone(user)) return { accepted, isOver: true };
    const fresh = freshEvents(events, accepted);
    const last = fresh.at(-1);
    if (last === undefined || this.#journal.isFull) return { accepted, isOver: false };
    const before = this.#journal.state.accepted;
    this.#journal.enter(
      fresh.map(([, event]) => ({ ...event, user })),
      before + 1,
    );
    this.#heartbeat.taken();
    // After a long sleep timers come first, and events when these have been run.
    if (this.#journal.state.accepted === before) return { accepted, isOver: false };
    this.#feeders.save(user, source, last[0]);
    this.ctx.waitUntil(this.#push());
    return { accepted: last[0], isOver: false };
  }

  /** A grant is over: nothing of it is taken any more, and what is kept under its keys alone goes. */
  async leave(user: string, keys: readonly string[]): Promise<void> {
    if (this.#feeders.isGone(user)) return;
    this.#journal.forgetKeys(new Set([user, ...keys]));
    this.#feeders.left(user, [], []);
    this.#heartbeat.schedule();
  }

  /** What is kept under these names of devices alone goes. */
  async forget(keys: readonly string[]): Promise<void> {
    this.#journal.forgetKeys(new Set(keys));
    this.#heartbeat.schedule();
  }

  /** The developer changed something. @returns by rule, the operators whose state did not fit. */
  async configure(config: ShardConfig): Promise<Readonly<Record<string, readonly string[]>>> {
    const dropped: Record<string, readonly string[]> = {};
    if (config.version <= Number(this.#feeders.setting("version") ?? 0)) return dropped;
    const names = new Set(config.rules.map(({ name }) => name));
    for (const { name } of this.#deployment.list()) if (!names.has(name)) this.#deployment.remove(name);
    for (const { name, text, isRunning, revision } of config.rules) {
      const setting = `revision of ${name}`;
      if (this.#feeders.setting(setting) !== String(revision)) {
        const answer = this.#deployment.deploy(name, text);
        if ("ok" in answer) dropped[name] = answer.ok.dropped ?? [];
        this.#feeders.set(setting, String(revision));
      }
      if (!isRunning) this.#deployment.stop(name);
    }
    this.#feeders.set("version", String(config.version));
    await this.#push();
    return dropped;
  }

  /** How this shard's part of a rule is doing. */
  report(name: string): ShardReport | undefined {
    const status = this.#deployment.status(name);
    if ("error" in status) return undefined;
    const metrics = this.#deployment.metrics(name);
    const { state, error } = status.ok;
    return { state, ...(error !== undefined && { error }), ...("ok" in metrics && { metrics: metrics.ok }) };
  }

  override async alarm(): Promise<void> {
    this.#heartbeat.beat();
    await this.#push();
  }

  /** Hands over what waits; while one delivery is under way the next one grows. */
  async #push(): Promise<void> {
    if (this.#isPushing) return;
    this.#isPushing = true;
    try {
      let taken: number;
      do {
        taken = this.#journal.state.taken;
        await this.#link.settle();
      } while (this.#journal.waiting.length > 0 && this.#journal.state.taken > taken);
    } finally {
      this.#isPushing = false;
      this.#heartbeat.schedule();
    }
  }
}
