import type { Aggregation } from "../aggregation/aggregation.ts";
import { CepError, suggest } from "../cep-error.ts";
import type { Attribute } from "../event.ts";
import type { SharedModel } from "../extension.ts";
import type { Span } from "../parser/ast.ts";
import type { NamedWindow } from "../runtime/named-window.ts";
import type { Table } from "../table/table.ts";
import type { WindowExpression } from "../windows/window-expression.ts";
import type { CompileContext } from "./context.ts";

/** What the definitions of an app give to its queries; a partition adds its inner streams. */
export interface Environment extends CompileContext {
  readonly streams: Map<string, readonly Attribute[]>;
  readonly tables: Map<string, Table>;
  readonly windows: Map<string, NamedWindow>;
  readonly aggregations: Map<string, Aggregation>;
  /** Inner streams of the partition under way, by name with `#`. */
  readonly inner: Map<string, readonly Attribute[]> | undefined;
  /** Models of stream functions, by name. */
  readonly models: Map<string, SharedModel>;
  now(): number;
  compileWindowExpression(text: string, attributes: readonly Attribute[]): WindowExpression;
}

export type SourceKind = "stream" | "table" | "window" | "aggregation";

/** What a name in an input stands for. @throws CepError `UNKNOWN_STREAM` with the nearest name. */
export function sourceOf(
  env: Environment,
  id: string,
  at: Span,
): { kind: SourceKind; attributes: readonly Attribute[] } {
  const inner = env.inner?.get(id);
  if (inner !== undefined) return { kind: "stream", attributes: inner };
  const window = env.windows.get(id);
  if (window !== undefined) return { kind: "window", attributes: window.attributes };
  const table = env.tables.get(id);
  if (table !== undefined) return { kind: "table", attributes: table.attributes };
  const aggregation = env.aggregations.get(id);
  if (aggregation !== undefined) return { kind: "aggregation", attributes: aggregation.attributes };
  const stream = env.streams.get(id);
  if (stream !== undefined) return { kind: "stream", attributes: stream };
  const names = [
    ...env.streams.keys(),
    ...env.tables.keys(),
    ...env.windows.keys(),
    ...env.aggregations.keys(),
    ...(env.inner?.keys() ?? []),
  ];
  throw new CepError("UNKNOWN_STREAM", `There is no stream, table, window or aggregation '${id}'`, {
    offset: at.start,
    length: at.end - at.start,
    suggestion: suggest(id, names),
  });
}

/** A short hash of text (FNV-1a), for signatures. */
export function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash.toString(36);
}
