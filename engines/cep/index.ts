/** The streaming engine: apps in SiddhiQL, run over injected time. See STREAMS.md. */
export {
  type AppMetrics,
  type AppOptions,
  CepApp,
  type InputHandle,
  type Limits,
  type Output,
  type RestoreReport,
  type TracedOutput,
} from "./app.ts";
export { CepError, type CepErrorCode, type SourcePosition } from "./cep-error.ts";
export { type DryRunResult, dryRun, type HistoryEvent, type QueryAccount } from "./dry-run.ts";
export type { Attribute, AttributeType, OutputEvent } from "./event.ts";
export {
  type Completion,
  type Diagnostic,
  type Hover,
  LanguageService,
} from "./language/language-service.ts";
export { referenceMarkdown } from "./language/reference.ts";
export { parseApp, parseFragment, parseStoreQuery } from "./parser/parse-app.ts";
export { Registry } from "./registry.ts";
export {
  appOfRule,
  type RuleParameter,
  type RuleTemplate,
  type RuleValues,
  ruleTemplates,
} from "./rules/templates.ts";
export type { Clock } from "./runtime/time-keeper.ts";
