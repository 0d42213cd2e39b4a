import type { Attribute, Ev } from "../event.ts";
import type { Compiled } from "../expression/compiled.ts";
import type { Span } from "../parser/ast.ts";
import { type Host, Processor } from "../runtime/processor.ts";
import type { WindowExpression } from "./window-expression.ts";

/** A window: takes current events, passes them on and lets them expire. Joins and on-demand queries look into it. */
export abstract class WindowProcessor extends Processor {
  /** The events a join or an on-demand query finds, oldest first; not to be changed. */
  abstract contents(): readonly Ev[];
  /** Adds the held events whose column has the value; with column -1 all of them. */
  collect(column: number, value: unknown, into: Ev[]): void {
    for (const e of this.contents()) if (column < 0 || e.row[column] === value) into.push(e);
  }
  /** Number of rows held. */
  abstract size(): number;
  override heldRows(): number {
    return this.size();
  }
}

/** What a window is made from, at compile time. */
export interface WindowInit {
  readonly args: Compiled[];
  readonly attributes: readonly Attribute[];
  /** The query's output takes expired events, so they must be made. */
  readonly expectsExpired: boolean;
  /** A join or a query looks into the window, so it must keep what it has sent. */
  readonly isFindable: boolean;
  readonly at: Span;
  /** Compiles the text of an expression window over the window's attributes, `first` and `last`. */
  compileText(text: string): WindowExpression;
}

export type WindowFactory = (host: Host) => WindowProcessor;
