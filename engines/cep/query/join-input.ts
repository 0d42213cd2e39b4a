import type { Aggregation, AggregationFinder } from "../aggregation/aggregation.ts";
import { CepError } from "../cep-error.ts";
import { type Attribute, Ev, EXPIRED, RESET, TIMER } from "../event.ts";
import { compileCondition, compileExpression } from "../expression/compile-expression.ts";
import type { Expression, JoinInput, SingleInput, VariableExpression } from "../parser/ast.ts";
import { type Receiver, receiverOf } from "../runtime/junction.ts";
import { Processor, type Sink } from "../runtime/processor.ts";
import type { Table, TableCondition } from "../table/table.ts";
import { chooseProbe, equalitiesOf } from "../table/table-condition.ts";
import { EmptyWindow } from "../windows/timed-batches.ts";
import type { WindowProcessor } from "../windows/window.ts";
import { type Environment, type SourceKind, sourceOf } from "./environment.ts";
import { compileHandlers, Expansion, Filter, type HandlerPlan, StreamFunction } from "./handlers.ts";
import type { InputPlan } from "./input-plan.ts";
import type { QueryInstance } from "./instance.ts";
import type { QueryOutput } from "./query-output.ts";
import { StateScope } from "./scope.ts";
import type { Selector } from "./selector.ts";

interface Side {
  readonly input: SingleInput;
  readonly kind: SourceKind;
  readonly attributes: readonly Attribute[];
  readonly plans: HandlerPlan[];
}

/** Gives the rows of the other side that match; `state` has the event of this side in its slot. */
type Finder = (state: Ev) => readonly Ev[];

/** Compiles a join of streams, windows, tables and aggregations. */
export function compileJoinInput(
  join: JoinInput,
  env: Environment,
  expectsExpired: boolean,
  text: string,
): InputPlan {
  const sides = [
    compileSide(join.left, env, expectsExpired),
    compileSide(join.right, env, expectsExpired),
  ] as const;
  checkSides(join, sides);
  const slots = sides.map((s) => ({
    id: s.input.id,
    ref: s.input.alias,
    attributes: s.attributes,
    isMulti: false,
  }));
  const scope = new StateScope(env, slots);
  const test = join.on === undefined ? undefined : compileCondition(join.on, scope).fn;
  const finders = sides.map((_, i) => finderOf(join, sides[1 - i] as Side, 1 - i, env, scope, test)) as [
    FinderMaker,
    FinderMaker,
  ]; // two sides
  const triggers = [0, 1].map((i) => isTrigger(join, i, sides[i] as Side)) as [boolean, boolean]; // two sides
  const outer = [
    join.type === "left" || join.type === "full",
    join.type === "right" || join.type === "full",
  ] as const;
  return {
    scope,
    isWindowed: true,
    streams: sides.filter((s) => s.kind === "stream" || s.kind === "window").map((s) => s.input.id),
    signature: text.slice(join.start, join.end) + JSON.stringify(slots),
    instantiate(instance, selector, output) {
      const windows: (WindowProcessor | undefined)[] = [];
      const heads: (Sink | undefined)[] = [];
      const posts = sides.map(
        (_, i) => new JoinProcessor(i as 0 | 1, triggers[i] === true, outer[i] === true, selector),
      ); // two sides
      sides.forEach((side, i) => {
        const built = buildSide(side, i, instance, posts[i] as JoinProcessor, expectsExpired, this.signature); // one each
        windows.push(built.window);
        heads.push(built.head);
      });
      posts.forEach((post, i) => {
        post.find = (finders[i] as FinderMaker)(windows[1 - i]); // one each
      });
      addEntries(sides, heads, instance, output);
    },
  };
}

type FinderMaker = (window: WindowProcessor | undefined) => Finder;

function compileSide(input: SingleInput, env: Environment, expectsExpired: boolean): Side {
  const source = sourceOf(env, input.id, input);
  if (source.kind !== "stream" && input.handlers.some((h) => h.kind === "window")) {
    throw new CepError("NOT_SUPPORTED", `A window on the ${source.kind} '${input.id}' makes no sense`, {
      offset: input.start,
      length: input.end - input.start,
    });
  }
  const chain = compileHandlers(input, source.attributes, env, expectsExpired, true);
  return { input, kind: source.kind, attributes: chain.attributes, plans: chain.plans };
}

function checkSides(join: JoinInput, [left, right]: readonly [Side, Side]): void {
  const at = { offset: join.start, length: join.end - join.start };
  const isStatic = (s: Side) => s.kind === "table" || s.kind === "aggregation";
  if (isStatic(left) && isStatic(right))
    throw new CepError("NOT_SUPPORTED", "One side of a join must be a stream or a window", at);
  const hasAggregation = left.kind === "aggregation" || right.kind === "aggregation";
  if (!hasAggregation && join.within !== undefined)
    throw new CepError("NOT_SUPPORTED", "'within … per' is for joins with an aggregation", at);
  if (hasAggregation && join.within === undefined) {
    throw new CepError("SYNTAX", "A join with an aggregation needs 'within … per …'", {
      ...at,
      expected: ["within"],
    });
  }
  const names = [left, right].map((s) => s.input.alias ?? s.input.id);
  if (names[0] === names[1])
    throw new CepError("AMBIGUOUS_ATTRIBUTE", `Both sides of the join are called '${names[0]}'`, {
      ...at,
      expected: ["as"],
    });
}

function isTrigger(join: JoinInput, i: number, side: Side): boolean {
  if (side.kind === "table" || side.kind === "aggregation") return false;
  return join.unidirectional === undefined || join.unidirectional === (i === 0 ? "left" : "right");
}

function finderOf(
  join: JoinInput,
  other: Side,
  slot: number,
  env: Environment,
  scope: StateScope,
  test: ((e: Ev) => unknown) | undefined,
): FinderMaker {
  switch (other.kind) {
    case "table":
      return () => tableFinder(env.tables.get(other.input.id) as Table, join.on, slot, scope, test); // checked by sourceOf
    case "aggregation": {
      const aggregation = env.aggregations.get(other.input.id) as Aggregation; // checked by sourceOf
      const finder = aggregationFinder(aggregation, join, slot, scope, env);
      return () => scan(finder, slot, test);
    }
    case "window": {
      const window = env.windows.get(other.input.id);
      const search = searchOf(join.on, slot, scope, test);
      return () => (window === undefined ? () => [] : search(window));
    }
    case "stream": {
      const search = searchOf(join.on, slot, scope, test);
      return (window) => (window === undefined ? () => [] : search(window));
    }
  }
}

function aggregationFinder(
  aggregation: Aggregation,
  join: JoinInput,
  slot: number,
  scope: StateScope,
  env: Environment,
): (state: Ev) => readonly Ev[] {
  const stream = new StateScope(env, scope.slots, 1 - slot);
  const within = (join.within ?? []).map((w) => compileExpression(w, stream));
  const per = compileExpression(join.per as Expression, stream); // `within` comes with `per`
  const finder: AggregationFinder = aggregation.compileFind(within, per, join);
  return (state) => finder(state);
}

function scan(
  candidates: (state: Ev) => readonly Ev[],
  slot: number,
  test: ((e: Ev) => unknown) | undefined,
): Finder {
  if (test === undefined) return candidates;
  return (state) => {
    const found: Ev[] = [];
    for (const candidate of candidates(state)) {
      state.row[slot] = candidate;
      if (test(state) === true) found.push(candidate);
    }
    state.row[slot] = null;
    return found;
  };
}

/** What both windows and named windows offer to a search. */
interface Searchable {
  collect(column: number, value: unknown, into: Ev[]): void;
}

/** Looks a window through by one `column == value` of the condition first, then tests what is left. */
function searchOf(
  on: Expression | undefined,
  slot: number,
  scope: StateScope,
  test: ((e: Ev) => unknown) | undefined,
): (window: Searchable) => Finder {
  const other = { attributes: scope.slots[slot]?.attributes ?? [] };
  const equalities =
    on === undefined
      ? []
      : [
          ...equalitiesOf(
            on,
            other,
            (v) => columnIn(scope, slot, v),
            (e) => compileExpression(e, scope),
          ),
        ];
  const [equality] = equalities;
  const isWhole = on?.kind === "compare" && equality !== undefined;
  const rest = isWhole ? undefined : test;
  return (window) => (state) => {
    const found: Ev[] = [];
    if (equality === undefined) window.collect(-1, null, found);
    else {
      const value = equality[1](state);
      if (value !== null && value !== undefined) window.collect(equality[0], value, found);
    }
    if (rest === undefined || found.length === 0) return found;
    const fitting: Ev[] = [];
    for (const candidate of found) {
      state.row[slot] = candidate;
      if (rest(state) === true) fitting.push(candidate);
    }
    state.row[slot] = null;
    return fitting;
  };
}

function columnIn(scope: StateScope, slot: number, node: VariableExpression): number | undefined {
  const { variable } = scope.variable(node);
  return variable?.slot === slot ? variable.index : undefined;
}

function tableFinder(
  table: Table,
  on: Expression | undefined,
  slot: number,
  scope: StateScope,
  test: ((e: Ev) => unknown) | undefined,
): Finder {
  if (test === undefined || on === undefined) return () => [...table.rows()];
  const equalities = equalitiesOf(
    on,
    table,
    (v) => columnIn(scope, slot, v),
    (e) => compileExpression(e, scope),
  );
  const probe = chooseProbe(table, equalities);
  const condition: TableCondition = { cell: { row: [] }, test: undefined, probe };
  return (state) => {
    const found: Ev[] = [];
    for (const candidate of table.find(condition, state)) {
      state.row[slot] = candidate;
      if (test(state) === true) found.push(candidate);
    }
    state.row[slot] = null;
    return found;
  };
}

function buildSide(
  side: Side,
  i: number,
  instance: QueryInstance,
  post: JoinProcessor,
  expectsExpired: boolean,
  signature: string,
): { head: Sink | undefined; window: WindowProcessor | undefined } {
  if (side.kind === "table" || side.kind === "aggregation") return { head: undefined, window: undefined };
  const processors: Processor[] = [];
  let window: WindowProcessor | undefined;
  const prefix = i === 0 ? "left" : "right";
  side.plans.forEach((plan, n) => {
    const path = `${prefix}${n}:${plan.kind}`;
    if (plan.kind === "filter")
      processors.push(instance.operator(path, signature, () => new Filter(plan.test)));
    else if (plan.kind === "function")
      processors.push(instance.operator(path, signature, () => new StreamFunction(plan.make(instance))));
    else if (plan.kind === "expansion")
      processors.push(instance.operator(path, signature, () => new Expansion(plan.expand)));
    else {
      window = instance.operator(path, signature, () => plan.make(instance));
      processors.push(window);
    }
  });
  if (side.kind === "stream" && window === undefined) {
    window = instance.operator(`${prefix}:none`, signature, () => new EmptyWindow(instance, expectsExpired));
    processors.push(window);
  }
  processors.push(post);
  for (let n = 0; n + 1 < processors.length; n++)
    (processors[n] as Processor).next = processors[n + 1] as Processor; // in range
  return { head: processors[0], window };
}

function addEntries(
  sides: readonly [Side, Side],
  heads: readonly (Sink | undefined)[],
  instance: QueryInstance,
  output: QueryOutput,
): void {
  const [left, right] = heads;
  if (sides[0].input.id !== sides[1].input.id || left === undefined || right === undefined) {
    heads.forEach((head, i) => {
      if (head !== undefined)
        instance.entries.push({ stream: (sides[i] as Side).input.id, receiver: entryOf([head], undefined) }); // in range
    });
    return;
  }
  // One stream on both sides: each event passes the left side, then the right; a window feeds the left side only.
  const shared = sides[0].kind === "window" ? [left] : [left, right];
  instance.entries.push({ stream: sides[0].input.id, receiver: entryOf(shared, output) });
}

function entryOf(heads: readonly Sink[], output: QueryOutput | undefined): Receiver {
  const pass = (chunk: readonly Ev[]) => {
    if (output === undefined) {
      for (const head of heads) head.process(chunk.map((e) => new Ev(e.ts, e.type, e.row)));
      return;
    }
    for (const e of chunk) {
      for (const head of heads) {
        head.process([new Ev(e.ts, e.type, e.row)]);
        output.endBatch();
      }
    }
  };
  const [head] = heads;
  if (output === undefined && head !== undefined)
    return { receive: pass, receiveOne: (e) => head.processOne(new Ev(e.ts, e.type, e.row)) };
  return receiverOf((chunk) => {
    output?.hold();
    try {
      pass(chunk);
    } finally {
      output?.release();
    }
  });
}

/** Behind a side's window: joins each event that comes or goes with what it finds on the other side. */
class JoinProcessor extends Processor {
  readonly #slot: 0 | 1;
  readonly #isTrigger: boolean;
  readonly #isOuter: boolean;
  readonly #selector: Selector;
  readonly #state = new Ev(0, 0, [null, null]);
  find: Finder = () => [];

  constructor(slot: 0 | 1, isTriggering: boolean, isOuter: boolean, selector: Selector) {
    super();
    this.#slot = slot;
    this.#isTrigger = isTriggering;
    this.#isOuter = isOuter;
    this.#selector = selector;
  }

  process(chunk: Ev[]): void {
    if (!this.#isTrigger) return;
    const chunks: Ev[][] = [];
    for (const e of chunk) {
      if (e.type === TIMER) continue;
      if (e.type === RESET) {
        chunks.push([this.#pair(e, null)]);
        continue;
      }
      if (e.type === EXPIRED && this.#selector.ignoresExpired) continue;
      const found = this.#search(e);
      if (found.length > 0) {
        const pairs: Ev[] = [];
        for (const other of found) pairs.push(this.#pair(e, other));
        chunks.push(pairs);
      } else if (this.#isOuter) chunks.push([this.#pair(e, null)]);
    }
    if (chunks.length > 0) this.#selector.processAll(chunks);
  }

  override processOne(e: Ev): void {
    if (!this.#isTrigger) return;
    if (e.type === TIMER || e.type === RESET) {
      this.process([e]);
      return;
    }
    const found = this.#search(e);
    if (found.length === 1)
      this.#selector.processOne(this.#pair(e, found[0] as Ev)); // length checked
    else if (found.length > 1) this.#selector.process(found.map((other) => this.#pair(e, other)));
    else if (this.#isOuter) this.#selector.processOne(this.#pair(e, null));
  }

  override processPair(a: Ev, b: Ev): void {
    // What leaves only matters when the output, or an aggregate, takes expired pairs.
    if (a.type === EXPIRED && this.#selector.ignoresExpired) {
      this.processOne(b);
      return;
    }
    this.process([a, b]);
  }

  #search(e: Ev): readonly Ev[] {
    this.#state.ts = e.ts;
    this.#state.row[this.#slot] = e;
    const found = this.find(this.#state);
    this.#state.row[this.#slot] = null;
    return found;
  }

  #pair(e: Ev, other: Ev | null): Ev {
    return new Ev(e.ts, e.type, this.#slot === 0 ? [e, other] : [other, e]);
  }
}
