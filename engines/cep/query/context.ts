import type { Ev } from "../event.ts";
import type { FunctionContext } from "../extension.ts";
import type { Expression, Span } from "../parser/ast.ts";
import type { Registry } from "../registry.ts";
import type { BaseScope } from "./scope.ts";

/** What compiling an expression needs from the app around it. */
export interface CompileContext {
  readonly registry: Registry;
  readonly functions: FunctionContext;
  /** Compiles `condition in Table` within an outer scope. */
  compileIn(source: string, condition: Expression, outer: BaseScope, at: Span): (e: Ev) => boolean;
}
