import type { App, Partition, Query, VariableExpression } from "../cep/parser/ast.ts";
import { Registry } from "../cep/registry.ts";
import { transportNameOf } from "../streams/rule-source.ts";
import { aggregates, annotatedWith, queriesOf, singleInputs, someNode } from "./app-graph.ts";
import { fleetConnectors } from "./fleet-connectors.ts";

/** What a column of an output is made of. */
export interface ColumnOrigin {
  /** `user` and `device` are the app's own handles; `reading` is anything that a thing published. */
  readonly from: readonly string[];
  /** On its way it always went through an aggregator (`avg`, `distinctCount`) over events of any users. */
  readonly isOverUsers: boolean;
}

const registry = new Registry(fleetConnectors);

/** Follows a column of a stream (or table) back to the sources, through every query that writes it. */
export function originOf(app: App, id: string, column: string): ColumnOrigin {
  const paths = [...pathsTo(app, id, column, new Set())];
  return {
    from: [...new Set(paths.map(({ from }) => from))].sort(),
    isOverUsers: paths.every(({ isOverUsers }) => isOverUsers),
  };
}

interface Path {
  readonly from: string;
  readonly isOverUsers: boolean;
}

function* pathsTo(app: App, id: string, column: string, before: ReadonlySet<string>): Generator<Path> {
  const step = `${id}.${column}`;
  if (before.has(step)) return;
  const seen = new Set([...before, step]);
  for (const source of annotatedWith(app, "source").filter((candidate) => candidate.id === id)) {
    const index = source.attributes.findIndex(({ name }) => name === column);
    const known = transportNameOf(source.at, column, index) ?? "";
    yield { from: ["user", "device"].includes(known) ? known : "reading", isOverUsers: false };
  }
  for (const definition of app.definitions) {
    if (definition.kind !== "aggregation" || definition.id !== id) continue;
    const selected = definition.select.attributes?.find(({ name }) => name === column)?.expression;
    const inputs = [definition.input.id];
    const isPerUser = definition.groupBy.some((key) => isOfUser(app, key, inputs, seen));
    yield* pathsOfExpression(app, selected ?? column, inputs, isPerUser, seen);
  }
  for (const element of app.elements) {
    for (const query of queriesOf(element)) {
      const { output, selector, input } = query;
      if (output.kind === "return" || `${markerOf(query)}${output.target}` !== id) continue;
      const index = columnIndex(app, output.target, column);
      const selected =
        selector.attributes?.find(({ name }) => name === column) ?? selector.attributes?.[index];
      const inputs = singleInputs(input).map((single) => single.id);
      const keys = element.kind === "partition" ? [...element.with, ...selector.groupBy] : selector.groupBy;
      const isPerUser = keys.some((key) => isOfUser(app, key, [...inputs, ...outer(element)], seen));
      yield* pathsOfExpression(app, selected?.expression ?? column, inputs, isPerUser, seen);
    }
  }
}

/** Inner streams of partitions are known by their marker. */
function markerOf({ output }: Query): string {
  return output.kind === "insert" ? output.marker : "";
}

/** Tables are also filled by position. */
function columnIndex(app: App, id: string, column: string): number {
  const definition = app.definitions.find((candidate) => candidate.id === id);
  return definition?.kind === "table" ? definition.attributes.findIndex(({ name }) => name === column) : -1;
}

function* pathsOfExpression(
  app: App,
  expression: unknown,
  inputs: readonly string[],
  isPerUser: boolean,
  seen: ReadonlySet<string>,
): Generator<Path> {
  const isOverUsers = !isPerUser && aggregates(expression, registry);
  const columns = typeof expression === "string" ? [expression] : variablesOf(expression);
  for (const column of columns) {
    for (const input of inputs) {
      for (const path of pathsTo(app, input, column, seen)) {
        yield { from: path.from, isOverUsers: isOverUsers || path.isOverUsers };
      }
    }
  }
}

/** The streams that a partition is by. */
function outer(element: Query | Partition): string[] {
  return element.kind === "partition" ? element.with.map(({ stream }) => stream) : [];
}

/** Whether a key of a group or partition says whose an event is. */
function isOfUser(app: App, key: unknown, inputs: readonly string[], seen: ReadonlySet<string>): boolean {
  return variablesOf(key).some((column) =>
    inputs.some((input) =>
      [...pathsTo(app, input, column, seen)].some(
        ({ from, isOverUsers }) => from !== "reading" && !isOverUsers,
      ),
    ),
  );
}

function variablesOf(expression: unknown): string[] {
  const found = new Set<string>();
  someNode(expression, (node) => {
    // The kind says which node it is.
    if (node.kind === "variable") found.add((node as unknown as VariableExpression).attribute);
    return false;
  });
  return [...found];
}
