import { DurableObject } from "cloudflare:workers";
import { type DryRun, dryRun } from "../../engines/streams/dry-run.ts";
import type { BatchAnswer, EventBatch } from "../../engines/streams/hand-over.ts";
import { type RuleLimits, ruleLimitsFrom } from "../../engines/streams/rule-limits.ts";
import { CloudLink, type EventSource } from "./cloud-link.ts";
import { Deployment } from "./deployment.ts";
import { Journal } from "./journal.ts";
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
import { WakeUp } from "./wake-up.ts";

/** What the object needs of its script's bindings. */
export interface StreamAppEnv {
  /** The personal clouds (`durable-objects/pcm`), by the same name as this object's. */
  readonly PCM: {
    idFromName(name: string): DurableObjectId;
    get(id: DurableObjectId): EventSource;
  };
  /** See `ruleLimitsFrom`. */
  readonly RULE_LIMITS?: string;
}

/** A checkpoint comes after this long without an event, before the object may sleep. */
const idleMs = 5_000;
const sleepsAfterMs = 10_000;

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
  readonly #wakeUp: WakeUp;
  #lastTakenMs = 0;

  constructor(ctx: DurableObjectState, env: StreamAppEnv) {
    super(ctx, env);
    migrate(ctx.storage.sql);
    this.#limits = ruleLimitsFrom(env.RULE_LIMITS);
    this.#journal = new Journal(new StreamStore(ctx.storage.sql), this.#limits);
    this.#deployment = new Deployment(this.#journal, this.#limits);
    this.#link = new CloudLink(this.#journal, () => {
      const user = ctx.id.name;
      return user === undefined ? undefined : env.PCM.get(env.PCM.idFromName(user));
    });
    this.#wakeUp = new WakeUp(ctx.storage);
    void ctx.blockConcurrencyWhile(async () => {
      await this.#wakeUp.restore();
      this.#schedule();
    });
  }

  /** Events of the user's things; each is taken once, however often it is sent. */
  take(batch: EventBatch): BatchAnswer {
    this.#journal.follow(batch.source);
    this.#journal.acknowledge(batch.taken);
    const fresh = freshEvents(batch.events, this.#journal.state.accepted);
    const last = fresh.at(-1);
    if (last !== undefined && !this.#journal.isFull) {
      this.#lastTakenMs = Date.now();
      this.#journal.enter(
        fresh.map(([, event]) => event),
        last[0],
      );
      this.#schedule();
    }
    const { accepted, origin } = this.#journal.state;
    return { accepted, origin, results: this.#journal.waiting };
  }

  /** Timers, results that nobody took yet, and the checkpoint before sleep. */
  override async alarm(): Promise<void> {
    this.#wakeUp.wentOff();
    const due = this.#journal.rules.nextDue();
    if (due !== undefined && due <= Date.now() && !this.#journal.isFull) {
      this.#wakeUp.timersRan();
      this.#journal.enter([]);
      this.#schedule();
    }
    if (Date.now() >= (this.#checkpointDue() ?? Number.POSITIVE_INFINITY)) this.#journal.checkpoint();
    await this.#link.settle();
    this.#schedule();
  }

  /** See `Deployment.deploy`. */
  deploy(name: string, text: string, ifVersion?: number): Promise<Answer<RuleStatus>> {
    return this.#tell(this.#deployment.deploy(name, text, ifVersion));
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
    return this.#tell(this.#deployment.remove(name));
  }

  list(): readonly RuleStatus[] {
    return this.#deployment.list();
  }

  status(name: string): Answer<RuleStatus> {
    return this.#deployment.status(name);
  }

  metrics(name: string): Answer<RuleReport> {
    return this.#deployment.metrics(name);
  }

  /** Runs a rule, deployed or not, over given events or over those that came lately. Changes nothing. */
  dryRun({ name, text, events, untilMs, isTraced = false }: TestRequest): Answer<DryRun> {
    const tested = text ?? (name === undefined ? undefined : this.#journal.records.get(name)?.text);
    if (tested === undefined) return unknownRule(name ?? "");
    const limit = this.#limits.maxTestEvents;
    const over = events ?? this.#journal.history(limit);
    if (over.length > limit) return refusal("LIMIT", `A dry run takes at most ${limit} events`);
    return answered(() => dryRun(name ?? "test", tested, over, this.#limits, { untilMs, isTraced }));
  }

  /** The user is gone: so is everything here. */
  async forget(): Promise<void> {
    await this.ctx.storage.deleteAll();
    await this.ctx.storage.deleteAlarm();
    migrate(this.ctx.storage.sql);
    this.#journal.forget();
    this.#wakeUp.wentOff();
  }

  /** After a change of the rules: the personal cloud hears of it before the owner does. */
  async #tell<T>(answer: Answer<T>): Promise<Answer<T>> {
    if ("ok" in answer && this.#link.isBehind) await this.#link.settle();
    this.#schedule();
    return answer;
  }

  /** When the object is about to sleep with a log to replay; one that timers keep awake does not sleep. */
  #checkpointDue(): number | undefined {
    if (!this.#journal.isDirty) return undefined;
    const idleAtMs = this.#lastTakenMs + idleMs;
    const nextDue = this.#journal.rules.nextDue();
    return nextDue !== undefined && nextDue < idleAtMs + sleepsAfterMs ? undefined : idleAtMs;
  }

  /** Sets the one alarm to whatever comes first. */
  #schedule(): void {
    const retryAtMs = this.#link.isBehind ? Date.now() + (this.#link.retryAfterMs ?? idleMs) : undefined;
    this.#wakeUp.at([this.#journal.rules.nextDue(), this.#checkpointDue(), retryAtMs]);
  }
}
