import type { FleetInterest, FleetMember } from "../../engines/fleet/fleet-hand-over.ts";
import { createLog } from "../../engines/log/log.ts";
import type { Feeders } from "./feeders.ts";
import type { ShardPort, WaysBack } from "./fleet-ports.ts";
import type { FleetResults } from "./fleet-results.ts";
import type { Members } from "./members.ts";
import type { ShardConfig, ShardReport } from "./shard-config.ts";

/** What the teller needs of its combining object. */
export interface TellerPorts {
  readonly sql: SqlStorage;
  readonly app: string;
  readonly waysBack: WaysBack;
  readonly feeders: Feeders;
  readonly members: Members;
  readonly results: FleetResults;
  shards(): readonly ShardPort[];
  /** Of the rules; 0 before the first one. */
  version(): number;
  config(): ShardConfig;
  interest(): FleetInterest;
  /** Names the sequence of results. */
  origin(): string;
}

const log = createLog("fleet", console.log);
/** Personal clouds told at once. */
const atOnce = 50;
const resultsAtOnce = 256;
const retryMs = { first: 1_000, most: 60_000 };

/**
 * Tells the shards and the personal clouds what they do not know yet, and again until they do: ended grants first,
 * then the rules, then results. Whoever is out of reach holds nobody else up.
 */
export class FleetTeller {
  readonly #ports: TellerPorts;
  #failures = 0;
  #isTelling = false;
  #isAgain = false;

  constructor(ports: TellerPorts) {
    this.#ports = ports;
  }

  get isBehind(): boolean {
    const { feeders, members, results } = this.#ports;
    const version = this.#ports.version();
    return (
      results.usersWaiting().length > 0 ||
      feeders.untold().length > 0 ||
      (version > 0 && (this.#shardsBehind(version).length > 0 || members.behind(version, 1).length > 0))
    );
  }

  /** How long until somebody is told again, in ms; `undefined` if everybody knows everything. */
  get tellAfterMs(): number | undefined {
    if (!this.isBehind) return undefined;
    return Math.min(retryMs.most, retryMs.first * 2 ** this.#failures);
  }

  async tell(): Promise<void> {
    this.#isAgain = true;
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      while (this.#isAgain) {
        this.#isAgain = false;
        const isDone =
          (await this.#tellOfEnds()) && (await this.#tellOfRules()) && (await this.#tellResults());
        this.#failures = isDone ? 0 : this.#failures + 1;
        if (!isDone) return;
      }
    } finally {
      this.#isTelling = false;
    }
  }

  /** The shards only. @returns by rule, what of their state did not fit. */
  async configure(): Promise<Readonly<Record<string, readonly string[]>>> {
    const behind = this.#shardsBehind(this.#ports.version());
    if (behind.length === 0) return {};
    const config = this.#ports.config();
    const shards = this.#ports.shards();
    const dropped: Record<string, readonly string[]> = {};
    await Promise.all(
      behind.map((number) =>
        this.#reaching(async () => {
          const answer = (await shards[number]?.configure(config)) ?? {};
          for (const [rule, paths] of Object.entries(answer)) {
            dropped[rule] = [...new Set([...(dropped[rule] ?? []), ...paths])];
          }
          this.#ports.sql.exec(
            "INSERT OR REPLACE INTO shard (number, known_version) VALUES (?, ?)",
            number,
            config.version,
          );
        }),
      ),
    );
    return dropped;
  }

  /** @throws Error while a shard is out of reach: whoever asked asks again. */
  async forget(keys: readonly string[]): Promise<void> {
    await Promise.all(this.#ports.shards().map((shard) => shard.forget(keys)));
  }

  /** How the shards' parts of a rule are doing; who is out of reach is left out. */
  async reports(rule: string): Promise<readonly ShardReport[]> {
    const reports: ShardReport[] = [];
    await Promise.all(
      this.#ports.shards().map((shard) =>
        this.#reaching(async () => {
          const report = await shard.report(rule);
          if (report !== undefined) reports.push(report);
        }),
      ),
    );
    return reports;
  }

  #shardsBehind(version: number): number[] {
    const known = new Map(
      this.#ports.sql
        .exec<{ number: number; known_version: number }>("SELECT number, known_version FROM shard")
        .toArray()
        .map((row) => [row.number, row.known_version]),
    );
    return [...this.#ports.shards().keys()].filter((number) => (known.get(number) ?? 0) < version);
  }

  async #tellOfEnds(): Promise<boolean> {
    const { feeders } = this.#ports;
    const shards = this.#ports.shards();
    const isTold = await Promise.all(
      feeders.untold().map(async ({ user, keys, shards: untold }) => {
        const still: number[] = [];
        await Promise.all(
          untold.map(async (number) => {
            if (!(await this.#reaching(async () => shards[number]?.leave(user, keys)))) still.push(number);
          }),
        );
        feeders.left(user, keys, still);
        return still.length === 0;
      }),
    );
    return isTold.every(Boolean);
  }

  /** Personal clouds hear of a version when every shard has it: what they send is never too early. */
  async #tellOfRules(): Promise<boolean> {
    const { members, app, waysBack } = this.#ports;
    const version = this.#ports.version();
    if (version === 0) return true;
    await this.configure();
    if (this.#shardsBehind(version).length > 0) return false;
    const interest = this.#ports.interest();
    const behind = members.behind(interest.version, atOnce);
    const isTold = await Promise.all(
      behind.map((member) =>
        this.#reaching(async () => {
          await waysBack.fleetInterest(app, member, interest);
          members.knows(member.user, interest.version);
        }),
      ),
    );
    if (isTold.some(Boolean) && members.behind(interest.version, 1).length > 0) this.#isAgain = true;
    return isTold.every(Boolean);
  }

  async #tellResults(): Promise<boolean> {
    const { results } = this.#ports;
    const users = results.usersWaiting().slice(0, atOnce);
    const isTold = await Promise.all(users.map((user) => this.#reaching(() => this.#tellUser(user))));
    if (isTold.some(Boolean) && results.usersWaiting().length > 0) this.#isAgain = true;
    return isTold.every(Boolean);
  }

  async #tellUser(user: string): Promise<void> {
    const { results, members, app, waysBack } = this.#ports;
    const member: FleetMember | undefined = members.find(user);
    if (member === undefined) {
      results.carriedOut(user, Number.MAX_SAFE_INTEGER);
      return;
    }
    const waiting = results.waitingFor(user, resultsAtOnce);
    const { number, refused } = await waysBack.fleetResults(app, member, {
      origin: this.#ports.origin(),
      results: waiting,
    });
    results.carriedOut(user, number);
    members.hasRefused(user, refused);
    // The personal cloud takes no more for now: like one that is out of reach.
    if (number < (waiting.at(-1)?.number ?? 0)) throw new RangeError("not all were taken");
  }

  async #reaching(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch {
      log.warn("peer.unavailable", { code: "UNAVAILABLE" });
      return false;
    }
  }
}
