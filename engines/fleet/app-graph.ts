import {
  type Annotation,
  type App,
  annotationOf,
  type Partition,
  type Query,
  type QueryInput,
  type SingleInput,
  type StateElement,
} from "../cep/parser/ast.ts";
import type { Registry } from "../cep/registry.ts";

type Element = Query | Partition;

/** The stream definitions that carry an annotation, once for each. */
export function annotatedWith(app: App, name: string) {
  return app.definitions.flatMap((definition) => {
    if (definition.kind !== "stream") return [];
    const { id, attributes, annotations } = definition;
    return annotations
      .filter((annotation) => annotation.name.toLowerCase() === name)
      .map((at: Annotation) => ({ id, attributes, at }));
  });
}

/** The queries of an element; a partition has several. */
export function queriesOf(element: Element): readonly Query[] {
  return element.kind === "partition" ? element.queries : [element];
}

/** Every input of a query, in the order of the text. */
export function singleInputs(input: QueryInput): SingleInput[] {
  switch (input.kind) {
    case "single":
      return [input];
    case "join":
      return [input.left, input.right];
    case "pattern":
    case "sequence":
      return inputsOfState(input.element);
    case "anonymous":
      return singleInputs(input.query.input);
  }
}

function inputsOfState(element: StateElement): SingleInput[] {
  switch (element.kind) {
    case "state":
    case "absent":
      return [element.input];
    case "count":
      return [element.state.input];
    case "every":
      return inputsOfState(element.inner);
    case "logical":
    case "next":
      return [...inputsOfState(element.left), ...inputsOfState(element.right)];
  }
}

/** Streams (and tables and windows) from outside that an element reads; a fault stream counts as its stream. */
export function inputsOf(element: Element): string[] {
  const inputs = queriesOf(element).flatMap(({ input }) => singleInputs(input));
  return [...new Set(inputs.filter(({ marker }) => marker !== "#").map(({ id }) => id.replace(/^!/, "")))];
}

/** Streams outside that an element inserts into. */
export function targetOf(element: Element): string[] {
  return queriesOf(element).flatMap(({ output }) =>
    output.kind === "insert" && output.marker === "" ? [output.target] : [],
  );
}

/** Whether the element reads or writes one of `named` (tables, windows, triggers, aggregations) or a fault stream. */
export function usesState(element: Element, named: ReadonlySet<string>): boolean {
  return queriesOf(element).some(
    ({ input, output, selector }) =>
      singleInputs(input).some(({ id, marker }) => named.has(id) || marker === "!") ||
      (output.kind !== "return" && output.kind !== "insert") ||
      (output.kind === "insert" && (named.has(output.target) || output.marker === "!")) ||
      someNode([input, selector], (node) => node.kind === "in"),
  );
}

/** Whether a query looks at each event by itself: filters and a selection, nothing kept. */
export function isStateless(query: Query, registry: Registry): boolean {
  const { input, selector, rate, output } = query;
  return (
    input.kind === "single" &&
    input.handlers.every(({ kind }) => kind === "filter") &&
    rate === undefined &&
    output.eventType === "current" &&
    selector.groupBy.length === 0 &&
    selector.orderBy.length === 0 &&
    selector.limit === undefined &&
    selector.offset === undefined &&
    !aggregates(selector, registry)
  );
}

/** Whether an aggregator is called anywhere in a part of the tree. */
export function aggregates(part: unknown, registry: Registry): boolean {
  return someNode(
    part,
    ({ kind, namespace, name }) =>
      kind === "function" && registry.aggregator(String(namespace ?? ""), String(name)) !== undefined,
  );
}

/** Whether some node of a part of the tree is so. */
export function someNode(part: unknown, isSo: (node: Readonly<Record<string, unknown>>) => boolean): boolean {
  if (part === null || typeof part !== "object") return false;
  if (Array.isArray(part)) return part.some((item) => someNode(item, isSo));
  const node: Readonly<Record<string, unknown>> = { ...part };
  return isSo(node) || Object.values(node).some((child) => someNode(child, isSo));
}

/** The name of a query or partition in `@info(name='…')`. */
export function nameOf(element: Element): string | undefined {
  const info = annotationOf(element.annotations, "info");
  return info?.elements.find(({ key }) => key?.toLowerCase() === "name")?.value;
}
