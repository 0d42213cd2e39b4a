import { CepApp } from "../app.ts";
import { CepError } from "../cep-error.ts";
import { parseApp, parseFragment, parseStoreQuery } from "../parser/parse-app.ts";
import {
  type Assert,
  type Case,
  compareBy,
  inputValue,
  type Row,
  type Step,
  type SumTerm,
  sameRow,
  sameRows,
  sameValue,
} from "./case-format.ts";
import { failing } from "./failing.ts";

export type Level = "asserts" | "rows" | "batches";

interface Batch {
  readonly t: number;
  readonly in: readonly Row[];
  readonly removed: readonly Row[];
}

const EPOCH = 1_700_000_000_000;

class Running {
  app: CepApp;
  readonly text: string;
  readonly watches: number[] = [];
  constructor(app: CepApp, text: string) {
    this.app = app;
    this.text = text;
  }
}

/** Runs one case on the virtual clock. */
export class CaseRun {
  readonly #case: Case;
  readonly #evicts: boolean;
  #now = EPOCH;
  readonly #apps = new Map<number, Running>();
  readonly #batches: Batch[][];
  readonly #rows: (readonly Row[] | null | undefined)[] = [];
  readonly #saves = new Map<string, string>();
  readonly problems: string[] = [];

  constructor(c: Case, evicts: boolean) {
    this.#case = c;
    this.#evicts = evicts;
    this.#batches = c.watch.map(() => []);
  }

  /** @returns what is wrong at the given level; nothing when the case passes. */
  run(level: Level): string[] {
    this.#case.steps.forEach((step, i) => {
      this.#checkAsserts(i);
      this.#perform(step, i);
      if (this.#evicts) this.#evict();
    });
    this.#checkAsserts(undefined);
    if (level !== "asserts") this.#checkExpected(level);
    return this.problems;
  }

  #perform(step: Step, i: number): void {
    let error: unknown;
    try {
      this.#step(step);
    } catch (e) {
      error = e;
    }
    if (step.error !== undefined && error === undefined)
      this.problems.push(`step ${i} should fail (${step.error})`);
    if (step.error === undefined && error !== undefined) {
      this.problems.push(
        `step ${i} fails: ${error instanceof CepError ? `${error.code} ${error.message}` : error instanceof Error ? error.stack : String(error)}`,
      );
    }
  }

  #create(text: string): CepApp {
    return new CepApp(text, {
      clock: { now: () => this.#now },
      extensions: [failing(() => new CepError("RUNTIME", "Error when running fault()"))],
    });
  }

  #running(step: Step): Running {
    const running = this.#apps.get(step.app ?? 0);
    if (running === undefined) throw new Error(`app ${step.app ?? 0} is not there`);
    return running;
  }

  #step(step: Step): void {
    if (step.create !== undefined) {
      const text = this.#case.apps[step.create] ?? "";
      this.#apps.set(step.create, new Running(this.#create(text), text));
    } else if (step.validate !== undefined) this.#create(step.validate);
    else if (step.parse !== undefined) this.#parse(step.parse, step.ql ?? "");
    else if (step.watch !== undefined) this.#watch(step.watch);
    else if (step.start !== undefined) this.#running(step).app.start();
    else if (step.shutdown !== undefined) {
      this.#running(step).app.shutdown();
    } else if (step.send !== undefined) this.#send(step);
    else if (step.advance !== undefined) this.#advance(step.advance);
    else if (step.query !== undefined)
      this.#rows[step.q ?? 0] = this.#running(step).app.query(step.query).rows;
    else if (step.persist !== undefined) {
      const { app } = this.#running(step);
      this.#saves.set(`app ${app.name}`, app.snapshot());
    } else if (step.snapshot !== undefined)
      this.#saves.set(`snapshot ${step.snapshot}`, this.#running(step).app.snapshot());
    else if (step.restore !== undefined) this.#restore(step);
    else if (step.playback !== undefined) {
      const idle =
        step.idle === undefined ? undefined : { idleMs: step.idle, incrementMs: step.inc ?? step.idle };
      this.#running(step).app.setPlayback(step.playback, idle);
    } else if (step.await !== undefined) this.#await(step.await);
  }

  #parse(kind: string, text: string): void {
    if (kind === "App") parseApp(text);
    else if (/OnDemand|Store/.test(kind)) parseStoreQuery(text);
    else parseFragment(text);
  }

  #restore(step: Step): void {
    const { app } = this.#running(step);
    const saved = this.#saves.get(step.restore === "last" ? `app ${app.name}` : `snapshot ${step.restore}`);
    if (saved === undefined) return;
    app.restore(saved, "resume");
    app.runDue();
  }

  #watch(w: number): void {
    const watch = this.#case.watch[w];
    const running = this.#running({ app: watch?.app ?? 0 });
    this.#attach(running, w);
    running.watches.push(w);
  }

  #attach({ app }: Running, w: number): void {
    const watch = this.#case.watch[w];
    if (watch === undefined) return;
    const batches = this.#batches[w] as Batch[]; // one per watch
    // The clock shows a timer's due time while it runs; the app knows it.
    const t = () => app.wallTime() - EPOCH;
    const rows = (events: readonly { row: Row }[]) => events.map((e) => e.row);
    if (watch.kind === "query")
      app.onQuery(watch.name, (current, expired) =>
        batches.push({ t: t(), in: rows(current), removed: rows(expired) }),
      );
    else {
      app.onStream(watch.name, (events) =>
        batches.push({
          t: t(),
          in: rows(events.filter((e) => !e.isExpired)),
          removed: rows(events.filter((e) => e.isExpired)),
        }),
      );
    }
  }

  #send(step: Step): void {
    const { app } = this.#running(step);
    const stream = step.send ?? "";
    const attributes = app.attributesOf(stream);
    const events = (step.events ?? []).map((e) => ({
      row: attributes.map((a, i) => inputValue(e.row[i], a.type)),
      timestamp: e.ts,
    }));
    if (step.batch === true) app.sendBatch(stream, events);
    else for (const e of events) app.send(stream, e.row, e.timestamp);
  }

  #advance(ms: number): void {
    this.#now += ms;
    for (const { app } of this.#apps.values()) app.runDue();
  }

  #await(condition: NonNullable<Step["await"]>): void {
    for (let waited = 0; waited < (condition.timeout ?? 10_000); waited += condition.poll ?? 100) {
      if (this.#holds(condition)) return;
      this.#advance(condition.poll ?? 100);
    }
  }

  /** Drops all engine memory and restores it from a snapshot. */
  #evict(): void {
    for (const running of this.#apps.values()) {
      const saved = running.app.snapshot();
      running.app = this.#create(running.text);
      running.app.restore(saved);
      for (const w of running.watches) this.#attach(running, w);
    }
  }

  #checkAsserts(at: number | undefined): void {
    for (const a of this.#case.asserts) {
      const isNow =
        at === undefined ? (a.at ?? Number.POSITIVE_INFINITY) >= this.#case.steps.length : a.at === at;
      if (isNow && !this.#holds(a)) this.problems.push(`assert fails: ${JSON.stringify(a)}`);
    }
  }

  #sum(terms: readonly SumTerm[]): number {
    let total = 0;
    for (const { w, ...counts } of terms) {
      for (const b of this.#batches[w] ?? []) {
        total +=
          (counts.in ?? 0) * b.in.length + (counts.removed ?? 0) * b.removed.length + (counts.calls ?? 0);
        total +=
          (b.in.length > 0 ? (counts.inCalls ?? 0) : 0) +
          (b.removed.length > 0 ? (counts.removedCalls ?? 0) : 0);
      }
    }
    return total;
  }

  #holds(a: Assert): boolean {
    if (a.sum !== undefined) return compareBy(a.op ?? "==", this.#sum(a.sum), Number(a.value));
    if (a.arrived !== undefined) return this.#sum(a.arrived) > 0 === a.value;
    const rows = a.q !== undefined ? (this.#rows[a.q] ?? null) : this.#rowsOf(a);
    if (a.isNull === true) return rows === null || rows.length === 0;
    if (a.rowCount !== undefined) return compareBy(a.op ?? "==", rows?.length ?? 0, a.rowCount);
    if (a.rows !== undefined) return sameRows(a.rows, rows ?? [], a.anyOrder === true);
    if (a.row === undefined) return true;
    const row = rows?.[a.row];
    // Cell asserts come from code that looked at each row as it arrived: without the row there was no look.
    if (row === undefined && a.q === undefined) return true;
    if (a.col !== undefined) return this.#cellHolds(a, row?.[a.col]);
    if (a.width !== undefined) return row?.length === a.width;
    if (row === undefined) return a.equals === null;
    if (a.oneOf !== undefined) return a.oneOf.some((o) => Array.isArray(o) && sameRow(o, row));
    return Array.isArray(a.equals) && sameRow(a.equals, row);
  }

  #cellHolds(a: Assert, value: unknown): boolean {
    if (a.oneOf !== undefined) return a.oneOf.some((o) => sameValue(o, value));
    if (a.notNull === true) return value !== null && value !== undefined;
    if (a.op !== undefined) return compareBy(a.op, Number(value), Number(a.value));
    if ("equals" in a) return sameValue(a.equals, value);
    return true;
  }

  #rowsOf(a: Assert): readonly Row[] {
    const all = this.#batches[a.w ?? 0] ?? [];
    const given = a.call === undefined ? all : all.slice(a.call, a.call + 1);
    return given.flatMap((b) =>
      a.dir === "in" ? b.in : a.dir === "removed" ? b.removed : [...b.in, ...b.removed],
    );
  }

  #checkExpected(level: Level): void {
    for (const [w, expected] of (this.#case.expect?.watch ?? []).entries()) {
      if (expected === null) continue;
      const actual = (this.#batches[w] ?? []).filter(
        (b) => level !== "rows" || b.in.length + b.removed.length > 0,
      );
      const wanted = (expected.batches ?? []).map((b) => ({
        t: b.t,
        in: b.in ?? [],
        removed: b.removed ?? b.expired ?? [],
        anyOrder: b.anyOrder === true,
      }));
      if (level === "batches" && this.#case.looseBatches !== true) {
        this.#compareBatches(w, wanted, actual);
        continue;
      }
      for (const dir of ["in", "removed"] as const)
        this.#compareRows(
          w,
          dir,
          wanted,
          actual.flatMap((b) => b[dir]),
        );
    }
    this.#case.expect?.query?.forEach((expected, q) => {
      if (expected === null || !("rows" in expected || "rowCount" in expected)) return;
      const actual = this.#rows[q] ?? [];
      const isSame =
        expected.anyRows === true
          ? actual.length === expected.rowCount
          : sameRows(expected.rows ?? [], actual, expected.ordered !== true);
      if (!isSame)
        this.problems.push(`query ${q}: expected ${show(expected.rows ?? [])} got ${show(actual)}`);
    });
  }

  #compareRows(
    w: number,
    dir: "in" | "removed",
    wanted: readonly (Batch & { anyOrder: boolean })[],
    actual: readonly Row[],
  ): void {
    let at = 0;
    const total = wanted.reduce((n, b) => n + b[dir].length, 0);
    let isSame = total === actual.length;
    for (const b of wanted) {
      isSame &&= sameRows(b[dir], actual.slice(at, at + b[dir].length), b.anyOrder);
      at += b[dir].length;
    }
    if (!isSame)
      this.problems.push(
        `watch ${w} ${dir}: expected ${show(wanted.flatMap((b) => b[dir]))} got ${show(actual)}`,
      );
  }

  #compareBatches(
    w: number,
    wanted: readonly (Batch & { anyOrder: boolean })[],
    actual: readonly Batch[],
  ): void {
    const isSame =
      wanted.length === actual.length &&
      wanted.every((b, i) => {
        const a = actual[i];
        return (
          a !== undefined &&
          a.t === b.t &&
          sameRows(b.in, a.in, b.anyOrder) &&
          sameRows(b.removed, a.removed, b.anyOrder)
        );
      });
    const brief = (list: readonly Batch[]) =>
      list.map((b) => `@${b.t} ${show(b.in)} -${show(b.removed)}`).join(" | ");
    if (!isSame) this.problems.push(`watch ${w}: expected ${brief(wanted)} got ${brief(actual)}`);
  }
}

function show(rows: readonly Row[]): string {
  return JSON.stringify(rows, (_, v: unknown) =>
    typeof v === "bigint" ? `${v}n` : v instanceof Set ? [...v] : v,
  ).slice(0, 600);
}
