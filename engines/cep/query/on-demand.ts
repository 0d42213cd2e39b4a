import { CepError } from "../cep-error.ts";
import { type Attribute, CURRENT, Ev } from "../event.ts";
import { compileCondition, compileExpression } from "../expression/compile-expression.ts";
import type { OnDemandQuery, Selector as SelectorNode } from "../parser/ast.ts";
import { NOWHERE } from "../runtime/processor.ts";
import { compileTableCondition, TableScope } from "../table/table-condition.ts";
import { type Environment, sourceOf } from "./environment.ts";
import { EmptyScope, SingleScope } from "./scope.ts";
import { compileSelector, Selector } from "./selector.ts";
import { tableTarget } from "./table-targets.ts";

/** The rows of an on-demand query with their attributes; rows are null when there are none. */
export interface OnDemandResult {
  readonly attributes: readonly Attribute[];
  readonly rows: OnDemandRow[] | null;
}

export type OnDemandRow = readonly unknown[];

/** Compiles an on-demand query to a function that runs it. @throws CepError */
export function compileOnDemand(query: OnDemandQuery, env: Environment): () => OnDemandResult {
  return query.kind === "find" ? compileFind(query, env) : compileWrite(query, env);
}

const ALL: SelectorNode = {
  attributes: undefined,
  groupBy: [],
  having: undefined,
  orderBy: [],
  limit: undefined,
  offset: undefined,
  start: 0,
  end: 0,
};

function compileFind(query: OnDemandQuery, env: Environment): () => OnDemandResult {
  const source = query.source as NonNullable<OnDemandQuery["source"]>; // find has a source
  const { kind, attributes } = sourceOf(env, source.id, query);
  if (kind === "stream") {
    throw new CepError(
      "NOT_SUPPORTED",
      `'${source.id}' is a stream: only tables, windows and aggregations can be asked`,
      { offset: query.start, length: query.end - query.start },
    );
  }
  if (kind !== "aggregation" && source.within !== undefined)
    throw new CepError("NOT_SUPPORTED", "'within … per' is for aggregations", {
      offset: query.start,
      length: 0,
    });
  const scope = new SingleScope(env, { id: source.id, ref: source.alias, attributes, isMulti: false });
  const candidates = candidatesOf(query, env, scope, kind);
  const plan = compileSelector(query.selector ?? ALL, scope, "current");
  return () => {
    const chunk = candidates().map((e) => new Ev(e.ts, CURRENT, e.row));
    const selector = new Selector(plan, NOWHERE, true);
    const out = chunk.length === 0 ? null : selector.execute(chunk);
    const rows = (out ?? []).flatMap((e) => (e.out === null ? [] : [e.out]));
    return { attributes: plan.output, rows: rows.length === 0 ? null : rows };
  };
}

function candidatesOf(
  query: OnDemandQuery,
  env: Environment,
  scope: SingleScope,
  kind: "table" | "window" | "aggregation",
): () => readonly Ev[] {
  const source = query.source as NonNullable<OnDemandQuery["source"]>; // find has a source
  if (kind === "table") {
    const table = env.tables.get(source.id);
    if (table === undefined) return () => [];
    const condition = compileTableCondition(source.on, new TableScope(table, undefined, env, source.alias));
    const nothing = new Ev(0, CURRENT, []);
    return () => table.find(condition, nothing);
  }
  const test = source.on === undefined ? undefined : compileCondition(source.on, scope).fn;
  const filter = (rows: readonly Ev[]) => (test === undefined ? rows : rows.filter((e) => test(e) === true));
  if (kind === "window") return () => filter(env.windows.get(source.id)?.contents() ?? []);
  const aggregation = env.aggregations.get(source.id);
  if (aggregation === undefined || source.within === undefined || source.per === undefined) {
    throw new CepError("SYNTAX", "A query of an aggregation needs 'within … per …'", {
      offset: query.start,
      length: query.end - query.start,
      expected: ["within"],
    });
  }
  const empty = new EmptyScope(env);
  const finder = aggregation.compileFind(
    source.within.map((w) => compileExpression(w, empty)),
    compileExpression(source.per, empty),
    query,
  );
  const nothing = new Ev(0, CURRENT, []);
  return () => filter(finder(nothing));
}

function compileWrite(query: OnDemandQuery, env: Environment): () => OnDemandResult {
  const output = query.output as NonNullable<OnDemandQuery["output"]>; // all but find have one
  const target = output.kind === "return" ? "" : output.target;
  const table = env.tables.get(target);
  if (table === undefined) {
    throw new CepError("UNKNOWN_STREAM", `There is no table '${target}'`, {
      offset: output.start,
      length: output.end - output.start,
      expected: [...env.tables.keys()],
    });
  }
  const hasSelection = query.selector?.attributes !== undefined;
  const plan = hasSelection
    ? compileSelector(query.selector as SelectorNode, new EmptyScope(env), "current")
    : undefined; // has attributes
  const sink = tableTarget(output, table, plan?.output ?? [], env);
  return () => {
    const e = new Ev(env.now(), CURRENT, []);
    sink.accept([new Ev(e.ts, CURRENT, plan === undefined ? [] : plan.makeRow(e))]);
    return { attributes: [], rows: null };
  };
}
