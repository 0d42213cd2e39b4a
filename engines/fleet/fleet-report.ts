import { type App, elementOf } from "../cep/parser/ast.ts";
import { parseApp } from "../cep/parser/parse-app.ts";
import { annotatedWith, nameOf, queriesOf } from "./app-graph.ts";
import { type ColumnOrigin, originOf } from "./column-origins.ts";
import { fleetConnectors } from "./fleet-connectors.ts";
import { minimumUsers } from "./fleet-sink.ts";
import { placementOf } from "./placement.ts";

/** What an app's rule means for its users, told whenever it is deployed (STREAMS.md §5). */
export interface FleetReport {
  /** What leaves, by sink. */
  readonly outputs: readonly {
    readonly stream: string;
    readonly sink: string;
    /** Back to one user's personal cloud, or to the developer. */
    readonly goesTo: "user" | "developer";
    readonly columns: readonly ({ readonly name: string; readonly type: string } & ColumnOrigin)[];
    /** Every column is put together from events of a group, and none says whose. */
    readonly isGroupedOverUsers: boolean;
    /** Users that a group must have, if the rule demands some. */
    readonly minimumUsers?: number;
  }[];
  /** Where each query runs, and whether rows of a user who has left may still be in its window. */
  readonly queries: readonly {
    readonly line: number;
    readonly name?: string;
    readonly runs: "in the shards" | "combined";
    readonly keepsRowsOfManyUsers: boolean;
  }[];
}

/** @throws CepError when the text is wrong. */
export function fleetReport(text: string): FleetReport {
  const app = parseApp(text);
  const { shardElements, keys } = placementOf(app, fleetConnectors);
  const isByUser = ![...keys.values()].some((attribute) => attribute !== "");
  return {
    outputs: outputsOf(app),
    queries: app.elements.map((element) => {
      const name = nameOf(element);
      const isInShards = shardElements.has(element);
      return {
        line: lineOf(text, element.start),
        ...(name !== undefined && { name }),
        runs: isInShards ? "in the shards" : "combined",
        keepsRowsOfManyUsers: queriesOf(element).some(keepsRows) && !(isInShards && isByUser),
      };
    }),
  };
}

function outputsOf(app: App): FleetReport["outputs"] {
  return annotatedWith(app, "sink").map(({ id, at, attributes }) => {
    const columns = attributes.map(({ name, type }) => ({ name, type, ...originOf(app, id, name) }));
    const least = minimumUsers(at);
    return {
      stream: id,
      sink: elementOf(at, "type") ?? "",
      goesTo: elementOf(at, "user") === undefined ? "developer" : "user",
      columns,
      isGroupedOverUsers: columns.every(({ isOverUsers }) => isOverUsers),
      ...(least !== undefined && { minimumUsers: least }),
    };
  });
}

function keepsRows(query: ReturnType<typeof queriesOf>[number]): boolean {
  const { input } = query;
  return input.kind !== "single" || input.handlers.some(({ kind }) => kind === "window");
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
