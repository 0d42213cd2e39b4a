import { CepError } from "../cep-error.ts";
import type { Attribute, Ev } from "../event.ts";
import type { QueryOutput as OutputNode, Span } from "../parser/ast.ts";
import type { Table } from "../table/table.ts";
import { compileTableCondition, compileUpdates, TableScope } from "../table/table-condition.ts";
import type { Environment } from "./environment.ts";
import type { OutputTarget } from "./query-output.ts";
import { SingleScope } from "./scope.ts";

/** @throws CepError `TYPE_MISMATCH` unless names and types are the same, in the same order. */
export function checkSameAttributes(
  given: readonly Attribute[],
  wanted: readonly Attribute[],
  id: string,
  at: Span,
): void {
  const isSame =
    given.length === wanted.length &&
    given.every((g, i) => g.name === wanted[i]?.name && g.type === wanted[i]?.type);
  if (isSame) return;
  const list = (a: readonly Attribute[]) => a.map((x) => `${x.name} ${x.type}`).join(", ");
  throw new CepError(
    "TYPE_MISMATCH",
    `'${id}' is (${list(wanted)}) but the query puts out (${list(given)})`,
    {
      offset: at.start,
      length: at.end - at.start,
      expected: wanted.map((w) => `${w.name} ${w.type}`),
    },
  );
}

/** The target of `insert into T`, `delete T …`, `update T …` and `update or insert into T …`. */
export function tableTarget(
  node: OutputNode,
  table: Table,
  output: readonly Attribute[],
  env: Environment,
): OutputTarget {
  if (node.kind === "return")
    throw new CepError("NOT_SUPPORTED", "'return' has no target", {
      offset: node.start,
      length: node.end - node.start,
    });
  if (node.kind === "insert") {
    checkSameAttributes(output, table.attributes, table.id, node);
    return perRow((e) => table.insert(e.ts, e.row));
  }
  const outer = new SingleScope(env, { id: node.kind, ref: undefined, attributes: output, isMulti: false });
  const scope = new TableScope(table, outer, env);
  const condition = compileTableCondition(node.on, scope);
  if (node.kind === "delete") return perRow((e) => table.delete(condition, e));
  const updates = compileUpdates(node.set, scope, output, node);
  if (node.kind === "update") return perRow((e) => table.update(condition, updates, e));
  checkSameAttributes(output, table.attributes, table.id, node);
  return perRow((e) => table.update(condition, updates, e) > 0 || table.insert(e.ts, e.row));
}

function perRow(apply: (e: Ev) => unknown): OutputTarget {
  return {
    acceptOne: apply,
    accept(rows) {
      for (const e of rows) apply(e);
    },
  };
}
