import { parseApp } from "../cep/parser/parse-app.ts";
import { sourcesOf } from "../streams/wiring.ts";
import { annotatedWith } from "./app-graph.ts";
import { fleetConnectors } from "./fleet-connectors.ts";
import type { FleetRoute } from "./fleet-hand-over.ts";
import { fleetSource } from "./fleet-source.ts";
import { placementOf } from "./placement.ts";

/** The routes of one rule. @throws CepError */
export function routesOf(text: string): FleetRoute[] {
  const app = parseApp(text);
  const { keys } = placementOf(app, fleetConnectors);
  const filters = sourcesOf(app, fleetSource);
  return filters.map(({ stream, filter }) => {
    const attribute = keys.get(stream) ?? "";
    if (attribute === "") return { filter };
    const definition = app.definitions.find(({ id }) => id === stream);
    const start = Math.min(
      ...annotatedWith(app, "source").flatMap(({ id, at }) => (id === stream ? at.start : [])),
    );
    return { filter, by: { attribute, definition: `${text.slice(start, definition?.end)};` } };
  });
}
