import type { Ev } from "../event.ts";
import { compileCondition, compileExpression } from "../expression/compile-expression.ts";
import type { Compiled } from "../expression/compiled.ts";
import { isNumeric, typeError } from "../expression/compiled.ts";
import { convertValue } from "../functions/core-functions.ts";
import type { Expression, SetAssignment, Span, StreamIndex, VariableExpression } from "../parser/ast.ts";
import { BaseScope, unknownAttribute, variableOf } from "../query/scope.ts";
import type { ColumnUpdate, Probe, RowUpdate, Table, TableCondition } from "./table.ts";

/** Attributes of a table row next to those of the event that looks for it; unqualified names are the event's. */
export class TableScope extends BaseScope {
  readonly table: Table;
  readonly alias: string | undefined;
  readonly outer: BaseScope | undefined;
  readonly cell: { row: unknown[] } = { row: [] };

  constructor(table: Table, outer: BaseScope | undefined, context: BaseScope["context"], alias?: string) {
    super(context, outer?.aggregators);
    this.table = table;
    this.outer = outer;
    this.alias = alias;
  }

  /** The column a variable means, if it is one of the table. */
  columnOf(node: VariableExpression): number | undefined {
    const isNamed =
      node.stream !== undefined && (node.stream === this.table.id || node.stream === this.alias);
    if (node.stream !== undefined && !isNamed) return undefined;
    if (!isNamed && this.outer !== undefined && resolves(this.outer, node)) return undefined;
    const column = this.table.attributes.findIndex((a) => a.name === node.attribute);
    return column >= 0 ? column : undefined;
  }

  variable(node: VariableExpression): Compiled {
    const column = this.columnOf(node);
    if (column !== undefined) {
      const { cell } = this;
      return { type: this.table.attributes[column]?.type ?? "object", fn: () => cell.row[column] };
    }
    if (this.outer !== undefined && node.stream !== this.table.id) return this.outer.variable(node);
    return unknownAttribute(
      node.attribute,
      this.table.attributes.map((a) => a.name),
      node,
    );
  }

  streamIsNull(stream: string, index: StreamIndex | undefined, at: Span): (e: Ev) => boolean {
    if (stream === this.table.id || stream === this.alias || this.outer === undefined) return () => false;
    return this.outer.streamIsNull(stream, index, at);
  }

  allAttributes(): VariableExpression[] {
    return this.table.attributes.map(({ name }) => variableOf(name));
  }
}

function resolves(scope: BaseScope, node: VariableExpression): boolean {
  try {
    scope.variable(node);
    return true;
  } catch {
    return false;
  }
}

/** Compiles a condition over a table, and finds the equalities that a key or an index can answer. */
export function compileTableCondition(node: Expression | undefined, scope: TableScope): TableCondition {
  if (node === undefined) return { cell: scope.cell, test: undefined, probe: undefined };
  const test = compileCondition(node, scope).fn;
  const equalities = equalitiesOf(
    node,
    scope.table,
    (v) => scope.columnOf(v),
    (e) => compileExpression(e, scope),
  );
  const probe = chooseProbe(scope.table, equalities);
  // One equality that the key answers needs no second test; a null equals nothing and is no key.
  const isAnswered = probe !== undefined && probe.columns.length === 1 && node.kind === "compare";
  return { cell: scope.cell, test: isAnswered ? undefined : test, probe };
}

/** The `column == expression` parts that all must hold, by column. */
export function equalitiesOf(
  node: Expression,
  table: Pick<Table, "attributes">,
  columnOf: (v: VariableExpression) => number | undefined,
  compile: (e: Expression) => Compiled,
): Map<number, (e: Ev) => unknown> {
  const found = new Map<number, (e: Ev) => unknown>();
  const visit = (n: Expression): void => {
    if (n.kind === "and") {
      visit(n.left);
      visit(n.right);
    } else if (n.kind === "compare" && n.op === "==") {
      for (const [column, value] of [
        [n.left, n.right],
        [n.right, n.left],
      ] as const) {
        const index = column.kind === "variable" ? columnOf(column) : undefined;
        if (index === undefined || mentions(value, columnOf)) continue;
        const compiled = compile(value);
        const type = table.attributes[index]?.type;
        const isExact = (t: string | undefined) => t === "int" || t === "long" || t === "double";
        if (compiled.type === type || (isExact(compiled.type) && isExact(type)))
          found.set(index, compiled.fn);
        return;
      }
    }
  };
  visit(node);
  return found;
}

function mentions(node: Expression, columnOf: (v: VariableExpression) => number | undefined): boolean {
  switch (node.kind) {
    case "variable":
      return columnOf(node) !== undefined;
    case "constant":
      return false;
    case "math":
    case "compare":
    case "and":
    case "or":
      return mentions(node.left, columnOf) || mentions(node.right, columnOf);
    case "not":
    case "isNull":
      return mentions(node.operand, columnOf);
    case "function":
      return node.isStar || node.args.some((a) => mentions(a, columnOf));
    default:
      return true;
  }
}

/** The primary key when all of it is given, else any index. */
export function chooseProbe(table: Table, equalities: Map<number, (e: Ev) => unknown>): Probe | undefined {
  const key = table.primaryKey.map((c) => equalities.get(c));
  if (key.length > 0 && key.every((v) => v !== undefined)) return { columns: table.primaryKey, values: key };
  for (const column of table.indexed) {
    const value = equalities.get(column);
    if (value !== undefined) return { columns: [column], values: [value] };
  }
  return undefined;
}

/**
 * Compiles `set T.a = …`; without it every output attribute that is a column is set.
 * @throws CepError `UNKNOWN_ATTRIBUTE`, `TYPE_MISMATCH`
 */
export function compileUpdates(
  set: SetAssignment[] | undefined,
  scope: TableScope,
  output: readonly { name: string; type: string }[],
  at: Span,
): RowUpdate {
  const { table } = scope;
  const columns = table.attributes.map((a) => a.name);
  if (set === undefined) {
    const own = output.map(({ name, type }, i): ColumnUpdate => {
      const column = columns.indexOf(name);
      if (column < 0) unknownAttribute(name, columns, at);
      if (table.attributes[column]?.type !== type)
        typeError(`'${name}' is ${type} but ${table.attributes[column]?.type} in ${table.id}`, at);
      return { column, fn: (e) => e.row[i] };
    });
    return { columns: own, isWhole: own.length === columns.length && own.every((u, i) => u.column === i) };
  }
  const assigned = set.map(({ variable, value }): ColumnUpdate => {
    const column = columns.indexOf(variable.attribute);
    if (
      column < 0 ||
      (variable.stream !== undefined && variable.stream !== table.id && variable.stream !== scope.alias)
    )
      unknownAttribute(variable.attribute, columns, variable);
    const compiled = compileExpression(value, scope);
    const type = table.attributes[column]?.type ?? "object";
    if (compiled.type === type) return { column, fn: compiled.fn };
    if (!isNumeric(type) || !isNumeric(compiled.type))
      typeError(`'${variable.attribute}' is ${type} but set to ${compiled.type}`, value, [type]);
    return { column, fn: (e) => convertValue(compiled.fn(e), compiled.type, type) };
  });
  return { columns: assigned, isWhole: false };
}
