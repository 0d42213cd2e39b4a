import type { QueryInstance } from "./instance.ts";
import type { QueryOutput } from "./query-output.ts";
import type { BaseScope } from "./scope.ts";
import type { Selector } from "./selector.ts";

/** A compiled input of a query, without state. */
export interface InputPlan {
  /** What the selector's expressions refer to. */
  readonly scope: BaseScope;
  /** There is a window (or a join), which the snapshot limiters care about. */
  readonly isWindowed: boolean;
  /** Streams and windows that feed the query. */
  readonly streams: readonly string[];
  readonly signature: string;
  /** Adds the operators and entries of one instance, ending in the selector. */
  instantiate(instance: QueryInstance, selector: Selector, output: QueryOutput): void;
}
