import { expect, test } from "vitest";
import { CepApp } from "../app.ts";

/** What happens: a wait in ms, an event (stream, then its row), an event at a time, or an on-demand query. */
export type Step =
  | number
  | readonly [stream: string, ...row: unknown[]]
  | { readonly at: number; readonly send: readonly [stream: string, ...row: unknown[]] }
  | { readonly ask: string; readonly rows: readonly Row[]; readonly inAnyOrder?: true }
  | { readonly refused: string };

export type Row = readonly unknown[];

/** What must come out, by stream (`Out`) or query (`query:name`): rows, or only how many. */
export type Wanted = Readonly<Record<string, readonly Row[] | number>>;

/** The time at which every scenario begins. */
export const START = 1_700_000_000_000;

/** Stands in front of the rows that a query expires. */
const EXPIRED = "expired";

/** An app that can be made. */
export function accepts(name: string, text: string): void {
  test(`${name} is accepted`, () => {
    expect(() => new CepApp(text, { clock: { now: () => START } })).not.toThrow();
  });
}

/** Apps that are refused, each with a code and a place. */
export function refuses(name: string, ...texts: string[]): void {
  for (const text of texts) {
    test(`${name} is refused: ${text}`, () => {
      expect(() => new CepApp(text, { clock: { now: () => START } })).toThrow(
        expect.objectContaining({ code: expect.any(String), position: expect.anything() }),
      );
    });
  }
}

/** Runs the steps twice, in one go and dropped and restored after each of them; both must put out what is wanted. */
export function scenario(name: string, text: string, steps: readonly Step[], wanted: Wanted = {}): void {
  test.each([
    ["in one go", false],
    ["evicted after every step", true],
  ])(`${name}, %s`, (_, evicts) => {
    const run = new Run(text, Object.keys(wanted));
    for (const step of steps) {
      run.step(step);
      if (evicts) run.evict();
    }
    for (const [source, rows] of Object.entries(wanted)) {
      const got = run.out.get(source) ?? [];
      expect(typeof rows === "number" ? got.length : got, source).toEqual(rows);
    }
  });
}

class Run {
  readonly #text: string;
  readonly #sources: readonly string[];
  readonly out = new Map<string, unknown[][]>();
  #now = START;
  #app: CepApp;

  constructor(text: string, sources: readonly string[]) {
    this.#text = text;
    this.#sources = sources;
    this.#app = this.#make();
    this.#app.start();
  }

  #make(): CepApp {
    const app = new CepApp(this.#text, { clock: { now: () => this.#now }, onError: () => {} });
    for (const source of this.#sources) {
      const rows = this.out.get(source) ?? [];
      this.out.set(source, rows);
      const query = /^query:(.*)$/.exec(source)?.[1];
      if (query === undefined) app.onStream(source, (events) => rows.push(...events.map((e) => [...e.row])));
      else
        app.onQuery(query, (current, expired) => {
          rows.push(...current.map((e) => [...e.row]), ...expired.map((e) => [EXPIRED, ...e.row]));
        });
    }
    return app;
  }

  evict(): void {
    const saved = this.#app.snapshot();
    this.#app = this.#make();
    this.#app.restore(saved);
  }

  step(step: Step): void {
    if (typeof step === "number") {
      this.#now += step;
      this.#app.runDue();
    } else if ("at" in step && "send" in step) {
      const [stream, ...row] = step.send;
      this.#app.send(stream, row, step.at);
    } else if ("refused" in step) {
      expect(() => this.#app.query(step.refused), step.refused).toThrow();
    } else if ("ask" in step) {
      const rows = this.#app.query(step.ask).rows ?? [];
      const sorted = (all: readonly Row[]) => all.map((r) => JSON.stringify(r)).sort();
      if (step.inAnyOrder === true) expect(sorted(rows), step.ask).toEqual(sorted(step.rows));
      else expect(rows, step.ask).toEqual(step.rows);
    } else {
      const [stream, ...row] = step;
      this.#app.send(stream, row);
    }
  }
}
