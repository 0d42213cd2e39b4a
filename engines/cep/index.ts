/** The streaming engine: apps in SiddhiQL, run over injected time. See STREAMS.md. */
export { CepApp, type AppMetrics, type AppOptions, type Limits, type RestoreReport } from "./app.ts";
export { CepError, type CepErrorCode, type SourcePosition } from "./cep-error.ts";
export type { Attribute, AttributeType, OutputEvent } from "./event.ts";
export { parseApp, parseFragment, parseStoreQuery } from "./parser/parse-app.ts";
export { Registry } from "./registry.ts";
export type { Clock } from "./runtime/time-keeper.ts";
