import { type Attribute, CURRENT, Ev, EXPIRED } from "../event.ts";
import type { OutputEventType } from "../parser/ast.ts";
import type { QueryInstance } from "../query/instance.ts";
import type { WindowProcessor } from "../windows/window.ts";
import type { Junction } from "./junction.ts";
import { sinkOf } from "./processor.ts";

/** A window with a name: queries insert into it, and others read what comes and goes, or join it. */
export class NamedWindow {
  readonly id: string;
  readonly attributes: readonly Attribute[];
  readonly instance: QueryInstance;
  readonly #window: WindowProcessor;

  constructor(
    id: string,
    attributes: readonly Attribute[],
    instance: QueryInstance,
    window: WindowProcessor,
    output: OutputEventType,
    junction: Junction,
  ) {
    this.id = id;
    this.attributes = attributes;
    this.instance = instance;
    this.#window = window;
    window.next = sinkOf((chunk) => {
      const out = chunk.filter(
        (e) => (e.type === CURRENT && output !== "expired") || (e.type === EXPIRED && output !== "current"),
      );
      if (out.length > 0) junction.send(out);
    });
  }

  accept(events: readonly Ev[]): void {
    this.#window.process(events.map((e) => new Ev(e.ts, CURRENT, e.row)));
  }

  collect(column: number, value: unknown, into: Ev[]): void {
    this.#window.collect(column, value, into);
  }

  contents(): readonly Ev[] {
    return this.#window.contents();
  }
}
