import { DurableObject } from "cloudflare:workers";
import { type DryRun, dryRun } from "../../engines/streams/dry-run.ts";
import type { BatchAnswer, EventBatch } from "../../engines/streams/hand-over.ts";
import { type RuleLimits, ruleLimitsFrom } from "../../engines/streams/rule-limits.ts";
import { ownersWire, type Wire } from "../../engines/streams/wiring.ts";
import { CloudLink, type EventSource } from "./cloud-link.ts";
import { Deployment } from "./deployment.ts";
import { Heartbeat } from "./heartbeat.ts";
import { historyEntries, Journal } from "./journal.ts";
import { Outbox } from "./outbox.ts";
import {
  type Answer,
  answered,
  type RuleReport,
  type RuleStatus,
  refusal,
  type TestRequest,
  unknownRule,
} from "./rule-status.ts";
import { migrate } from "./schema.ts";
import { freshEvents, StreamStore } from "./store.ts";

/** What the object needs of its script's bindings. */
export interface StreamAppEnv {
  /** The personal clouds (`durable-objects/pcm`), by the same name as this object's. */
  readonly PCM: {
    idFromName(name: string): DurableObjectId;
    get(id: DurableObjectId): EventSource;
  };
  /** See `ruleLimitsFrom`. */
  readonly RULE_LIMITS?: string;
  /** `true`: webhooks may go to `http://127.0.0.1`, for development only. */
  readonly ALLOW_LOOPBACK_WEBHOOKS?: string;
}

/** How long until what nobody took yet is told again. */
const tellAgainMs = 5_000;

/**
 * All rules of one user; named like that user's personal cloud, and next to nobody else's data.
 *
 * The output gate holds what a turn puts out until the turn's row is durable. Nothing but the one alarm wakes the
 * object for timers.
 *
 * @see STREAMS.md §3
 */
export class StreamApp extends DurableObject<StreamAppEnv> {
  readonly #limits: RuleLimits;
  readonly #journal: Journal;
  readonly #deployment: Deployment;
  readonly #link: CloudLink;
  readonly #outbox: Outbox;
  readonly #heartbeat: Heartbeat;
  readonly #wire: Wire;

  constructor(ctx: DurableObjectState, env: StreamAppEnv) {
    super(ctx, env);
    migrate(ctx.storage.sql);
    this.#limits = ruleLimitsFrom(env.RULE_LIMITS);
    const allowLoopback = env.ALLOW_LOOPBACK_WEBHOOKS === "true";
    this.#wire = ownersWire({ allowLoopback });
    this.#outbox = new Outbox(ctx.storage.sql, {
      maxWaiting: this.#limits.maxWaitingPostings,
      allowLoopback,
      origin: () => this.#journal.state.origin,
      changed: () => this.#heartbeat.schedule(),
    });
    this.#journal = new Journal(new StreamStore(ctx.storage.sql), this.#limits, {
      wire: this.#wire,
      historyEntries,
      post: (postings) => this.#outbox.add(postings),
    });
    this.#deployment = new Deployment(this.#journal, this.#limits);
    this.#link = new CloudLink(this.#journal, () => {
      const user = ctx.id.name;
      return user === undefined ? undefined : env.PCM.get(env.PCM.idFromName(user));
    });
    this.#heartbeat = new Heartbeat(ctx.storage, this.#journal, () => this.#toldAfterMs());
    void ctx.blockConcurrencyWhile(() => this.#heartbeat.restore());
  }

  /** Events of the user's things; each is taken once, however often it is sent. */
  take(batch: EventBatch): BatchAnswer {
    this.#journal.follow(batch.source);
    this.#journal.acknowledge(batch.taken);
    const fresh = freshEvents(batch.events, this.#journal.state.accepted);
    const last = fresh.at(-1);
    if (last !== undefined && !this.#journal.isFull) {
      this.#journal.enter(
        fresh.map(([, event]) => event),
        last[0],
      );
      this.#outbox.send();
      this.#heartbeat.taken();
    }
    const { accepted, origin } = this.#journal.state;
    return { accepted, origin, results: this.#journal.waiting };
  }

  /** Timers, results that nobody took yet, and the checkpoint before sleep. */
  override async alarm(): Promise<void> {
    this.#heartbeat.beat();
    this.#outbox.send();
    await this.#link.settle();
    this.#heartbeat.schedule();
  }

  /** See `Deployment.deploy`. A rule that posts to servers outside gets a secret the first time. */
  deploy(name: string, text: string, ifVersion?: number): Promise<Answer<RuleStatus>> {
    const answer = this.#deployment.deploy(name, text, ifVersion);
    if ("error" in answer || this.#journal.rules.get(name)?.hasWebhooks !== true) return this.#tell(answer);
    const webhookSecret = this.#outbox.secretFor(name);
    return this.#tell({ ok: { ...answer.ok, ...(webhookSecret !== undefined && { webhookSecret }) } });
  }

  /** Another secret for a rule's webhooks; for a day they are signed with both. */
  renewWebhookSecret(name: string): Answer<string> {
    const secret = this.#outbox.renewSecret(name);
    return secret === undefined
      ? refusal("NOT_FOUND", "There is no such rule with a webhook")
      : { ok: secret };
  }

  /** Goes on where `stop` left off; timers that fell due meanwhile run now. */
  start(name: string): Promise<Answer<RuleStatus>> {
    return this.#tell(this.#deployment.start(name));
  }

  /** The rule gets no more events and no time; its state is kept. */
  stop(name: string): Promise<Answer<RuleStatus>> {
    return this.#tell(this.#deployment.stop(name));
  }

  /** Forgets a rule and its state. */
  remove(name: string): Promise<Answer<true>> {
    this.#outbox.remove(name);
    return this.#tell(this.#deployment.remove(name));
  }

  list(): readonly RuleStatus[] {
    return this.#deployment.list();
  }

  status(name: string): Answer<RuleStatus> {
    return this.#deployment.status(name);
  }

  metrics(name: string): Answer<RuleReport> {
    const answer = this.#deployment.metrics(name);
    if ("error" in answer || !this.#outbox.isUsedBy(name)) return answer;
    return { ok: { ...answer.ok, webhooks: this.#outbox.report(name) } };
  }

  /** Runs a rule, deployed or not, over given events or over those that came lately. Changes nothing. */
  dryRun({ name, text, events, sinceMs, untilMs, isTraced = false }: TestRequest): Answer<DryRun> {
    const tested = text ?? (name === undefined ? undefined : this.#journal.records.get(name)?.text);
    if (tested === undefined) return unknownRule(name ?? "");
    const limit = this.#limits.maxTestEvents;
    const over = events ?? this.#journal.history(limit, sinceMs);
    if (over.length > limit) return refusal("LIMIT", `A dry run takes at most ${limit} events`);
    return answered(() =>
      dryRun(name ?? "test", tested, over, this.#limits, { untilMs, isTraced, wire: this.#wire }),
    );
  }

  /** The user is gone: so is everything here. */
  async forget(): Promise<void> {
    await this.ctx.storage.deleteAll();
    await this.ctx.storage.deleteAlarm();
    migrate(this.ctx.storage.sql);
    this.#journal.forget();
    this.#outbox.forget();
    this.#heartbeat.forget();
  }

  /** After a change of the rules: the personal cloud hears of it before the owner does. */
  async #tell<T>(answer: Answer<T>): Promise<Answer<T>> {
    if ("ok" in answer && this.#link.isBehind) await this.#link.settle();
    this.#outbox.send();
    this.#heartbeat.schedule();
    return answer;
  }

  /** When something has to be told, for want of an answer to the last time. */
  #toldAfterMs(): number | undefined {
    const postAtMs = this.#outbox.dueAtMs();
    const after = [
      this.#link.isBehind ? (this.#link.retryAfterMs ?? tellAgainMs) : undefined,
      postAtMs === undefined ? undefined : Math.max(0, postAtMs - Date.now()),
    ].filter((ms) => ms !== undefined);
    return after.length === 0 ? undefined : Math.min(...after);
  }
}
