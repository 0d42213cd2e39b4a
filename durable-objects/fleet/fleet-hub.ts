import { DurableObject } from "cloudflare:workers";
import type { FleetInterest, FleetMember } from "../../engines/fleet/fleet-hand-over.ts";
import { type FleetLimits, fleetLimitsFrom } from "../../engines/fleet/fleet-limits.ts";
import { combinedWire, crossingTopic } from "../../engines/fleet/fleet-wiring.ts";
import { routesOf } from "../../engines/fleet/routes.ts";
import type { DryRun } from "../../engines/streams/dry-run.ts";
import {
  firstBatch,
  type OffsetEvent,
  type Result,
  type ResultDelivery,
  type ResultPosition,
} from "../../engines/streams/hand-over.ts";
import { Heartbeat } from "../stream-app/heartbeat.ts";
import { Journal } from "../stream-app/journal.ts";
import { Outbox } from "../stream-app/outbox.ts";
import type { Answer, RuleReport, TestRequest } from "../stream-app/rule-status.ts";
import { migrate } from "../stream-app/schema.ts";
import { freshEvents, StreamStore } from "../stream-app/store.ts";
import { Feeders } from "./feeders.ts";
import { FleetDeployment } from "./fleet-deployment.ts";
import type { FleetHubEnv, FleetRuleStatus, FleetSize } from "./fleet-ports.ts";
import { FleetResults, type KeptResult } from "./fleet-results.ts";
import { FleetTeller } from "./fleet-teller.ts";
import { Members } from "./members.ts";
import { type ShardConfig, shardName } from "./shard-config.ts";

/**
 * The combining object of one app: the developer's rules, which users feed them, the queries that bring events of
 * several shards together, and the results.
 *
 * @see STREAMS.md §3
 */
export class FleetHub extends DurableObject<FleetHubEnv> {
  readonly #limits: FleetLimits;
  readonly #journal: Journal;
  readonly #rules: FleetDeployment;
  readonly #feeders: Feeders;
  readonly #members: Members;
  readonly #results: FleetResults;
  readonly #teller: FleetTeller;
  readonly #outbox: Outbox;
  readonly #heartbeat: Heartbeat;

  constructor(ctx: DurableObjectState, env: FleetHubEnv) {
    super(ctx, env);
    const { sql } = ctx.storage;
    migrate(sql);
    this.#limits = fleetLimitsFrom(env.FLEET_LIMITS);
    this.#feeders = new Feeders(sql);
    this.#results = new FleetResults(sql, this.#limits);
    this.#members = new Members(sql);
    const allowLoopback = env.ALLOW_LOOPBACK_WEBHOOKS === "true";
    this.#outbox = new Outbox(sql, {
      maxWaiting: this.#limits.maxWaitingPostings,
      allowLoopback,
      origin: () => this.#journal.state.origin,
      changed: () => this.#heartbeat.schedule(),
    });
    this.#journal = new Journal(new StreamStore(sql), this.#limits, {
      wire: combinedWire({ allowLoopback }),
      historyEntries: 0,
      post: (postings) => this.#outbox.add(postings),
    });
    this.#fileResults(); // what was filed before is known by its number
    this.#teller = new FleetTeller({
      sql,
      app: ctx.id.name ?? "",
      waysBack: env.GATEWAY,
      feeders: this.#feeders,
      members: this.#members,
      results: this.#results,
      shards: () =>
        Array.from({ length: this.#shards }, (_, i) =>
          env.FLEET_SHARD.get(env.FLEET_SHARD.idFromName(shardName(ctx.id.name ?? "", i, this.#shards))),
        ),
      version: () => this.#journal.state.interestVersion,
      config: () => this.#config(),
      interest: () => this.#interest(),
      origin: () => this.#journal.state.origin,
    });
    this.#rules = new FleetDeployment({
      journal: this.#journal,
      limits: this.#limits,
      feeders: this.#feeders,
      teller: this.#teller,
      outbox: this.#outbox,
      allowLoopback,
    });
    this.#heartbeat = new Heartbeat(ctx.storage, this.#journal, () => this.#toldAfterMs());
    void ctx.blockConcurrencyWhile(() => this.#heartbeat.restore());
  }

  // From the personal clouds

  /** A user granted something to the app: from now on their personal cloud feeds it. */
  join(member: FleetMember): FleetInterest | { readonly isFull: boolean } {
    if (this.#feeders.isGone(member.user)) return { isFull: false };
    const isNew = !this.#members.has(member.user);
    if (isNew && this.#members.count() >= this.#limits.maxUsers) return { isFull: true };
    const interest = this.#interest();
    this.#members.add(member, interest.version);
    return interest;
  }

  /** A grant is over. What is kept under its keys alone goes, here and in the shards. */
  async leave(user: string, keys: readonly string[]): Promise<void> {
    if (this.#feeders.isGone(user)) return;
    this.#members.remove(user);
    this.#journal.forgetKeys(new Set([user, ...keys]));
    this.#results.carriedOut(user, Number.MAX_SAFE_INTEGER); // nothing goes back any more
    this.#results.forgetKeys([user, ...keys]);
    this.#outbox.forgetKeys([user, ...keys]);
    const shards = this.#journal.records.size === 0 ? [] : [...Array(this.#shards).keys()];
    this.#feeders.left(user, keys, shards);
    await this.#tell();
  }

  /** Devices that the app may not read any more: what is kept under their names alone goes. */
  async forget(keys: readonly string[]): Promise<void> {
    this.#journal.forgetKeys(new Set(keys));
    this.#results.forgetKeys(keys);
    this.#outbox.forgetKeys(keys);
    if (this.#journal.records.size > 0) await this.#teller.forget(keys);
    this.#heartbeat.schedule();
  }

  // From the shards

  /** Rows that cross; each is taken once, however often it is sent. */
  rows(shard: number, { origin, results }: ResultDelivery): ResultPosition {
    const feeder = `shard/${shard}`;
    let accepted = this.#feeders.accepted(feeder, origin);
    let fresh = freshEvents(results.flatMap(rowOf), accepted);
    while (fresh.length > 0) {
      const some = firstBatch(fresh);
      const before = this.#journal.state.accepted;
      this.#journal.enter(
        some.map(([, event]) => event),
        before + 1,
      );
      this.#fileResults();
      // After a long sleep timers come first, and rows when these have been run.
      if (this.#journal.state.accepted === before) break;
      accepted = some.at(-1)?.[0] ?? accepted;
      this.#feeders.save(feeder, origin, accepted);
      fresh = fresh.slice(some.length);
    }
    this.#outbox.send();
    this.#heartbeat.taken();
    if (this.#teller.isBehind) this.ctx.waitUntil(this.#tell());
    return { origin, number: accepted };
  }

  // From the developer

  deploy(name: string, text: string, ifVersion?: number): Promise<Answer<FleetRuleStatus>> {
    return this.#told(this.#rules.deploy(name, text, ifVersion));
  }

  /** Another secret for a rule's webhooks; for a day they are signed with both. */
  renewWebhookSecret(name: string): Answer<string> {
    return this.#rules.renewWebhookSecret(name);
  }

  /** Goes on where `stop` left off, also a rule that a limit stopped in one shard only. */
  start(name: string): Promise<Answer<FleetRuleStatus>> {
    return this.#told(this.#rules.start(name));
  }

  /** The rule gets no more events and no time; its state is kept. */
  stop(name: string): Promise<Answer<FleetRuleStatus>> {
    return this.#told(this.#rules.stop(name));
  }

  /** Forgets a rule and its state. */
  remove(name: string): Promise<Answer<true>> {
    return this.#told(this.#rules.remove(name));
  }

  list(): Promise<readonly FleetRuleStatus[]> {
    return this.#rules.list();
  }

  status(name: string): Promise<Answer<FleetRuleStatus>> {
    return this.#rules.status(name);
  }

  metrics(name: string): Promise<Answer<RuleReport>> {
    return this.#rules.metrics(name);
  }

  /** Runs a rule over given events in one piece. Changes nothing. */
  dryRun(request: TestRequest): Answer<DryRun> {
    return this.#rules.dryRun(request);
  }

  /** Results for the developer after a number, oldest first. */
  results(after: number, most: number, rule?: string): readonly KeptResult[] {
    return this.#results.kept(after, most, rule);
  }

  size(): FleetSize {
    return {
      users: this.#members.count(),
      shards: this.#shards,
      limits: this.#limits,
      refusedReturns: this.#members.refused(),
      droppedReturns: Number(this.#feeders.setting("dropped returns") ?? 0),
    };
  }

  override async alarm(): Promise<void> {
    this.#heartbeat.beat();
    this.#fileResults();
    this.#outbox.send();
    await this.#tell();
  }

  get #shards(): number {
    return Number(this.#feeders.setting("shards") ?? this.#limits.shards);
  }

  /** Results of the journal become rows, in the turn that computed them; each number once. */
  #fileResults(): void {
    const filed = Number(this.#feeders.setting("filed") ?? 0);
    const results = this.#journal.waiting.filter(({ number }) => number > filed);
    const last = this.#journal.waiting.at(-1)?.number;
    if (last === undefined) return;
    const dropped = this.#results.file(
      results.filter(({ user }) => user === undefined || this.#members.has(user)),
    );
    if (dropped > 0) {
      const before = Number(this.#feeders.setting("dropped returns") ?? 0);
      this.#feeders.set("dropped returns", String(before + dropped));
    }
    if (last > filed) this.#feeders.set("filed", String(last));
    this.#journal.acknowledge({ origin: this.#journal.state.origin, number: last });
  }

  #config(): ShardConfig {
    return {
      version: this.#journal.state.interestVersion,
      rules: [...this.#journal.records.values()].map(({ name, text, state }) => ({
        name,
        text,
        isRunning: state === "running",
        revision: Number(this.#feeders.setting(`revision of ${name}`) ?? 0),
      })),
    };
  }

  #interest(): FleetInterest {
    const running = [...this.#journal.records.values()].filter(({ state }) => state === "running");
    const routes = new Map(
      running.flatMap(({ text }) => routesOf(text)).map((route) => [JSON.stringify(route), route]),
    );
    return {
      version: this.#journal.state.interestVersion,
      shards: this.#shards,
      routes: [...routes.values()],
    };
  }

  /** After a change of the rules: results that it brought are filed, and the personal clouds hear of it soon. */
  async #told<T>(change: Promise<T>): Promise<T> {
    const answer = await change;
    this.#fileResults();
    this.#outbox.send();
    this.ctx.waitUntil(this.#tell());
    return answer;
  }

  /** When something has to be told, for want of an answer to the last time. */
  #toldAfterMs(): number | undefined {
    const postAtMs = this.#outbox.dueAtMs();
    const after = [
      this.#teller.tellAfterMs,
      postAtMs === undefined ? undefined : Math.max(0, postAtMs - Date.now()),
    ].filter((ms) => ms !== undefined);
    return after.length === 0 ? undefined : Math.min(...after);
  }

  async #tell(): Promise<void> {
    await this.#teller.tell();
    this.#heartbeat.schedule();
  }
}

function rowOf(result: Result): OffsetEvent[] {
  if (result.kind !== "row") return [];
  const topic = crossingTopic(result.rule, result.stream);
  const event = { device: "", name: "", topic, payload: result.payload, atMs: Date.now() };
  return [[result.number, event]];
}
