import { CepError } from "../cep-error.ts";
import { type Attribute, CURRENT, type Ev, EXPIRED, RESET } from "../event.ts";
import { compileCondition, compileExpression } from "../expression/compile-expression.ts";
import { type Compiled, constantNumber } from "../expression/compiled.ts";
import { valueToString } from "../expression/java-number.ts";
import type {
  OutputAttribute,
  OutputEventType,
  Selector as SelectorNode,
  VariableExpression,
} from "../parser/ast.ts";
import { Processor, type Sink } from "../runtime/processor.ts";
import { Aggregates, AggregatorSet } from "./aggregator-set.ts";
import { type BaseScope, OutputScope } from "./scope.ts";

type RowMaker = (e: Ev) => unknown[];
type Comparator = (a: Ev, b: Ev) => number;

/** A compiled `select … group by … having … order by … limit … offset`, without state. */
export interface SelectorPlan {
  readonly output: readonly Attribute[];
  readonly aggregators: AggregatorSet;
  readonly makeRow: RowMaker;
  readonly having: ((e: Ev) => unknown) | undefined;
  readonly keyOf: ((e: Ev) => unknown) | undefined;
  readonly compare: Comparator | undefined;
  readonly limit: number | undefined;
  readonly offset: number | undefined;
  readonly currentOn: boolean;
  readonly expiredOn: boolean;
  /** Positions of the output that are a bare aggregate; the snapshot limiters need them. */
  readonly aggregatePositions: readonly number[];
}

/** @throws CepError on anything that does not compile, two attributes of one name, or a limit below zero. */
export function compileSelector(
  node: SelectorNode,
  scope: BaseScope,
  eventType: OutputEventType,
): SelectorPlan {
  const aggregators = new AggregatorSet();
  scope.aggregators = aggregators;
  const attributes = node.attributes ?? allAttributes(scope, node);
  const compiled = attributes.map((a) => compileExpression(a.expression, scope));
  const output = attributes.map((a, i) => ({ name: a.name, type: (compiled[i] as Compiled).type })); // one each
  const aggregatePositions = attributes.flatMap((a, i) =>
    isBareAggregate(a, scope, compiled[i]) ? [i] : [],
  );
  scope.aggregators = undefined;
  const outputScope = new OutputScope(scope, output, aggregators);
  const having = node.having === undefined ? undefined : compileCondition(node.having, outputScope).fn;
  const keyOf = compileKey(node.groupBy, scope);
  outputScope.aggregators = undefined;
  const compare = compileOrder(node.orderBy, outputScope);
  return {
    output,
    aggregators,
    makeRow: rowMaker(compiled.map((c) => c.fn)),
    having,
    keyOf,
    compare,
    limit: constantCount(node.limit, "limit", outputScope),
    offset: constantCount(node.offset, "offset", outputScope),
    currentOn: eventType !== "expired",
    expiredOn: eventType !== "current",
    aggregatePositions,
  };
}

function isBareAggregate(a: OutputAttribute, scope: BaseScope, c: Compiled | undefined): boolean {
  return (
    c?.hasAggregator === true &&
    a.expression.kind === "function" &&
    scope.context.registry.aggregator(a.expression.namespace, a.expression.name) !== undefined
  );
}

function allAttributes(scope: BaseScope, node: SelectorNode): OutputAttribute[] {
  const seen = new Set<string>();
  return scope.allAttributes().map((v) => {
    if (seen.has(v.attribute)) {
      throw new CepError(
        "DUPLICATE_ATTRIBUTE",
        `'${v.attribute}' is in more than one input, so '*' is ambiguous`,
        { offset: node.start, length: node.end - node.start },
      );
    }
    seen.add(v.attribute);
    return { name: v.attribute, expression: v, start: node.start, end: node.end };
  });
}

function constantCount(node: SelectorNode["limit"], name: string, scope: BaseScope): number | undefined {
  if (node === undefined) return undefined;
  const compiled = compileExpression(node, scope);
  const value = constantNumber(compiled);
  if (value === undefined || value < 0 || (compiled.type !== "int" && compiled.type !== "long")) {
    throw new CepError("WRONG_PARAMETERS", `'${name}' takes a constant whole number of 0 or more`, {
      offset: node.start,
      length: node.end - node.start,
    });
  }
  return value;
}

/** The group of an event: the value itself for one attribute, a joined text for several. */
export function compileKey(
  groupBy: readonly VariableExpression[],
  scope: BaseScope,
): ((e: Ev) => unknown) | undefined {
  if (groupBy.length === 0) return undefined;
  const parts = groupBy.map((v) => compileExpression(v, scope));
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && only.type !== "object") return only.fn;
  return (e) => {
    let key = "";
    for (const part of parts) key += `${valueToString(part.fn(e), part.type)}::`;
    return key;
  };
}

function compileOrder(orderBy: SelectorNode["orderBy"], scope: BaseScope): Comparator | undefined {
  if (orderBy.length === 0) return undefined;
  const keys = orderBy.map((o) => ({
    fn: compileExpression(o.variable, scope).fn as (e: Ev) => never,
    sign: o.descending ? -1 : 1,
  })); // values of one attribute compare
  return (a, b) => {
    for (const { fn, sign } of keys) {
      const x = fn(a);
      const y = fn(b);
      if (x === null || y === null) {
        if (x === y) continue;
        return x === null ? 1 : -1; // nulls last, in either order
      }
      if (x < y) return -sign;
      if (x > y) return sign;
    }
    return 0;
  };
}

/** Array literals of a fixed length keep the rows packed and of one shape. */
function rowMaker(fns: readonly ((e: Ev) => unknown)[]): RowMaker {
  const [a, b, c, d] = fns;
  if (fns.length === 1 && a) return (e) => [a(e)];
  if (fns.length === 2 && a && b) return (e) => [a(e), b(e)];
  if (fns.length === 3 && a && b && c) return (e) => [a(e), b(e), c(e)];
  if (fns.length === 4 && a && b && c && d) return (e) => [a(e), b(e), c(e), d(e)];
  return (e) => fns.map((fn) => fn(e));
}

/**
 * The selector of one query instance. A chunk is a batch: with aggregates only its last event comes out, with
 * `group by` the last of each group, as Siddhi does; a snapshot limiter turns that off.
 */
export class Selector extends Processor {
  readonly #plan: SelectorPlan;
  /** Absent when the query has no aggregates. */
  readonly #aggregates: Aggregates | undefined;
  readonly #batching: boolean;

  constructor(plan: SelectorPlan, next: Sink, batching: boolean) {
    super();
    this.#plan = plan;
    this.next = next;
    this.#batching = batching;
    this.#aggregates = plan.aggregators.isEmpty
      ? undefined
      : new Aggregates(plan.aggregators, plan.keyOf !== undefined);
  }

  /** True when expired events leave no trace: neither aggregates nor the output take them. */
  get ignoresExpired(): boolean {
    return this.#aggregates === undefined && !this.#plan.expiredOn;
  }

  process(chunk: Ev[]): void {
    const out = this.execute(chunk);
    if (out !== null) this.next.process(out);
  }

  override processOne(e: Ev): void {
    if (
      this.#plan.compare !== undefined ||
      this.#plan.limit !== undefined ||
      this.#plan.offset !== undefined ||
      (e.type !== CURRENT && e.type !== EXPIRED)
    ) {
      this.process([e]);
      return;
    }
    const { keyOf } = this.#plan;
    if (keyOf !== undefined) e.key = keyOf(e);
    if (this.#select(e, e.key)) this.next.processOne(e);
  }

  override processPair(a: Ev, b: Ev): void {
    const plan = this.#plan;
    // The common pair of a sliding window: one leaves unseen, one comes.
    const aggregates = this.#aggregates;
    if (a.type !== EXPIRED || plan.expiredOn || aggregates === undefined || b.type !== CURRENT) {
      this.process([a, b]);
      return;
    }
    aggregates.update(a, plan.keyOf === undefined ? undefined : plan.keyOf(a));
    this.processOne(b);
  }

  /** Several chunks at once, as a join makes them: each is a batch of its own, what comes out is one chunk. */
  processAll(chunks: readonly Ev[][]): void {
    const all: Ev[] = [];
    let hasOutput = false;
    for (const chunk of chunks) {
      const out = this.execute(chunk);
      if (out === null) continue;
      hasOutput = true;
      for (const e of out) all.push(e);
    }
    if (hasOutput) this.next.process(all);
  }

  execute(chunk: Ev[]): Ev[] | null {
    if (this.#plan.keyOf !== undefined)
      return this.#batching
        ? this.#lastPerGroup(chunk, this.#plan.keyOf)
        : this.#eachGrouped(chunk, this.#plan.keyOf);
    return this.#aggregates !== undefined && this.#batching ? this.#last(chunk) : this.#each(chunk);
  }

  /** Fills `out`; true when the event is one to send. */
  #select(e: Ev, key: unknown): boolean {
    const plan = this.#plan;
    if (this.#aggregates !== undefined) this.#aggregates.update(e, key);
    if (e.type === CURRENT ? !plan.currentOn : !plan.expiredOn) return false;
    e.out = plan.makeRow(e);
    return plan.having === undefined || plan.having(e) === true;
  }

  #each(chunk: Ev[]): Ev[] | null {
    const out: Ev[] = [];
    for (const e of chunk) {
      if (e.type === CURRENT || e.type === EXPIRED) {
        if (this.#select(e, undefined)) out.push(e);
      } else if (e.type === RESET) {
        this.#aggregates?.reset();
        out.push(e);
      }
    }
    const cut = this.#arrange(out);
    return cut.length === 0 ? null : cut;
  }

  #last(chunk: Ev[]): Ev[] | null {
    let last: Ev | null = null;
    for (const e of chunk) {
      if (e.type === CURRENT || e.type === EXPIRED) {
        if (this.#select(e, undefined)) last = e;
      } else if (e.type === RESET) this.#aggregates?.reset();
    }
    if (last === null) return null;
    const { limit, offset } = this.#plan;
    return (offset ?? 0) === 0 && limit !== 0 ? [last] : [];
  }

  #lastPerGroup(chunk: Ev[], keyOf: (e: Ev) => unknown): Ev[] | null {
    if (chunk.length === 1) {
      const e = chunk[0] as Ev; // length checked
      if (e.type === CURRENT || e.type === EXPIRED) {
        e.key = keyOf(e);
        if (!this.#select(e, e.key)) return null;
        return this.#plan.limit === undefined && this.#plan.offset === undefined
          ? chunk
          : this.#arrange(chunk);
      }
    }
    const groups = new Map<unknown, Ev>();
    for (const e of chunk) {
      if (e.type === CURRENT || e.type === EXPIRED) {
        e.key = keyOf(e);
        if (this.#select(e, e.key)) groups.set(e.key, e);
      } else if (e.type === RESET) this.#aggregates?.reset();
    }
    return groups.size === 0 ? null : this.#arrange([...groups.values()]);
  }

  #eachGrouped(chunk: Ev[], keyOf: (e: Ev) => unknown): Ev[] | null {
    const out: Ev[] = [];
    for (const e of chunk) {
      if (e.type === CURRENT || e.type === EXPIRED) {
        e.key = keyOf(e);
        if (this.#select(e, e.key)) out.push(e);
      } else if (e.type === RESET) this.#aggregates?.reset();
    }
    return out.length === 0 ? null : out;
  }

  /** Order, offset and limit; reset events are no rows and go in front. */
  #arrange(events: Ev[]): Ev[] {
    const { compare, limit, offset } = this.#plan;
    if (compare === undefined && limit === undefined && offset === undefined) return events;
    const resets = events.filter((e) => e.type === RESET);
    let rows = events.filter((e) => e.type !== RESET);
    if (compare !== undefined) rows.sort(compare);
    const from = offset ?? 0;
    if (from > 0 || limit !== undefined)
      rows = rows.slice(from, limit === undefined ? undefined : from + limit);
    return [...resets, ...rows];
  }

  override save(): unknown {
    return this.#aggregates?.save();
  }
  override load(saved: unknown): void {
    if (saved !== undefined) this.#aggregates?.load(saved);
  }
}
