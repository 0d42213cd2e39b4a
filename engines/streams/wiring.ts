import type { Attribute, OutputEvent } from "../cep/event.ts";
import type { ConnectorExtension } from "../cep/extension.ts";
import { type Annotation, type App, elementOf } from "../cep/parser/ast.ts";
import { type RuleSink, ruleSink } from "./rule-sink.ts";
import { type RuleSource, ruleSource } from "./rule-source.ts";

/** How a rule is tied to the world: what runs of its text, where events come from, where outputs go. */
export interface Wiring {
  /** SiddhiQL; the rule's own text, or the part of it that runs here. */
  readonly text: string;
  readonly connectors: readonly ConnectorExtension[];
  readonly sources: readonly RuleSource[];
  /** @param attributesOf of a stream, defined or inferred. */
  sinks(attributesOf: (stream: string) => readonly Attribute[]): readonly RuleSink[];
}

/** Wires one rule. @param app the parsed text. @throws CepError with position, expectation and suggestion. */
export type Wire = (name: string, app: App) => Wiring;

/** Makes a source or a sink of an annotation. @throws CepError `WRONG_ANNOTATION` */
export type Make<T> = (annotation: Annotation, stream: string, attributes: readonly Attribute[]) => T;

/**
 * An owner's rule: their things on one side, commands, alarms, streams and webhooks on the other.
 * @param options.allowLoopback lets webhooks go to `http://127.0.0.1:port/…`, for development on one's own machine
 */
export function ownersWire(options: { allowLoopback: boolean }): Wire {
  return (name, app) => ({
    text: app.text,
    connectors: [],
    sources: sourcesOf(app, ruleSource),
    sinks: () =>
      sinksOf(app, (annotation, stream, attributes) =>
        ruleSink(annotation, name, stream, attributes, options.allowLoopback),
      ),
  });
}

export const wireOwners = ownersWire({ allowLoopback: false });

/** One source for each `@source(type='things')`. */
export function sourcesOf(app: App, make: Make<RuleSource>): RuleSource[] {
  return annotated(app, "source")
    .filter(({ annotation }) => elementOf(annotation, "type") === "things")
    .map(({ annotation, stream, attributes }) => make(annotation, stream, attributes));
}

/** What `make` makes of each `@sink`. */
export function sinksOf(app: App, make: Make<RuleSink | undefined>): RuleSink[] {
  return annotated(app, "sink").flatMap(
    ({ annotation, stream, attributes }) => make(annotation, stream, attributes) ?? [],
  );
}

function annotated(app: App, kind: "source" | "sink") {
  return app.definitions.flatMap((definition) => {
    if (definition.kind !== "stream") return [];
    const attributes: Attribute[] = definition.attributes.map(({ name, type }) => ({ name, type }));
    return definition.annotations
      .filter(({ name }) => name.toLowerCase() === kind)
      .map((annotation) => ({ annotation, stream: definition.id, attributes }));
  });
}

/** Takes one event that a sink is to put out. */
export type Emit = (sink: RuleSink, event: OutputEvent) => void;
