import type { App, Partition, Query } from "../cep/parser/ast.ts";
import { transportNameOf } from "../streams/rule-source.ts";
import { annotatedWith, inputsOf, queriesOf } from "./app-graph.ts";

/** Source stream → the attribute whose value says where an event goes; without an entry it is the user. */
export type KeyAttributes = ReadonlyMap<string, string>;

/** A device has one user, so whoever goes by device may as well go by user. */
const byUser = "";

/**
 * Finds how the sources must be spread so that each key of a partition is in one shard, and adds it to `keys`.
 * @returns `false`, with `keys` as they were, if there is no such way.
 */
export function keysOfPartition(
  partition: Partition,
  app: App,
  sources: ReadonlySet<string>,
  inShards: ReadonlySet<Query | Partition>,
  keys: Map<string, string>,
): boolean {
  const found = new Map(keys);
  for (const stream of inputsOf(partition)) {
    const given = partition.with.filter((key) => key.stream === stream);
    const [key] = given;
    // Without a key of its own a stream goes to all instances, and so to all shards.
    if (given.length !== 1 || key?.kind !== "value" || key.expression.kind !== "variable") return false;
    const origins = originsOf(stream, key.expression.attribute, app, sources, inShards, new Set());
    if (origins === undefined) return false;
    for (const { source, attribute } of origins) {
      const by = isOfUser(app, source, attribute) ? byUser : attribute;
      if ((found.get(source) ?? by) !== by) return false;
      found.set(source, by);
    }
  }
  for (const [source, by] of found) keys.set(source, by);
  return true;
}

interface Origin {
  readonly source: string;
  readonly attribute: string;
}

/** The attributes of sources that an attribute is, passed on unchanged; `undefined` if it is made of something else. */
function originsOf(
  stream: string,
  attribute: string,
  app: App,
  sources: ReadonlySet<string>,
  inShards: ReadonlySet<Query | Partition>,
  seen: Set<string>,
): Origin[] | undefined {
  if (seen.has(stream)) return [];
  seen.add(stream);
  const origins: Origin[] = sources.has(stream) ? [{ source: stream, attribute }] : [];
  for (const element of inShards) {
    for (const query of queriesOf(element)) {
      if (query.output.kind !== "insert" || query.output.target !== stream || query.output.marker !== "")
        continue;
      if (element.kind === "partition" || query.input.kind !== "single") return undefined;
      const selected = query.selector.attributes?.find(({ name }) => name === attribute)?.expression;
      if (query.selector.attributes !== undefined && selected?.kind !== "variable") return undefined;
      const before = selected?.kind === "variable" ? selected.attribute : attribute;
      const further = originsOf(query.input.id, before, app, sources, inShards, seen);
      if (further === undefined) return undefined;
      origins.push(...further);
    }
  }
  return origins;
}

/** Whether an attribute of a source is the app's name for the user or the device. */
export function isOfUser(app: App, source: string, attribute: string): boolean {
  const annotations = annotatedWith(app, "source").filter(({ id }) => id === source);
  return annotations.every(({ at, attributes }) => {
    const index = attributes.findIndex(({ name }) => name === attribute);
    return ["user", "device"].includes(transportNameOf(at, attribute, index) ?? "");
  });
}
