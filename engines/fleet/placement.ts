import { CepApp } from "../cep/app.ts";
import type { Attribute } from "../cep/event.ts";
import type { ConnectorExtension } from "../cep/extension.ts";
import type { App, Definition, Partition, Query, Span } from "../cep/parser/ast.ts";
import { Registry } from "../cep/registry.ts";
import { annotatedWith, inputsOf, isStateless, targetOf, usesState } from "./app-graph.ts";
import { type KeyAttributes, keysOfPartition } from "./partition-keys.ts";

type Element = Query | Partition;

/** Which part of a fleet rule runs where (STREAMS.md §3). Wherever a part runs, the rule means the same. */
export interface Placement {
  readonly shardElements: ReadonlySet<Element>;
  /** Streams whose events go from the shards to the combining object. */
  readonly crossing: readonly string[];
  /** By which attribute the events of a source are spread over the shards; the others go by their user. */
  readonly keys: KeyAttributes;
  /** What runs in a shard, every character in its place. */
  readonly shardText: string;
  /** What runs in the combining object, behind the definitions of the streams that come from the shards. */
  readonly combinedText: string;
}

/**
 * Decides where each query runs. In the shards: partitions whose keys are attributes of a source, and queries that
 * look at one event at a time; in the combining object: everything that may bring events of several shards together,
 * and what has one place only (tables, named windows, triggers, aggregations).
 *
 * @throws CepError when the text is wrong.
 */
export function placementOf(app: App, connectors: readonly ConnectorExtension[]): Placement {
  const whole = new CepApp(app.text, { clock: { now: () => 0 }, extensions: connectors });
  const registry = new Registry(connectors);
  const sources = new Set(annotatedWith(app, "source").map(({ id }) => id));
  const excluded = new Set<Element>();
  for (;;) {
    const inShards = located(app, sources, excluded, registry);
    const keys = new Map<string, string>();
    const failed = app.elements.find(
      (element) =>
        element.kind === "partition" &&
        inShards.has(element) &&
        !keysOfPartition(element, app, sources, inShards, keys),
    );
    if (failed === undefined) return placed(app, whole, sources, inShards, keys);
    excluded.add(failed);
  }
}

/** The largest set of elements that only read what is in the shards as a whole. */
function located(
  app: App,
  sources: ReadonlySet<string>,
  excluded: ReadonlySet<Element>,
  registry: Registry,
): ReadonlySet<Element> {
  const named = new Set(
    app.definitions.filter(({ kind }) => kind !== "stream").map((definition) => definition.id),
  );
  const inShards = new Set(
    app.elements.filter(
      (element) =>
        !excluded.has(element) &&
        !usesState(element, named) &&
        (element.kind === "partition" || isStateless(element, registry)),
    ),
  );
  for (;;) {
    const isThere = (stream: string) => {
      const producers = app.elements.filter((element) => targetOf(element).includes(stream));
      return (
        (sources.has(stream) || producers.length > 0) && producers.every((element) => inShards.has(element))
      );
    };
    const misplaced = [...inShards].find((element) => !inputsOf(element).every(isThere));
    if (misplaced === undefined) return inShards;
    inShards.delete(misplaced);
  }
}

function placed(
  app: App,
  whole: CepApp,
  sources: ReadonlySet<string>,
  shardElements: ReadonlySet<Element>,
  keys: KeyAttributes,
): Placement {
  const combined = app.elements.filter((element) => !shardElements.has(element));
  const fromShards = new Set([...sources, ...[...shardElements].flatMap(targetOf)]);
  const wanted = new Set([
    ...annotatedWith(app, "sink").map(({ id }) => id),
    ...combined.flatMap(inputsOf),
    ...app.definitions.flatMap((d) => (d.kind === "aggregation" ? [d.input.id] : [])),
  ]);
  const crossing = [...fromShards].filter((stream) => wanted.has(stream)).sort();
  const isElsewhere = (definition: Definition) => definition.kind !== "stream";
  const defined = new Set(app.definitions.map(({ id }) => id));
  const inferred = crossing
    .filter((stream) => !defined.has(stream))
    .map((stream) => definitionOf(stream, whole.attributesOf(stream)));
  return {
    shardElements,
    crossing,
    keys,
    shardText: without(app.text, [...combined, ...app.definitions.filter(isElsewhere)]),
    combinedText: withDefinitions(
      // Late events were dealt with where they came in.
      without(app.text, [...shardElements, ...annotatedWith(app, "watermark").map(({ at }) => at)]),
      Math.min(...[...app.definitions, ...app.elements].map((part) => spanOf(part).start)),
      inferred,
    ),
  };
}

/** In front of all others, behind what is said of the whole app. */
function withDefinitions(text: string, at: number, definitions: readonly string[]): string {
  return text.slice(0, at) + definitions.join("") + text.slice(at);
}

function definitionOf(stream: string, attributes: readonly Attribute[]): string {
  const columns = attributes.map(({ name, type }) => `\`${name}\` ${type}`);
  return `define stream \`${stream}\` (${columns.join(", ")}); `;
}

/** The text with these parts blank, so that every position in the rest stays as it was. */
function without(text: string, parts: readonly Part[]): string {
  let rest = text;
  for (const part of parts) {
    const { start, end } = spanOf(part);
    // With the semicolon behind it, which stands between the parts of an app.
    const closing = /^(\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*;/.exec(text.slice(end))?.[0].length ?? 0;
    rest =
      rest.slice(0, start) +
      rest.slice(start, end + closing).replace(/[^\n]/g, " ") +
      rest.slice(end + closing);
  }
  return rest;
}

type Part = Span & { readonly annotations?: readonly Span[] };

/** From the first annotation of a part to its end. */
function spanOf({ start, end, annotations = [] }: Part): Span {
  return { start: Math.min(start, ...annotations.map((annotation) => annotation.start)), end };
}
