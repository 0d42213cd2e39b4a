import type { FleetLimits } from "../../engines/fleet/fleet-limits.ts";
import { fleetReport } from "../../engines/fleet/fleet-report.ts";
import { wholeWire, wireShard } from "../../engines/fleet/fleet-wiring.ts";
import { type DryRun, dryRun } from "../../engines/streams/dry-run.ts";
import { RuleSet } from "../../engines/streams/rule-set.ts";
import { Deployment } from "../stream-app/deployment.ts";
import type { Journal } from "../stream-app/journal.ts";
import type { Outbox } from "../stream-app/outbox.ts";
import {
  type Answer,
  answered,
  type RuleReport,
  type RuleStatus,
  refusal,
  type TestRequest,
  unknownRule,
} from "../stream-app/rule-status.ts";
import type { Feeders } from "./feeders.ts";
import type { FleetRuleStatus } from "./fleet-ports.ts";
import type { FleetTeller } from "./fleet-teller.ts";

/** What the deployment needs of its combining object. */
export interface FleetDeploymentPorts {
  readonly journal: Journal;
  readonly limits: FleetLimits;
  readonly feeders: Feeders;
  readonly teller: FleetTeller;
  readonly outbox: Outbox;
  /** See `wholeWire`. */
  readonly allowLoopback: boolean;
}

/** An app's rules for its developer: a change reaches the shards before the answer does. */
export class FleetDeployment {
  readonly #ports: FleetDeploymentPorts;
  readonly #deployment: Deployment;

  constructor(ports: FleetDeploymentPorts) {
    this.#ports = ports;
    this.#deployment = new Deployment(ports.journal, ports.limits);
  }

  async deploy(name: string, text: string, ifVersion?: number): Promise<Answer<FleetRuleStatus>> {
    // What runs in the shards is tried first: they would only say no later.
    const tried = answered(() => new RuleSet(this.#ports.limits, wireShard(0, 1)).compile(name, text).name);
    if ("error" in tried) return tried;
    this.#fixShards();
    const before = this.#ports.journal.records.get(name);
    const answer = this.#deployment.deploy(name, text, ifVersion);
    if ("error" in answer) return answer;
    if (before?.version !== answer.ok.version) this.#revise(name);
    const hasWebhooks = this.#ports.journal.rules.get(name)?.hasWebhooks === true;
    const webhookSecret = hasWebhooks ? this.#ports.outbox.secretFor(name) : undefined;
    const inShards = await this.#ports.teller.configure();
    const dropped = [...(answer.ok.dropped ?? []), ...(inShards[name] ?? [])];
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
    const secret = this.#ports.outbox.renewSecret(name);
    return secret === undefined
      ? refusal("NOT_FOUND", "There is no such rule with a webhook")
      : { ok: secret };
  }

  /** Also a rule that a limit stopped in one shard only. */
  async start(name: string): Promise<Answer<FleetRuleStatus>> {
    const wasRunning = this.#ports.journal.records.get(name)?.state === "running";
    const answer = this.#deployment.start(name);
    if ("error" in answer) return answer;
    this.#revise(name);
    if (wasRunning) {
      this.#ports.journal.interestChanged();
      this.#ports.journal.checkpoint();
    }
    await this.#ports.teller.configure();
    return this.status(name);
  }

  async stop(name: string): Promise<Answer<FleetRuleStatus>> {
    const answer = this.#deployment.stop(name);
    if ("error" in answer) return answer;
    await this.#ports.teller.configure();
    return this.status(name);
  }

  async remove(name: string): Promise<Answer<true>> {
    this.#ports.outbox.remove(name);
    const answer = this.#deployment.remove(name);
    if ("ok" in answer) await this.#ports.teller.configure();
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
    const reports = await this.#ports.teller.reports(name);
    const webhooks = this.#ports.outbox.isUsedBy(name) ? this.#ports.outbox.report(name) : undefined;
    const own: RuleReport = { ...answer.ok, eventsIn: 0, ...(webhooks !== undefined && { webhooks }) };
    return { ok: reports.reduce((sum, { metrics }) => together(sum, metrics), own) };
  }

  /** Runs a rule over given events in one piece. Changes nothing. */
  dryRun({ name, text, events, untilMs, isTraced = false }: TestRequest): Answer<DryRun> {
    const tested = text ?? (name === undefined ? undefined : this.#ports.journal.records.get(name)?.text);
    if (tested === undefined) return unknownRule(name ?? "");
    if (events === undefined) return refusal("EVENTS", "What users granted is not kept: give the events");
    const limit = this.#ports.limits.maxTestEvents;
    if (events.length > limit) return refusal("LIMIT", `A dry run takes at most ${limit} events`);
    const options = { untilMs, isTraced, wire: wholeWire({ allowLoopback: this.#ports.allowLoopback }) };
    return answered(() => dryRun(name ?? "test", tested, events, this.#ports.limits, options));
  }

  /** From the first rule on the number stays: every key is where it is. */
  #fixShards(): void {
    if (this.#ports.feeders.setting("shards") === undefined)
      this.#ports.feeders.set("shards", String(this.#ports.limits.shards));
  }

  #revise(name: string): void {
    const setting = `revision of ${name}`;
    this.#ports.feeders.set(setting, String(Number(this.#ports.feeders.setting(setting) ?? 0) + 1));
  }

  #statusOf(status: RuleStatus): FleetRuleStatus {
    return { ...status, fleet: fleetReport(status.text) };
  }

  /** A limit that stopped a rule in a shard has stopped it for some of the users. */
  async #withShards(status: RuleStatus): Promise<FleetRuleStatus> {
    const reports = await this.#ports.teller.reports(status.name);
    const failed = reports.find(({ state }) => state === "failed");
    const error = status.error ?? failed?.error;
    return {
      ...this.#statusOf(status),
      ...(failed !== undefined && { state: failed.state }),
      ...(error !== undefined && { error }),
    };
  }
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
