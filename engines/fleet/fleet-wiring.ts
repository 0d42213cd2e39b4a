import type { Attribute } from "../cep/event.ts";
import { decodeState, encodeState } from "../cep/runtime/snapshot-codec.ts";
import type { RuleSink } from "../streams/rule-sink.ts";
import type { RuleSource } from "../streams/rule-source.ts";
import { type Make, sinksOf, sourcesOf, type Wire } from "../streams/wiring.ts";
import { fleetConnectors } from "./fleet-connectors.ts";
import { fleetSink } from "./fleet-sink.ts";
import { fleetSource } from "./fleet-source.ts";
import type { KeyAttributes } from "./partition-keys.ts";
import { placementOf } from "./placement.ts";
import { shardOfKey } from "./shard-key.ts";

/** `allowLoopback` lets webhooks go to `http://127.0.0.1:port/…`, for development on one's own machine. */
interface SinkOptions {
  readonly allowLoopback: boolean;
}

/** A fleet rule in one piece, for a dry run. */
export function wholeWire({ allowLoopback }: SinkOptions): Wire {
  return (name, app) => ({
    text: app.text,
    connectors: fleetConnectors,
    sources: sourcesOf(app, fleetSource),
    sinks: () => sinksOf(app, (...sink) => fleetSink(name, ...sink, allowLoopback)),
  });
}

/** As on a platform that anybody reaches. */
export const wireWhole = wholeWire({ allowLoopback: false });

/** What runs in one shard: it takes the rows that are its own, and hands on what crosses. */
export function wireShard(shard: number, shards: number): Wire {
  return (_name, app) => {
    const { shardText, crossing, keys } = placementOf(app, fleetConnectors);
    const make: Make<RuleSource> = (annotation, stream, attributes) =>
      onlyOf(shard, shards, fleetSource(annotation, stream, attributes), keys, attributes);
    return {
      text: shardText,
      connectors: fleetConnectors,
      sources: sourcesOf(app, make),
      sinks: () => crossing.map(crossingSink),
    };
  };
}

/** What runs in the combining object: fed by the shards, it puts out what the rule puts out. */
export function combinedWire({ allowLoopback }: SinkOptions): Wire {
  return (name, app) => {
    const { combinedText, crossing } = placementOf(app, fleetConnectors);
    return {
      text: combinedText,
      connectors: fleetConnectors,
      sources: crossing.map((stream) => crossingSource(name, stream)),
      sinks: () => sinksOf(app, (...sink) => fleetSink(name, ...sink, allowLoopback)),
    };
  };
}

/** As on a platform that anybody reaches. */
export const wireCombined = combinedWire({ allowLoopback: false });

/** Where the events of a crossing stream arrive in the combining object. */
export function crossingTopic(rule: string, stream: string): string {
  return `rows/${rule}/${stream}`;
}

function crossingSink(stream: string): RuleSink {
  return {
    stream,
    output: ({ timestamp, row }) => ({ kind: "row", stream, payload: encodeState([timestamp, row]) }),
  };
}

function crossingSource(rule: string, stream: string): RuleSource {
  return {
    stream,
    filter: crossingTopic(rule, stream),
    takes: () => true,
    rows: ({ payload }) => {
      const [timeMs, row] = decodeState(payload) as [number, unknown[]]; // written by `crossingSink`
      return [{ row, timeMs }];
    },
  };
}

/** The rows of a source that belong to one shard. */
function onlyOf(
  shard: number,
  shards: number,
  source: RuleSource,
  keys: KeyAttributes,
  attributes: readonly Attribute[],
): RuleSource {
  const at = attributes.findIndex(({ name }) => name === keys.get(source.stream));
  if (at < 0) {
    return {
      ...source,
      takes: (event) => shardOfKey(event.user ?? "", shards) === shard && source.takes(event),
    };
  }
  return {
    ...source,
    rows: (event, payload) =>
      source.rows(event, payload).filter(({ row }) => shardOfKey(String(row[at]), shards) === shard),
  };
}
