import type { Limits } from "../../engines/broker/limits.ts";
import type { Message } from "../../engines/broker/message.ts";
import { deviceOf } from "../../engines/broker/mount.ts";
import type { StoredGrant } from "../../engines/broker/store.ts";
import type {
  FleetInterest,
  FleetMember,
  FleetReturned,
  FleetReturns,
  GrantedAnswer,
  GrantedBatch,
} from "../../engines/fleet/fleet-hand-over.ts";
import { createLog } from "../../engines/log/log.ts";
import type { GatewayAppId, GrantId } from "../../engines/oauth/authority.ts";
import { EventQueue, queuedDestinations } from "./event-queue.ts";
import { type FeedRecord, FleetFeed } from "./fleet-feed.ts";
import { KeptRows } from "./kept-rows.ts";

/** The apps' rules, as the personal cloud calls them. */
export interface FleetsBinding {
  joinFleet(app: GatewayAppId, member: FleetMember): Promise<FleetInterest | { readonly isFull: boolean }>;
  takeGranted(
    app: GatewayAppId,
    at: { readonly shard: number; readonly shards: number },
    user: string,
    batch: GrantedBatch,
  ): Promise<GrantedAnswer>;
  forgetInFleet(app: GatewayAppId, keys: readonly string[]): Promise<void>;
  leaveFleet(app: GatewayAppId, user: string, keys: readonly string[]): Promise<void>;
}

/** Which app's rules a grant feeds, and the way back from them. */
export interface GrantFeed {
  readonly app: GatewayAppId;
  readonly wayBack: string;
}

/** What the feeds need of their personal cloud. */
export interface FleetPorts {
  readonly sql: SqlStorage;
  readonly rules: FleetsBinding | undefined;
  grant(grantId: GrantId): StoredGrant | undefined;
  limits(): Limits;
  /** Tells the owner which topics an app's rules wanted to publish to and may not. */
  refused(grantId: GrantId, topics: readonly string[]): void;
  /** Publishes in a turn of its own. */
  publish(messages: readonly Message[]): void;
  /** Has `retry` called then, or a little later. */
  wakeAt(atMs: number): void;
}

const log = createLog("pcm-fleets", console.log);
/** Events that may wait for one shard; a slow app costs its own events only. */
const maxWaiting = 2_000;
const retryMs = { first: 1_000, most: 60_000 };
const fullRetryMs = 3600_000;

/**
 * Feeds the rules of apps with what the user granted to them, and carries out what comes back: all of it through the
 * grant as it is at that moment. Feeding begins with the consent and ends with the grant.
 *
 * @see STREAMS.md §3
 */
export class Fleets {
  readonly #ports: FleetPorts;
  readonly #kept: KeptRows;
  readonly #feeds = new Map<GrantId, FleetFeed>();
  readonly #queues = new Map<string, EventQueue>();
  readonly #underWay = new Set<GrantId>();
  #failures = 0;
  #retryAtMs: number | undefined;

  constructor(ports: FleetPorts) {
    this.#ports = ports;
    this.#kept = new KeptRows(ports.sql);
    for (const { content } of this.#kept.all<FeedRecord>("fleet-feed")) {
      this.#feeds.set(content.grantId, new FleetFeed(content));
    }
    for (const destination of this.#feeds.size === 0 ? [] : queuedDestinations(this.#kept)) {
      const [grantId = "", shard] = destination.split("/");
      const feed = this.#feeds.get(grantId as GrantId); // a destination is made of one
      if (feed !== undefined) this.#queueOf(feed, Number(shard));
    }
  }

  /** The user consented, or chose anew. @param user the app's name for them. */
  granted(grantId: GrantId, { app, wayBack }: GrantFeed, user: string): void {
    const known = this.#feeds.get(grantId)?.record;
    const feed = new FleetFeed({
      grantId,
      app,
      user,
      wayBack,
      keys: known?.keys ?? [],
      unread: known?.unread ?? [],
      state: known?.state ?? "joining",
      interest: known?.interest,
      taken: known?.taken ?? { origin: "", number: 0 },
      refused: known?.refused ?? 0,
    });
    this.#feeds.set(grantId, feed);
    this.#narrow(feed);
    this.#save(feed);
    this.#settle();
  }

  /** Sees every message that the broker hands out. */
  observe(message: Message): void {
    if (this.#feeds.size === 0 || deviceOf(message.topicName) === undefined) return;
    for (const feed of this.#feeds.values()) {
      if (!feed.isFeeding) continue;
      const grant = this.#living(feed);
      const seen = grant === undefined ? undefined : feed.read(message, grant);
      if (seen === undefined) continue;
      for (const shard of seen.shards) this.#queueOf(feed, shard).add(seen.event, message.qos > 0);
    }
  }

  /** Ends a turn: grants that ended in it feed nothing any more. */
  flush(): void {
    for (const feed of this.#feeds.values()) {
      if (feed.record.state === "leaving") continue;
      if (this.#living(feed) === undefined) this.#end(feed);
      else this.#narrow(feed);
    }
    for (const queue of this.#queues.values()) queue.flush();
  }

  /** The alarm went off, perhaps for something else. */
  retry(): void {
    for (const queue of this.#queues.values()) queue.retry();
    if (this.#retryAtMs !== undefined && this.#retryAtMs > Date.now()) {
      this.#ports.wakeAt(this.#retryAtMs);
      return;
    }
    this.#retryAtMs = undefined;
    this.#settle();
  }

  /** What an app's rules want from now on; idempotent, and an older version changes nothing. */
  setInterest(app: GatewayAppId, user: string, interest: FleetInterest): void {
    const feed = this.#find(app, user);
    if (feed === undefined || (feed.record.interest?.version ?? -1) >= interest.version) return;
    feed.update({ interest });
    this.#save(feed);
  }

  /** Carries out what was not carried out before and is allowed; of a grant that is over, nothing. */
  takeResults(app: GatewayAppId, user: string, { origin, results }: FleetReturns): FleetReturned {
    const last = results.at(-1)?.number ?? 0;
    const feed = this.#find(app, user);
    const grant = feed === undefined ? undefined : this.#living(feed);
    if (feed === undefined || grant === undefined) return { number: last, refused: 0 };
    const { taken } = feed.record;
    const done = taken.origin === origin ? taken.number : 0;
    const room = feed.room(this.#ports.limits(), Date.now());
    const fresh = results.filter(({ number }) => number > done).slice(0, room);
    feed.spend(fresh.length);
    const outcomes = fresh.map((result) => feed.messageOf(result, grant));
    const messages = outcomes.filter((outcome) => typeof outcome !== "string");
    const topics = outcomes.filter((outcome) => typeof outcome === "string");
    const refused = feed.record.refused + topics.length;
    // What has no room comes again.
    feed.update({ taken: { origin, number: fresh.at(-1)?.number ?? done }, refused });
    this.#save(feed);
    if (messages.length > 0) this.#publish(messages);
    if (topics.length > 0) this.#ports.refused(grant.grantId, topics);
    return { number: feed.record.taken.number, refused };
  }

  #publish(messages: readonly Message[]): void {
    try {
      this.#ports.publish(messages);
    } catch {
      // A bug of ours: these results are lost, but they would fail again, and hold up all that come after them.
      log.error("results.failed", { code: "INTERNAL", count: messages.length });
    }
  }

  /** The grant, unless it is over. */
  #living({ record }: FleetFeed): StoredGrant | undefined {
    const grant = record.state === "leaving" ? undefined : this.#ports.grant(record.grantId);
    return grant === undefined || grant.expiresAtMs <= Date.now() ? undefined : grant;
  }

  #find(app: GatewayAppId, user: string): FleetFeed | undefined {
    return [...this.#feeds.values()].find(({ record }) => record.app === app && record.user === user);
  }

  #queueOf(feed: FleetFeed, shard: number): EventQueue {
    const { grantId, app, user } = feed.record;
    const destination = `${grantId}/${shard}`;
    const known = this.#queues.get(destination);
    if (known !== undefined) return known;
    const queue = new EventQueue({
      sql: this.#ports.sql,
      destination,
      maxWaiting,
      send: async (source, events) => {
        const shards = this.#feeds.get(grantId)?.record.interest?.shards ?? 0;
        const answer = await this.#ports.rules?.takeGranted(app, { shard, shards }, user, { source, events });
        if (answer?.isOver === true) return events.at(-1)?.[0] ?? 0; // nobody wants them any more
        return answer?.accepted ?? 0;
      },
      wakeAt: (atMs) => this.#ports.wakeAt(atMs),
    });
    this.#queues.set(destination, queue);
    return queue;
  }

  /** A device that the app may not read any more feeds nothing, and its rules forget it. */
  #narrow(feed: FleetFeed): void {
    const grant = this.#living(feed);
    const lost = grant === undefined ? [] : feed.narrow(grant);
    if (lost.length === 0) return;
    for (const queue of this.#queuesOf(feed)) queue.drop(({ device }) => lost.includes(device));
    this.#save(feed);
    this.#settle();
  }

  *#queuesOf({ record }: FleetFeed): Iterable<EventQueue> {
    for (const [destination, queue] of this.#queues) {
      if (destination.startsWith(`${record.grantId}/`)) yield queue;
    }
  }

  /** Nothing more goes out, not even what waits; the app's rules are told until they know. */
  #end(feed: FleetFeed): void {
    for (const queue of this.#queuesOf(feed)) queue.clear();
    feed.update({ state: "leaving" });
    this.#save(feed);
    this.#settle();
  }

  /** Tells the apps' rules what they do not know yet: who joins, who leaves, which devices to forget. */
  #settle(): void {
    if (this.#retryAtMs !== undefined) return;
    for (const feed of this.#feeds.values()) {
      const { state, grantId, unread } = feed.record;
      if ((state === "joined" && unread.length === 0) || this.#underWay.has(grantId)) continue;
      this.#underWay.add(grantId);
      void this.#tell(feed).then(
        (isDone) => {
          this.#underWay.delete(grantId);
          this.#failures = 0;
          if (isDone) this.#settle();
          else this.#again(fullRetryMs);
        },
        () => {
          this.#underWay.delete(grantId);
          this.#failures += 1;
          log.warn("rules.unavailable", { code: "UNAVAILABLE" });
          this.#again(Math.min(retryMs.most, retryMs.first * 2 ** (this.#failures - 1)));
        },
      );
    }
  }

  #again(afterMs: number): void {
    this.#retryAtMs = Date.now() + afterMs;
    this.#ports.wakeAt(this.#retryAtMs);
  }

  #tell(feed: FleetFeed): Promise<boolean> {
    switch (feed.record.state) {
      case "joining":
        return this.#join(feed);
      case "joined":
        return this.#forget(feed);
      case "leaving":
        return this.#leave(feed);
    }
  }

  async #forget(feed: FleetFeed): Promise<boolean> {
    const { app, unread, grantId } = feed.record;
    await this.#ports.rules?.forgetInFleet(app, unread);
    const current = this.#feeds.get(grantId) ?? feed; // another object if the user chose anew meanwhile
    current.update({ unread: current.record.unread.filter((key) => !unread.includes(key)) });
    this.#save(current);
    return true;
  }

  async #join(feed: FleetFeed): Promise<boolean> {
    const { app, user, wayBack, grantId } = feed.record;
    const answer = await this.#ports.rules?.joinFleet(app, { user, wayBack });
    const current = this.#feeds.get(grantId); // another object if the user chose anew meanwhile
    if (current?.record.state !== "joining") return true;
    if (answer === undefined || ("isFull" in answer && answer.isFull)) return false;
    const told = "isFull" in answer ? undefined : answer;
    const known = current.record.interest;
    const interest = (known?.version ?? -1) > (told?.version ?? -1) ? known : told;
    current.update({ state: "joined", interest });
    this.#save(current);
    return true;
  }

  async #leave(feed: FleetFeed): Promise<boolean> {
    const { app, user, keys, unread, grantId } = feed.record;
    await this.#ports.rules?.leaveFleet(app, user, [...keys, ...unread]);
    for (const destination of this.#queues.keys()) {
      if (destination.startsWith(`${grantId}/`)) this.#queues.delete(destination);
    }
    this.#feeds.delete(grantId);
    this.#kept.delete("fleet-feed", grantId);
    return true;
  }

  #save({ record }: FleetFeed): void {
    this.#kept.save("fleet-feed", record.grantId, record);
  }
}
