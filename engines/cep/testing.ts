import { type AppOptions, CepApp } from "./app.ts";

/** An app on a clock that the test moves, with what its streams and queries put out. */
export class Bench {
  now = 1_000_000;
  app: CepApp;
  readonly text: string;
  readonly #options: Partial<AppOptions>;
  readonly #streams: string[] = [];
  readonly #queries: string[] = [];
  /** Rows by stream. */
  readonly rows: Record<string, unknown[][]> = {};
  /** Expired rows by query. */
  readonly expired: Record<string, unknown[][]> = {};
  readonly current: Record<string, unknown[][]> = {};
  readonly errors: unknown[] = [];

  constructor(text: string, options: Partial<AppOptions> = {}) {
    this.text = text;
    this.#options = options;
    this.app = this.#make();
  }

  #make(): CepApp {
    return new CepApp(this.text, {
      clock: { now: () => this.now },
      onError: (_, e) => this.errors.push(e),
      ...this.#options,
    });
  }

  watch(...streams: string[]): this {
    for (const s of streams) {
      this.rows[s] ??= [];
      this.#streams.push(s);
      this.app.onStream(s, (events) => this.rows[s]?.push(...events.map((e) => [...e.row])));
    }
    return this;
  }

  watchQuery(...queries: string[]): this {
    for (const q of queries) {
      this.current[q] ??= [];
      this.expired[q] ??= [];
      this.#queries.push(q);
      this.app.onQuery(q, (current, expired) => {
        this.current[q]?.push(...current.map((e) => [...e.row]));
        this.expired[q]?.push(...expired.map((e) => [...e.row]));
      });
    }
    return this;
  }

  start(): this {
    this.app.start();
    return this;
  }

  send(stream: string, ...rows: unknown[][]): this {
    for (const row of rows) this.app.send(stream, row);
    return this;
  }

  advance(ms: number): this {
    this.now += ms;
    this.app.runDue();
    return this;
  }

  /** Drops the app and goes on from its snapshot, as after an eviction. */
  evict(): this {
    const saved = this.app.snapshot();
    this.app = this.#make();
    this.app.restore(saved);
    const streams = this.#streams.splice(0);
    const queries = this.#queries.splice(0);
    return this.watch(...streams).watchQuery(...queries);
  }
}
