import { CepError } from "../cep-error.ts";
import { type Attribute, Ev } from "../event.ts";
import { isNumeric } from "../expression/compiled.ts";
import { type Annotation, annotationOf, type Span } from "../parser/ast.ts";

/** A way to look rows up by equality: the columns and what they must equal. */
export interface Probe {
  readonly columns: readonly number[];
  readonly values: readonly ((e: Ev) => unknown)[];
}

/** A compiled condition over a table: `cell.row` is the table row under test. */
export interface TableCondition {
  readonly cell: { row: unknown[] };
  /** Undefined when every row fits. */
  readonly test: ((e: Ev) => unknown) | undefined;
  readonly probe: Probe | undefined;
}

/** One `column = expression` of an update; evaluated with `cell.row` at the row to change. */
export interface ColumnUpdate {
  readonly column: number;
  readonly fn: (e: Ev) => unknown;
}

/** The columns an update sets; a whole row when the event's own row takes the place of the table's. */
export interface RowUpdate {
  readonly columns: readonly ColumnUpdate[];
  readonly isWhole: boolean;
}

/** Rows in memory, in order of insertion, with an optional primary key and hash indexes. */
export class Table {
  readonly id: string;
  readonly attributes: readonly Attribute[];
  readonly primaryKey: readonly number[];
  readonly indexed: readonly number[];
  readonly #charge: (rows: number) => void;
  readonly #report: (error: CepError) => void;
  /** One for all rows: it names none of them, and making an error costs more than the insert. */
  readonly #taken: CepError;
  /** Siddhi keeps the rows of a table with one numeric key in a sorted map. */
  readonly #sortColumn: number | undefined;
  #rows = new Set<Ev>();
  #byKey = new Map<unknown, Ev>();
  #byColumn = new Map<number, Map<unknown, Set<Ev>>>();

  /** @throws CepError `WRONG_ANNOTATION` on keys and indexes that name no attribute, or stand twice. */
  constructor(
    id: string,
    attributes: readonly Attribute[],
    annotations: readonly Annotation[],
    at: Span,
    charge: (rows: number) => void,
    report: (error: CepError) => void,
  ) {
    this.id = id;
    this.attributes = attributes;
    this.#charge = charge;
    this.#report = report;
    this.#taken = new CepError("RUNTIME", `The table '${id}' dropped a row: its primary key is taken`);
    if (annotationOf(annotations, "IndexBy") !== undefined)
      throw new CepError("NOT_SUPPORTED", "There is no @IndexBy", {
        offset: at.start,
        length: 1,
        suggestion: "@PrimaryKey or @Index",
      });
    this.primaryKey = columnsOf("PrimaryKey", attributes, annotations, at);
    this.indexed = columnsOf("Index", attributes, annotations, at);
    for (const column of this.indexed) this.#byColumn.set(column, new Map());
    const [key] = this.primaryKey;
    this.#sortColumn =
      this.primaryKey.length === 1 && key !== undefined && isNumeric(attributes[key]?.type ?? "object")
        ? key
        : undefined;
  }

  get size(): number {
    return this.#rows.size;
  }

  rows(): Iterable<Ev> {
    return this.#rows;
  }

  #keyOf(row: readonly unknown[]): unknown {
    const [only] = this.primaryKey;
    return this.primaryKey.length === 1 && only !== undefined
      ? row[only]
      : this.primaryKey.map((c) => String(row[c])).join("\u0000");
  }

  /** Adds a row; one whose primary key is taken is dropped and reported, as in Siddhi. @returns whether it was added. */
  insert(ts: number, row: readonly unknown[]): boolean {
    const e = new Ev(ts, 0, row.slice());
    if (this.primaryKey.length > 0) {
      const key = this.#keyOf(row);
      if (this.#byKey.has(key)) {
        this.#report(this.#taken);
        return false;
      }
      this.#charge(1);
      this.#byKey.set(key, e);
    } else {
      this.#charge(1);
    }
    this.#rows.add(e);
    this.#index(e);
    return true;
  }

  #index(e: Ev): void {
    for (const [column, values] of this.#byColumn) {
      const rows = values.get(e.row[column]);
      if (rows === undefined) values.set(e.row[column], new Set([e]));
      else rows.add(e);
    }
  }

  #unindex(e: Ev): void {
    for (const [column, values] of this.#byColumn) {
      const rows = values.get(e.row[column]);
      rows?.delete(e);
      if (rows?.size === 0) values.delete(e.row[column]);
    }
  }

  /** The one row that a full primary key names, when the condition gives it. */
  #keyed(probe: Probe, e: Ev): Ev | undefined {
    const [only] = probe.values;
    const key =
      probe.values.length === 1 && only !== undefined
        ? only(e)
        : probe.values.map((v) => String(v(e))).join("\u0000");
    return key === null || key === undefined ? undefined : this.#byKey.get(key);
  }

  #candidates(condition: TableCondition, e: Ev): Iterable<Ev> {
    const { probe } = condition;
    if (probe === undefined) return this.#rows;
    if (probe.columns === this.primaryKey) {
      const found = this.#keyed(probe, e);
      return found === undefined ? [] : [found];
    }
    const value = probe.values[0]?.(e);
    return value === null || value === undefined
      ? []
      : (this.#byColumn.get(probe.columns[0] ?? -1)?.get(value) ?? []);
  }

  /** The rows that fit: by key when that is one number, else in order of insertion. */
  find(condition: TableCondition, e: Ev): Ev[] {
    const found: Ev[] = [];
    const { cell, test } = condition;
    for (const row of this.#candidates(condition, e)) {
      cell.row = row.row;
      if (test === undefined || test(e) === true) found.push(row);
    }
    if (found.length > 1 && this.#sortColumn !== undefined) sortByColumn(found, this.#sortColumn);
    return found;
  }

  contains(condition: TableCondition, e: Ev): boolean {
    const { cell, test } = condition;
    for (const row of this.#candidates(condition, e)) {
      cell.row = row.row;
      if (test === undefined || test(e) === true) return true;
    }
    return false;
  }

  /** @returns how many rows were removed. */
  delete(condition: TableCondition, e: Ev): number {
    const found = this.find(condition, e);
    for (const row of found) this.#remove(row);
    this.#charge(-found.length);
    return found.length;
  }

  /** Removes the rows that hold one of these values in any column. */
  forget(values: ReadonlySet<unknown>): void {
    const found = [...this.#rows].filter(({ row }) => row.some((value) => values.has(value)));
    for (const row of found) this.#remove(row);
    this.#charge(-found.length);
  }

  #remove(row: Ev): void {
    this.#rows.delete(row);
    if (this.primaryKey.length > 0) this.#byKey.delete(this.#keyOf(row.row));
    this.#unindex(row);
  }

  /** Changes the rows that fit. @returns how many. */
  update(condition: TableCondition, updates: RowUpdate, e: Ev): number {
    const { probe, test } = condition;
    if (probe !== undefined && probe.columns === this.primaryKey && test === undefined) {
      const row = this.#keyed(probe, e);
      if (row === undefined) return 0;
      this.#change(condition, updates, row, e);
      return 1;
    }
    const found = this.find(condition, e);
    for (const row of found) this.#change(condition, updates, row, e);
    return found.length;
  }

  #change(condition: TableCondition, { columns, isWhole }: RowUpdate, row: Ev, e: Ev): void {
    condition.cell.row = row.row;
    const changed = isWhole ? e.row : row.row.slice();
    for (let i = 0; !isWhole && i < columns.length; i++) {
      const { column, fn } = columns[i] as ColumnUpdate; // in range
      changed[column] = fn(e) ?? null;
    }
    if (this.primaryKey.length > 0) {
      const before = this.#keyOf(row.row);
      const after = this.#keyOf(changed);
      if (before !== after) {
        const taken = this.#byKey.get(after);
        if (taken !== undefined && taken !== row) return; // the key belongs to another row
        this.#byKey.delete(before);
        this.#byKey.set(after, row);
      }
    }
    if (this.#byColumn.size === 0) {
      row.row = changed;
      return;
    }
    this.#unindex(row);
    row.row = changed;
    this.#index(row);
  }

  save(): unknown {
    return [...this.#rows];
  }

  load(saved: readonly Ev[]): void {
    this.#charge(saved.length - this.#rows.size);
    this.#rows = new Set(saved);
    this.#byKey = new Map(this.primaryKey.length > 0 ? saved.map((e) => [this.#keyOf(e.row), e]) : []);
    for (const values of this.#byColumn.values()) values.clear();
    for (const e of saved) this.#index(e);
  }
}

function sortByColumn(rows: Ev[], column: number): void {
  rows.sort((a, b) => {
    const x = a.row[column] as number; // a numeric column
    const y = b.row[column] as number; // a numeric column
    return x < y ? -1 : x > y ? 1 : 0;
  });
}

function columnsOf(
  name: string,
  attributes: readonly Attribute[],
  annotations: readonly Annotation[],
  at: Span,
): readonly number[] {
  const found = annotations.filter((a) => a.name.toLowerCase() === name.toLowerCase());
  if (found.length === 0) return [];
  const problem = (message: string): never => {
    throw new CepError("WRONG_ANNOTATION", message, {
      offset: found[0]?.start ?? at.start,
      length: 1,
      expected: attributes.map((a) => a.name),
    });
  };
  if (name === "PrimaryKey" && found.length > 1) problem("A table has one @PrimaryKey");
  const names = found.flatMap((a) => a.elements.map((e) => e.value));
  if (names.length === 0) problem(`@${name} names no attribute`);
  if (name === "Index" && found.some((a) => a.elements.length !== 1))
    problem("@Index takes one attribute; write one @Index for each");
  if (name === "PrimaryKey" && annotationOf(annotations, name)?.elements.some((e) => e.value.includes(",")))
    problem(`@${name} takes one string per attribute`);
  const columns = names.map((n) => {
    const column = attributes.findIndex((a) => a.name === n.trim());
    return column >= 0 ? column : problem(`@${name}: there is no attribute '${n}'`);
  });
  if (new Set(columns).size < columns.length) problem(`@${name} names an attribute twice`);
  return columns;
}
