import { CURRENT, copyAs, type Ev, EXPIRED, RESET } from "../event.ts";
import type { Compiled } from "../expression/compiled.ts";
import type { WindowExtension } from "../extension.ts";
import type { Host } from "../runtime/processor.ts";
import { WindowProcessor } from "./window.ts";
import type { RunningExpression, WindowExpression } from "./window-expression.ts";

type CompileText = (text: string) => WindowExpression;

/** The condition, which may come with the events and then change under way. */
class Condition {
  readonly #compileText: CompileText;
  readonly #textOf: ((e: Ev) => unknown) | undefined;
  #text: string;
  running: RunningExpression | undefined;
  constructor(arg: Compiled | undefined, compiled: WindowExpression | undefined, compileText: CompileText) {
    this.#compileText = compileText;
    this.#textOf = compiled === undefined ? arg?.fn : undefined;
    this.#text = compiled?.text ?? "";
    this.running = compiled?.make();
  }
  /** @returns true when the event brought a new text. */
  update(e: Ev): boolean {
    if (this.#textOf === undefined) return false;
    const text = String(this.#textOf(e));
    if (text === this.#text && this.running !== undefined) return false;
    this.#text = text;
    this.running = this.#compileText(text).make();
    return true;
  }
  holds(type: 0 | 1 | 3, event: Ev, first: Ev, last: Ev): boolean {
    return this.running?.evaluate(type, event, first, last) === true;
  }
  save(): unknown {
    return [this.#text, this.running?.save()];
  }
  load([text, running]: [string, unknown]): void {
    if (this.#textOf !== undefined && text !== "") {
      this.#text = text;
      this.running = this.#compileText(text).make();
    }
    this.running?.load(running);
  }
}

/** Keeps events while the condition over them holds; drops from the oldest until it does again. */
class ExpressionWindow extends WindowProcessor {
  readonly #host: Host;
  readonly #condition: Condition;
  #events: Ev[] = [];
  constructor(host: Host, condition: Condition) {
    super();
    this.#host = host;
    this.#condition = condition;
  }
  contents(): readonly Ev[] {
    return this.#events;
  }
  size(): number {
    return this.#events.length;
  }
  process(chunk: Ev[]): void {
    const now = this.#host.now();
    const out: Ev[] = [];
    try {
      for (const e of chunk) {
        this.#host.charge(1);
        if (this.#condition.update(e)) {
          const kept = this.#events;
          this.#events = [];
          for (const k of kept) this.#add(k, out, now);
        }
        this.#add(copyAs(e, EXPIRED), out, now);
        out.push(e);
      }
    } finally {
      this.next.process(out);
    }
  }
  #add(e: Ev, out: Ev[], now: number): void {
    this.#events.push(e);
    if (this.#condition.holds(CURRENT, e, this.#events[0] ?? e, e)) return;
    while (this.#events.length > 0) {
      const leaving = this.#events.shift() as Ev; // length checked
      this.#host.charge(-1);
      out.push(leaving);
      leaving.ts = now;
      if (this.#condition.holds(EXPIRED, leaving, this.#events[0] ?? leaving, e)) return;
    }
  }
  override save(): unknown {
    return [this.#events, this.#condition.save()];
  }
  override load([events, condition]: [Ev[], [string, unknown]]): void {
    this.#events = events;
    this.#condition.load(condition);
  }
}

/** Gathers events while the condition holds and sends them as a batch when it ends. */
class ExpressionBatchWindow extends WindowProcessor {
  readonly #host: Host;
  readonly #condition: Condition;
  readonly #includesTrigger: (e: Ev) => boolean;
  readonly #streams: boolean;
  #current: Ev[] = [];
  #expired: Ev[] = [];
  constructor(host: Host, condition: Condition, includesTrigger: (e: Ev) => boolean, streams: boolean) {
    super();
    this.#host = host;
    this.#condition = condition;
    this.#includesTrigger = includesTrigger;
    this.#streams = streams;
  }
  contents(): readonly Ev[] {
    return this.#current;
  }
  size(): number {
    return this.#current.length + this.#expired.length;
  }
  process(chunk: Ev[]): void {
    const now = this.#host.now();
    const chunks: Ev[][] = [];
    try {
      for (const e of chunk) {
        this.#host.charge(1);
        const before = this.size() + 1;
        if (this.#condition.update(e)) this.#reprocess(now, chunks);
        if (this.#streams) this.#stream(e, now, chunks, true);
        else this.#fill(e, now, chunks);
        this.#host.charge(this.size() - before);
      }
    } finally {
      for (const c of chunks) this.next.process(c);
    }
  }
  #reprocess(now: number, chunks: Ev[][]): void {
    const kept = this.#streams ? this.#expired : this.#current;
    if (this.#streams) this.#expired = [];
    else this.#current = [];
    for (const k of kept) {
      if (this.#streams) this.#stream(k, now, chunks, false);
      else this.#fill(k, now, chunks);
    }
  }
  /** @returns true when the event stays in the batch; otherwise the aggregates start anew with it. */
  #stays(e: Ev, first: Ev): boolean {
    if (this.#condition.holds(CURRENT, e, first, e)) return true;
    this.#condition.holds(RESET, e, first, e);
    this.#condition.holds(CURRENT, e, first, e);
    return false;
  }
  #fill(e: Ev, now: number, chunks: Ev[][]): void {
    if (this.#stays(e, this.#current[0] ?? e)) {
      this.#current.push(e);
      return;
    }
    const out: Ev[] = [];
    for (const x of this.#expired) {
      x.ts = now;
      out.push(x);
    }
    this.#expired = [];
    if (this.#current.length > 0) {
      for (const c of this.#current) {
        c.ts = now;
        this.#expired.push(copyAs(c, EXPIRED));
        out.push(c);
      }
      this.#current = [];
      if (this.#includesTrigger(e)) {
        out.push(e);
        this.#expired.push(this.#leaving(e, now));
      } else {
        this.#current.push(e);
      }
    } else {
      out.push(this.#leaving(e, now));
      e.ts = now;
      out.push(e);
    }
    chunks.push(out);
  }
  #leaving(e: Ev, now: number): Ev {
    const copy = copyAs(e, EXPIRED);
    copy.ts = now;
    return copy;
  }
  #stream(e: Ev, now: number, chunks: Ev[][], isOutput: boolean): void {
    const out: Ev[] = [];
    const first = this.#expired[0] ?? e;
    if (isOutput && this.#current.length > 0) {
      out.push(...this.#current);
      this.#current = [];
    }
    if (this.#stays(e, first)) {
      this.#expired.push(copyAs(e, EXPIRED));
      if (isOutput) {
        out.push(e);
        chunks.push(out);
      }
      return;
    }
    if (this.#expired.length > 0) {
      for (const x of this.#expired) x.ts = now;
      const copy = copyAs(e, EXPIRED);
      if (this.#includesTrigger(e)) {
        out.push(e);
        copy.ts = now;
        (isOutput ? out : this.#current).push(...this.#expired, copy);
        this.#expired = [];
      } else {
        (isOutput ? out : this.#current).push(...this.#expired);
        out.push(e);
        this.#expired = [copy];
      }
    } else if (isOutput) {
      out.push(this.#leaving(e, now));
      e.ts = now;
      out.push(e);
    } else {
      this.#current.push(e);
    }
    if (isOutput) chunks.push(out);
  }
  override save(): unknown {
    return [this.#current, this.#expired, this.#condition.save()];
  }
  override load([current, expired, condition]: [Ev[], Ev[], [string, unknown]]): void {
    this.#current = current;
    this.#expired = expired;
    this.#condition.load(condition);
  }
}

function constantText(arg: Compiled | undefined): string | undefined {
  const value = arg?.constant?.value;
  return typeof value === "string" ? value : undefined;
}

export const expressionWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "expression",
  description: "A sliding window that keeps events while a condition over them holds.",
  parameters: [
    {
      name: "expression",
      types: ["string"],
      description: "A condition; it may use aggregators, `first` and `last`.",
      isDynamic: true,
    },
  ],
  overloads: [["expression"]],
  returns: [],
  examples: [
    {
      syntax: "from S#window.expression('sum(price) < 100') select price insert into Out;",
      description: "As many events as stay below 100 in sum.",
    },
  ],
  create: ({ args, compileText }) => {
    const text = constantText(args[0]);
    const compiled = text === undefined ? undefined : compileText(text);
    return (host) => new ExpressionWindow(host, new Condition(args[0], compiled, compileText));
  },
};

export const expressionBatchWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "expressionBatch",
  description: "A batch window that ends when a condition over its events no longer holds.",
  parameters: [
    {
      name: "expression",
      types: ["string", "bool"],
      description: "A condition; it may use aggregators, `first` and `last`.",
      isDynamic: true,
    },
    {
      name: "include.triggering.event",
      types: ["bool"],
      description: "Put the event that ends a batch into it.",
      isOptional: true,
      isDynamic: true,
      default: "false",
    },
    {
      name: "stream.current.event",
      types: ["bool"],
      description: "Pass events on at once and only expire them as a batch.",
      isOptional: true,
      default: "false",
    },
  ],
  overloads: [
    ["expression"],
    ["expression", "include.triggering.event"],
    ["expression", "include.triggering.event", "stream.current.event"],
  ],
  returns: [],
  examples: [
    {
      syntax:
        "from S#window.expressionBatch('last.symbol == first.symbol') select symbol, sum(price) as total insert into Out;",
      description: "A batch for every run of one symbol.",
    },
  ],
  create: ({ args, compileText }) => {
    const text = constantText(args[0]);
    const compiled = text === undefined ? undefined : compileText(text);
    const includes = args[1];
    const includesTrigger = includes === undefined ? () => false : (e: Ev) => includes.fn(e) === true;
    return (host) =>
      new ExpressionBatchWindow(
        host,
        new Condition(args[0], compiled, compileText),
        includesTrigger,
        args[2]?.constant?.value === true,
      );
  },
};
