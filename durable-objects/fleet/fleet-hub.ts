import { DurableObject } from "cloudflare:workers";
import type {
  FleetInterest,
  FleetMember,
  FleetReturned,
  FleetReturns,
} from "../../engines/fleet/fleet-hand-over.ts";
import { type FleetLimits, fleetLimitsFrom } from "../../engines/fleet/fleet-limits.ts";
import { type FleetReport, fleetReport } from "../../engines/fleet/fleet-report.ts";
import { combinedWire, crossingTopic, wholeWire, wireShard } from "../../engines/fleet/fleet-wiring.ts";
import { routesOf } from "../../engines/fleet/routes.ts";
import { type DryRun, dryRun } from "../../engines/streams/dry-run.ts";
import {
  firstBatch,
  type OffsetEvent,
  type Result,
  type ResultDelivery,
  type ResultPosition,
} from "../../engines/streams/hand-over.ts";
import { RuleSet } from "../../engines/streams/rule-set.ts";
import { Deployment } from "../stream-app/deployment.ts";
import { Heartbeat } from "../stream-app/heartbeat.ts";
import { Journal } from "../stream-app/journal.ts";
import { Outbox } from "../stream-app/outbox.ts";
import {
  type Answer,
  answered,
  type RuleReport,
  type RuleStatus,
  refusal,
  type TestRequest,
  unknownRule,
} from "../stream-app/rule-status.ts";
import { migrate } from "../stream-app/schema.ts";
import { freshEvents, StreamStore } from "../stream-app/store.ts";
import { Feeders } from "./feeders.ts";
import { FleetResults, type KeptResult } from "./fleet-results.ts";
import { FleetTeller } from "./fleet-teller.ts";
import { Members } from "./members.ts";
import { type ShardConfig, type ShardReport, shardName } from "./shard-config.ts";

/** One of an app's shards, as its combining object calls it. */
export interface ShardPort {
  configure(config: ShardConfig): Promise<Readonly<Record<string, readonly string[]>>>;
  forget(keys: readonly string[]): Promise<void>;
  leave(user: string, keys: readonly string[]): Promise<void>;
  report(name: string): Promise<ShardReport | undefined>;
}

/** The gateway, which opens the way back to a personal cloud. */
export interface WaysBack {
  fleetInterest(app: string, member: FleetMember, interest: FleetInterest): Promise<void>;
  fleetResults(app: string, member: FleetMember, returns: FleetReturns): Promise<FleetReturned>;
}

/** What the object needs of its script's bindings. */
export interface FleetHubEnv {
  readonly FLEET_SHARD: {
    idFromName(name: string): DurableObjectId;
    get(id: DurableObjectId): ShardPort;
  };
  readonly GATEWAY: WaysBack;
  /** See `fleetLimitsFrom`. */
  readonly FLEET_LIMITS?: string;
  /** `true`: webhooks may go to `http://127.0.0.1`, for development only. */
  readonly ALLOW_LOOPBACK_WEBHOOKS?: string;
}

/** A rule of an app, with what its text means for the users. */
export interface FleetRuleStatus extends RuleStatus {
  readonly fleet: FleetReport;
}

/** How large an app's fleet is, and its limits. */
export interface FleetSize {
  readonly users: number;
  readonly shards: number;
  readonly limits: FleetLimits;
  /** Results for users that were dropped because too many waited. */
  readonly droppedReturns: number;
  /** Results that a user's grant did not allow. */
  readonly refusedReturns: number;
}

/**
 * The combining object of one app: the developer's rules, which users feed them, the queries that bring events of
 * several shards together, and the results.
 *
 * @see STREAMS.md §3
 */
export class FleetHub extends DurableObject<FleetHubEnv> {
  readonly #limits: FleetLimits;
  readonly #journal: Journal;
  readonly #deployment: Deployment;
  readonly #feeders: Feeders;
  readonly #members: Members;
  readonly #results: FleetResults;
  readonly #teller: FleetTeller;
  readonly #outbox: Outbox;
  readonly #allowLoopback: boolean;
  readonly #heartbeat: Heartbeat;

  constructor(ctx: DurableObjectState, env: FleetHubEnv) {
    super(ctx, env);
    const { sql } = ctx.storage;
    migrate(sql);
    this.#limits = fleetLimitsFrom(env.FLEET_LIMITS);
    this.#feeders = new Feeders(sql);
    this.#results = new FleetResults(sql, this.#limits);
    this.#members = new Members(sql);
    this.#allowLoopback = env.ALLOW_LOOPBACK_WEBHOOKS === "true";
    this.#outbox = new Outbox(sql, {
      maxWaiting: this.#limits.maxWaitingPostings,
      allowLoopback: this.#allowLoopback,
      origin: () => this.#journal.state.origin,
      changed: () => this.#heartbeat.schedule(),
    });
    this.#journal = new Journal(new StreamStore(sql), this.#limits, {
      wire: combinedWire({ allowLoopback: this.#allowLoopback }),
      historyEntries: 0,
      post: (postings) => this.#outbox.add(postings),
    });
    this.#fileResults(); // what was filed before is known by its number
    this.#deployment = new Deployment(this.#journal, this.#limits);
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

  async deploy(name: string, text: string, ifVersion?: number): Promise<Answer<FleetRuleStatus>> {
    // What runs in the shards is tried first: they would only say no later.
    const tried = answered(() => new RuleSet(this.#limits, wireShard(0, 1)).compile(name, text).name);
    if ("error" in tried) return tried;
    this.#fixShards();
    const before = this.#journal.records.get(name);
    const answer = this.#deployment.deploy(name, text, ifVersion);
    if ("error" in answer) return answer;
    if (before?.version !== answer.ok.version) this.#revise(name);
    const inShards = await this.#changed();
    const dropped = [...(answer.ok.dropped ?? []), ...(inShards[name] ?? [])];
    const hasWebhooks = this.#journal.rules.get(name)?.hasWebhooks === true;
    const webhookSecret = hasWebhooks ? this.#outbox.secretFor(name) : undefined;
    return {
      ok: {
        ...this.#statusOf(answer.ok),
        ...(answer.ok.dropped !== undefined && { dropped }),
        ...(webhookSecret !== undefined && { webhookSecret }),
      },
    };
  }

  /** Another secret for a rule's webhooks; for a day they are signed with both. */
  renewWebhookSecret(name: string): Answer<string> {
    const secret = this.#outbox.renewSecret(name);
    return secret === undefined
      ? refusal("NOT_FOUND", "There is no such rule with a webhook")
      : { ok: secret };
  }

  /** Also a rule that a limit stopped in one shard only. */
  async start(name: string): Promise<Answer<FleetRuleStatus>> {
    const wasRunning = this.#journal.records.get(name)?.state === "running";
    const answer = this.#deployment.start(name);
    if ("error" in answer) return answer;
    this.#revise(name);
    if (wasRunning) {
      this.#journal.interestChanged();
      this.#journal.checkpoint();
    }
    await this.#changed();
    return this.status(name);
  }

  async stop(name: string): Promise<Answer<FleetRuleStatus>> {
    const answer = this.#deployment.stop(name);
    if ("error" in answer) return answer;
    await this.#changed();
    return this.status(name);
  }

  async remove(name: string): Promise<Answer<true>> {
    this.#outbox.remove(name);
    const answer = this.#deployment.remove(name);
    if ("ok" in answer) await this.#changed();
    return answer;
  }

  async list(): Promise<readonly FleetRuleStatus[]> {
    return Promise.all(this.#deployment.list().map((status) => this.#withShards(status)));
  }

  async status(name: string): Promise<Answer<FleetRuleStatus>> {
    const answer = this.#deployment.status(name);
    return "error" in answer ? answer : { ok: await this.#withShards(answer.ok) };
  }

  /** The numbers of the combining object and all shards together. */
  async metrics(name: string): Promise<Answer<RuleReport>> {
    const answer = this.#deployment.metrics(name);
    if ("error" in answer) return answer;
    const reports = await this.#teller.reports(name);
    const webhooks = this.#outbox.isUsedBy(name) ? this.#outbox.report(name) : undefined;
    const own: RuleReport = { ...answer.ok, eventsIn: 0, ...(webhooks !== undefined && { webhooks }) };
    return { ok: reports.reduce((sum, { metrics }) => together(sum, metrics), own) };
  }

  /** Runs a rule over given events in one piece. Changes nothing. */
  dryRun({ name, text, events, untilMs, isTraced = false }: TestRequest): Answer<DryRun> {
    const tested = text ?? (name === undefined ? undefined : this.#journal.records.get(name)?.text);
    if (tested === undefined) return unknownRule(name ?? "");
    if (events === undefined) return refusal("EVENTS", "What users granted is not kept: give the events");
    const limit = this.#limits.maxTestEvents;
    if (events.length > limit) return refusal("LIMIT", `A dry run takes at most ${limit} events`);
    const options = { untilMs, isTraced, wire: wholeWire({ allowLoopback: this.#allowLoopback }) };
    return answered(() => dryRun(name ?? "test", tested, events, this.#limits, options));
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

  /** From the first rule on the number stays: every key is where it is. */
  #fixShards(): void {
    if (this.#feeders.setting("shards") === undefined)
      this.#feeders.set("shards", String(this.#limits.shards));
  }

  #revise(name: string): void {
    const setting = `revision of ${name}`;
    this.#feeders.set(setting, String(Number(this.#feeders.setting(setting) ?? 0) + 1));
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

  /** The shards hear of it before the developer does, the personal clouds soon after. */
  async #changed(): Promise<Readonly<Record<string, readonly string[]>>> {
    this.#fileResults();
    this.#outbox.send();
    const dropped = await this.#teller.configure();
    this.ctx.waitUntil(this.#tell());
    return dropped;
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

  #statusOf(status: RuleStatus): FleetRuleStatus {
    return { ...status, fleet: fleetReport(status.text) };
  }

  /** A limit that stopped a rule in a shard has stopped it for some of the users. */
  async #withShards(status: RuleStatus): Promise<FleetRuleStatus> {
    const failed = (await this.#teller.reports(status.name)).find(({ state }) => state === "failed");
    const error = status.error ?? failed?.error;
    return {
      ...this.#statusOf(status),
      ...(failed !== undefined && { state: failed.state }),
      ...(error !== undefined && { error }),
    };
  }
}

function rowOf(result: Result): OffsetEvent[] {
  if (result.kind !== "row") return [];
  const topic = crossingTopic(result.rule, result.stream);
  const event = { device: "", name: "", topic, payload: result.payload, atMs: Date.now() };
  return [[result.number, event]];
}

/** `eventsIn` is what users sent, `eventsOut` what the rule put out. */
function together(sum: RuleReport, shard: RuleReport | undefined): RuleReport {
  if (shard === undefined) return sum;
  const streams = { ...sum.streams };
  for (const [stream, n] of Object.entries(shard.streams)) streams[stream] = (streams[stream] ?? 0) + n;
  return {
    ...sum,
    eventsIn: sum.eventsIn + shard.eventsIn,
    errors: sum.errors + shard.errors,
    rows: sum.rows + shard.rows,
    snapshotBytes: sum.snapshotBytes + shard.snapshotBytes,
    lagMs: Math.max(sum.lagMs, shard.lagMs),
    streams,
    partitions: [...sum.partitions, ...shard.partitions],
    waitingResults: sum.waitingResults + shard.waitingResults,
    logEntries: sum.logEntries + shard.logEntries,
  };
}
