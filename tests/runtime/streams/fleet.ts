import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { FleetHub } from "../../../durable-objects/fleet/fleet-hub.ts";
import type { FleetShard } from "../../../durable-objects/fleet/fleet-shard.ts";
import { shardName } from "../../../durable-objects/fleet/shard-config.ts";
import {
  type FleetInterest,
  type GrantedAnswer,
  type GrantedBatch,
  spreadOf,
} from "../../../engines/fleet/fleet-hand-over.ts";
import type { Result, ThingEvent } from "../../../engines/streams/hand-over.ts";

/** The stand-in of tests/streams/stand-in-gateway.js. */
interface StandInGateway {
  away(wayBack: string, isAway: boolean): Promise<void>;
  seen(
    wayBack: string,
  ): Promise<{ interests: { app: string; interest: FleetInterest }[]; results: Result[] }>;
}

// The bindings of workers/cep/wrangler.toml, which the suite runs.
const bindings = env as unknown as {
  FLEET_HUB: DurableObjectNamespace<FleetHub>;
  FLEET_SHARD: DurableObjectNamespace<FleetShard>;
  GATEWAY: StandInGateway;
};

export const gateway = bindings.GATEWAY;
export const shards = 4;

export function hubOf(app: string): DurableObjectStub<FleetHub> {
  return bindings.FLEET_HUB.get(bindings.FLEET_HUB.idFromName(app));
}

export function shardOf(app: string, shard: number): DurableObjectStub<FleetShard> {
  return bindings.FLEET_SHARD.get(bindings.FLEET_SHARD.idFromName(shardName(app, shard, shards)));
}

/** A user as their personal cloud stands for them: joins, and hands events to the shards that want them. */
export class GrantingUser {
  readonly app: string;
  readonly user: string;
  #offset = 0;
  #interest: FleetInterest | undefined;

  constructor(app: string, user: string) {
    this.app = app;
    this.user = user;
  }

  get wayBack(): string {
    return `${this.app} ${this.user}`;
  }

  async join(): Promise<FleetInterest | { readonly isFull: boolean }> {
    const answer = await hubOf(this.app).join({ user: this.user, wayBack: this.wayBack });
    if (!("isFull" in answer)) this.#interest = answer;
    return answer;
  }

  /** What the combining object told last. */
  async interest(): Promise<FleetInterest> {
    const told = (await gateway.seen(this.wayBack)).interests.at(-1)?.interest ?? this.#interest;
    if (told === undefined) throw new Error("never told");
    return told;
  }

  /** Hands one reading over. @returns the batches, to be sent again, and the answers. */
  async send(
    value: number,
    device = `d-${this.user}`,
  ): Promise<{ shard: number; batch: GrantedBatch; answer: GrantedAnswer }[]> {
    const event: ThingEvent = {
      user: this.user,
      device,
      name: "",
      topic: "telemetry/n",
      payload: JSON.stringify([{ n: "n", v: value }]),
      atMs: Date.now(),
    };
    const offset = ++this.#offset;
    const wanted = [...spreadOf(await this.interest())(event)];
    return Promise.all(
      wanted.map(async (shard) => {
        const batch: GrantedBatch = { source: this.user, events: [[offset, event]] };
        return { shard, batch, answer: await shardOf(this.app, shard).take(this.user, batch) };
      }),
    );
  }
}

/** Evicts all objects of an app. */
export async function evictFleet(app: string): Promise<void> {
  for (let shard = 0; shard < shards; shard += 1) {
    await shardOf(app, shard).report(""); // only what runs can be evicted
    await evictDurableObject(shardOf(app, shard));
  }
  await hubOf(app).size();
  await evictDurableObject(hubOf(app));
}

/** Runs the alarms that are set, so that nothing has to be waited for. */
export async function runAlarms(app: string): Promise<void> {
  for (let shard = 0; shard < shards; shard += 1) await runDurableObjectAlarm(shardOf(app, shard));
  await runDurableObjectAlarm(hubOf(app));
}

/** The developer's results, once there are `count`; the test's time limit ends the wait. */
export async function resultsOf(app: string, count: number): Promise<unknown[]> {
  for (;;) {
    const kept = await hubOf(app).results(0, 1_000);
    if (kept.length >= count) return kept.map(({ result }) => JSON.parse(result.payload));
    await runAlarms(app);
  }
}

/** The running sum of each device, and how many readings the whole fleet sent, of how many users. */
export const sums = `
  @source(type='things', property='n') define stream N (user string, device string, value long);
  @sink(type='stream') define stream Sums (device string, total long);
  @sink(type='stream') define stream Fleet (n long, users long);
  @sink(type='command', user='{{user}}', device='{{device}}', action='lamp', value='{{on}}')
  define stream Lamp (user string, device string, on bool);
  partition with (device of N) begin
    from N select user, device, sum(value) as total insert into Inner;
  end;
  from Inner select device, total insert into Sums;
  from Inner#window.length(1000) select count() as n, distinctCount(user) as users insert into Fleet;
  from Inner[total > 5] select user, device, true as on insert into Lamp;
`;
