/**
 * What personal clouds, an app's shards and its combining object say to each other (STREAMS.md §3). Events go over
 * at least once and are taken once, by offset; results go over at least once and are carried out once, by number.
 */
import { parseApp } from "../cep/parser/parse-app.ts";
import { type OffsetEvent, type Result, type ThingEvent, topicMatches } from "../streams/hand-over.ts";
import { readPayload } from "../streams/thing-payload.ts";
import { sourcesOf } from "../streams/wiring.ts";
import { fleetSource } from "./fleet-source.ts";
import { shardOfKey } from "./shard-key.ts";

/** Which events an app's rules want, below `devices/{ph}/`, and where they go. */
export interface FleetRoute {
  readonly filter: string;
  /** The attribute whose value says which shard, with the stream's definition; without it the user says it. */
  readonly by?: { readonly attribute: string; readonly definition: string };
}

/** What a personal cloud must know of an app's rules. A higher version replaces a lower one. */
export interface FleetInterest {
  readonly version: number;
  readonly shards: number;
  readonly routes: readonly FleetRoute[];
}

/** One grant, as the app's objects know it. */
export interface FleetMember {
  /** The app's own name for the user. */
  readonly user: string;
  /** The way back to the personal cloud, sealed by the gateway. */
  readonly wayBack: string;
}

/** From a personal cloud to one shard. */
export interface GrantedBatch {
  /** Which sequence of offsets this is. */
  readonly source: string;
  readonly events: readonly OffsetEvent[];
}

/** Everything up to `accepted` need not be sent again; nothing at all is wanted of a grant that is over. */
export interface GrantedAnswer {
  readonly accepted: number;
  readonly isOver: boolean;
}

/** Results for one user's personal cloud, oldest first. */
export interface FleetReturns {
  readonly origin: string;
  readonly results: readonly Result[];
}

/** The personal cloud's answer: up to where it is done with them, and how many of all it ever got it refused. */
export interface FleetReturned {
  readonly number: number;
  readonly refused: number;
}

/** Says which shards want an event. */
export type Spread = (event: ThingEvent) => ReadonlySet<number>;

/** @param interest as the app's combining object told it. */
export function spreadOf({ routes, shards }: FleetInterest): Spread {
  const rules = routes.map((route) => ({ filter: route.filter, shardsOf: shardsOfRoute(route, shards) }));
  return (event) =>
    new Set(
      rules
        .filter(({ filter }) => topicMatches(filter, event.topic))
        .flatMap(({ shardsOf }) => shardsOf(event)),
    );
}

function shardsOfRoute({ by }: FleetRoute, shards: number): (event: ThingEvent) => readonly number[] {
  if (by === undefined) return ({ user = "" }) => [shardOfKey(user, shards)];
  const app = parseApp(by.definition);
  const [definition] = app.definitions;
  const at =
    definition?.kind === "stream" ? definition.attributes.findIndex(({ name }) => name === by.attribute) : -1;
  const sources = sourcesOf(app, fleetSource);
  return (event) => {
    const payload = readPayload(event);
    return sources
      .filter((source) => topicMatches(source.filter, event.topic) && source.takes(event))
      .flatMap((source) => source.rows(event, payload))
      .map(({ row }) => shardOfKey(String(row[at]), shards));
  };
}
