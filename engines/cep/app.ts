import { appNameOf, playbackOf } from "./app-annotations.ts";
import { AppBuilder, type BuildServices, eventOf } from "./app-builder.ts";
import { CepError, suggest } from "./cep-error.ts";
import { type Attribute, Ev, EXPIRED, type OutputEvent } from "./event.ts";
import type { Extension } from "./extension.ts";
import { parseApp, parseStoreQuery } from "./parser/parse-app.ts";
import { refuse, type SavedOperator } from "./query/instance.ts";
import { compileOnDemand, type OnDemandResult } from "./query/on-demand.ts";
import type { SavedPartition } from "./query/partition.ts";
import type { QueryCallback } from "./query/query-output.ts";
import type { TracedInput } from "./query/trace.ts";
import { Registry } from "./registry.ts";
import { type Junction, type Receiver, receiverOf } from "./runtime/junction.ts";
import { OutputLedger, type SavedLedger } from "./runtime/output-ledger.ts";
import { RandomSource, type SavedRandom } from "./runtime/random-source.ts";
import { decodeState, encodeState } from "./runtime/snapshot-codec.ts";
import { type Clock, type IdleAdvance, TimeKeeper } from "./runtime/time-keeper.ts";

/** Bounds of one app; what goes beyond is refused with `LIMIT`. */
export interface Limits {
  /** Rows in windows, tables and aggregations, and partial matches of patterns, all together. */
  readonly maxRows: number;
  readonly maxPartitionKeys: number;
}

export interface AppOptions {
  readonly clock: Clock;
  readonly limits?: Partial<Limits>;
  readonly extensions?: readonly Extension[];
  /** Told of what failed while events of a stream (for timers: of '') were processed; the default forgets it, after counting. */
  readonly onError?: (stream: string, error: unknown) => void;
}

/** What a restore kept and what it dropped because the operator had changed. */
export interface RestoreReport {
  readonly dropped: readonly string[];
}

/** Numbers about a running app. */
export interface AppMetrics {
  readonly streams: Readonly<Record<string, number>>;
  readonly rows: number;
  readonly errors: number;
  readonly queries: readonly { name: string; rows: number; matches: number }[];
  readonly partitions: readonly {
    name: string;
    keys: readonly { key: string; rows: number; matches: number }[];
  }[];
}

/** An output of a stream with its stable id. */
export interface Output {
  readonly id: string;
  readonly stream: string;
  readonly number: number;
  readonly timestamp: number;
  readonly row: readonly unknown[];
}

/** An output of a query and the events it came from. */
export interface TracedOutput {
  readonly query: string;
  readonly timestamp: number;
  readonly row: readonly unknown[];
  readonly isExpired: boolean;
  readonly inputs: readonly TracedInput[];
}

/** Sends events to one stream; without a timestamp they get the app's time. A row sent is the engine's to keep. */
export interface InputHandle {
  send(row: readonly unknown[], timestamp?: number): void;
}

interface Saved {
  readonly format: 1;
  readonly isStarted: boolean;
  readonly time: ReturnType<TimeKeeper["save"]>;
  readonly uuids: number;
  /** Absent in what was saved before there was `math:rand`. */
  readonly randoms?: SavedRandom;
  readonly ledger: SavedLedger;
  readonly queries: Record<string, Record<string, SavedOperator>>;
  readonly hosts: Record<string, Record<string, SavedOperator>>;
  readonly partitions: Record<string, SavedPartition>;
  readonly tables: Record<string, unknown>;
}

const DEFAULT_LIMITS: Limits = { maxRows: 10_000_000, maxPartitionKeys: 1_000_000 };

/**
 * A SiddhiQL app at run time. It is passive: events come in through `send`, time through `runDue`, and everything
 * it does happens within those calls.
 */
export class CepApp {
  readonly name: string;
  readonly #builder: AppBuilder;
  readonly #time: TimeKeeper;
  readonly #limits: Limits;
  readonly #onError: (stream: string, error: unknown) => void;
  #isStarted = false;
  #isRestoring = false;
  #rows = 0;
  #errors = 0;
  #uuids = 0;
  readonly #random: RandomSource;
  readonly #ledger: OutputLedger;

  /** @throws CepError with position, expectation and suggestion when the app is wrong. */
  constructor(text: string, options: AppOptions) {
    try {
      const app = parseApp(text);
      this.name = appNameOf(app.annotations) ?? "app";
      const { isPlayback, idle } = playbackOf(app.annotations);
      this.#ledger = new OutputLedger(this.name);
      this.#random = new RandomSource(this.name);
      this.#time = new TimeKeeper(options.clock, isPlayback, idle);
      this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
      this.#onError = options.onError ?? (() => {});
      this.#builder = new AppBuilder(app, this.#services(options.extensions));
    } catch (error) {
      throw error instanceof CepError ? error.locate(text) : error;
    }
  }

  #services(extensions: readonly Extension[] | undefined): BuildServices {
    return {
      registry: new Registry(extensions),
      scheduler: this.#time.scheduler,
      maxPartitions: this.#limits.maxPartitionKeys,
      now: () => this.#time.now(),
      uuid: () => this.#uuid(),
      random: (seed) => this.#random.next(seed),
      arrive: (timestamp) => this.#time.arrive(timestamp),
      charge: (rows) => {
        // What a snapshot holds was allowed when it came, whatever the limit is now.
        if (rows > 0 && this.#rows + rows > this.#limits.maxRows && !this.#isRestoring)
          refuse("rows", this.#limits.maxRows);
        this.#rows += rows;
      },
      targetOf: () => undefined,
      onTimerFault: (error) => this.#onFault("", [], error, false),
      onFault: (stream, chunk, error, toFaultStream) => this.#onFault(stream, chunk, error, toFaultStream),
    };
  }

  /** Unique within the app and the same again on replay: made of the app's name and a saved counter. */
  #uuid(): string {
    const count = ++this.#uuids;
    let a = 0x9e3779b9 ^ count;
    let text = "";
    for (const c of `${this.name}#${count}`) a = Math.imul(a ^ c.charCodeAt(0), 0x85ebca6b) >>> 0;
    for (let i = 0; i < 4; i++) {
      a = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d) >>> 0;
      a = (a + count * 0x9e3779b9) >>> 0;
      text += a.toString(16).padStart(8, "0");
    }
    return `${text.slice(0, 8)}-${text.slice(8, 12)}-4${text.slice(13, 16)}-8${text.slice(17, 20)}-${text.slice(20, 32)}`;
  }

  #onFault(stream: string, chunk: readonly Ev[], error: unknown, toFaultStream: boolean): void {
    this.#errors++;
    this.#onError(stream, error);
    const fault = toFaultStream ? this.#builder.junctions.get(`!${stream}`) : undefined;
    if (fault === undefined) return;
    fault.send(
      chunk.map(
        (e) => new Ev(e.ts, e.type, [...e.row, error instanceof Error ? error : new Error(String(error))]),
      ),
    );
  }

  /** Starts timers, triggers and patterns. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    for (const host of this.#builder.hosts.values()) host.start();
    for (const { instance } of this.#builder.queries) instance.start();
    this.#time.runDue();
  }

  /** Stops all timers; state is kept until the app is dropped. */
  shutdown(): void {
    this.#isStarted = false;
    for (const host of this.#builder.hosts.values()) host.stop();
    for (const { instance } of this.#builder.queries) instance.stop();
    for (const p of this.#builder.partitions) p.stop();
    this.#time.stop();
  }

  /** Sends one event; without a timestamp it gets the app's time. @throws CepError `UNKNOWN_STREAM` */
  send(stream: string, row: readonly unknown[], timestamp?: number): void {
    const junction = this.#input(stream);
    const ts = timestamp ?? this.#time.wallTime();
    const e = eventOf(ts, row, junction.attributes.length);
    const gate = this.#builder.gates.get(stream);
    if (gate !== undefined) gate.offer(e, this.#time.wallTime());
    else {
      this.#time.arrive(ts);
      junction.sendOne(e);
    }
    this.#time.runDue();
  }

  /**
   * Sends one event of a numbered source, at least once: an offset that the state has taken in already is passed over.
   * @returns whether the event was taken
   */
  sendFrom(
    source: string,
    offset: number,
    stream: string,
    row: readonly unknown[],
    timestamp?: number,
  ): boolean {
    if (!this.#ledger.takeOffset(source, offset)) return false;
    this.send(stream, row, timestamp);
    return true;
  }

  /** The last offset of a source that the state holds, or undefined. */
  offsetOf(source: string): number | undefined {
    return this.#ledger.offsetOf(source);
  }

  /**
   * Takes the outputs of a stream with ids that are the same again on replay; what was acknowledged before is not
   * given twice. @throws CepError `UNKNOWN_STREAM`
   */
  onOutput(stream: string, listener: (output: Output) => void): void {
    this.onStream(stream, (events) => {
      for (const { timestamp, row } of events) {
        const number = this.#ledger.next(stream);
        if (!this.#ledger.isAcknowledged(stream, number))
          listener({ id: this.#ledger.idOf(stream, number), stream, number, timestamp, row });
      }
    });
  }

  /** Outputs of the stream up to this number have left for good. */
  acknowledge(stream: string, number: number): void {
    this.#ledger.acknowledge(stream, number);
  }

  /** Watches every query's output with the events it was made of. */
  onTrace(listener: (trace: TracedOutput) => void): void {
    for (const [query, plan] of this.#builder.plans) {
      plan.callbacks.push((current, expired) => {
        for (const e of [...current, ...expired]) {
          listener({
            query,
            timestamp: e.ts,
            row: e.out ?? [],
            isExpired: e.type === EXPIRED,
            inputs: plan.describe(e),
          });
        }
      });
    }
  }

  /** A handle that sends to one stream without looking it up each time. @throws CepError `UNKNOWN_STREAM` */
  input(stream: string): InputHandle {
    const junction = this.#input(stream);
    if (this.#builder.gates.has(stream))
      return { send: (row, timestamp) => this.send(stream, row, timestamp) };
    const width = junction.attributes.length;
    const time = this.#time;
    return {
      send(row, timestamp) {
        const ts = timestamp ?? time.wallTime();
        if (time.isPlayback) time.arrive(ts);
        junction.sendOne(eventOf(ts, row, width));
        if (time.hasDue) time.runDue();
      },
    };
  }

  /** Counts the events of a stream, without making rows for a listener. */
  countStream(stream: string, listener: (events: number) => void): void {
    this.#input(stream).subscribe({
      receive: (chunk) => listener(chunk.length),
      receiveOne: () => listener(1),
    });
  }

  /** Sends events as one chunk. @throws CepError `UNKNOWN_STREAM` */
  sendBatch(
    stream: string,
    events: readonly { row: readonly unknown[]; timestamp?: number | undefined }[],
  ): void {
    const junction = this.#input(stream);
    const now = this.#time.wallTime();
    const chunk = events.map((e) => eventOf(e.timestamp ?? now, e.row, junction.attributes.length));
    const last = chunk.at(-1);
    if (last === undefined) return;
    const gate = this.#builder.gates.get(stream);
    if (gate !== undefined) for (const e of chunk) gate.offer(e, now);
    else {
      this.#time.arrive(last.ts);
      junction.send(chunk);
    }
    this.#time.runDue();
  }

  #input(stream: string): Junction {
    const junction = this.#builder.junctions.get(stream);
    if (junction === undefined) {
      throw new CepError("UNKNOWN_STREAM", `There is no stream '${stream}'`, {
        suggestion: suggest(stream, this.#builder.junctions.keys()),
      });
    }
    return junction;
  }

  /** The wall clock as the app sees it: a timer's due time while that timer runs. */
  wallTime(): number {
    return this.#time.wallTime();
  }

  /** Runs the timers that are due by the clock. */
  runDue(): number {
    return this.#time.runDue();
  }

  /** When `runDue` must be called next (ms), or undefined when nothing waits. */
  nextDue(): number | undefined {
    return this.#time.nextDue();
  }

  /** Turns event time on or off. */
  setPlayback(isPlayback: boolean, idle?: IdleAdvance): void {
    this.#time.setPlayback(isPlayback, idle);
  }

  /** Attributes of a stream or window. @throws CepError `UNKNOWN_STREAM` */
  attributesOf(stream: string): readonly Attribute[] {
    return this.#input(stream).attributes;
  }

  /** Attributes that a query puts out. @throws CepError `NOT_FOUND` */
  outputOf(query: string): readonly Attribute[] {
    return this.#plan(query).output;
  }

  #plan(query: string) {
    const plan = this.#builder.plans.get(query);
    if (plan === undefined)
      throw new CepError("NOT_FOUND", `There is no query '${query}'`, {
        suggestion: suggest(query, this.#builder.plans.keys()),
      });
    return plan;
  }

  /** Watches a query's output. @throws CepError `NOT_FOUND` */
  onQuery(
    query: string,
    listener: (current: readonly OutputEvent[], expired: readonly OutputEvent[]) => void,
  ): void {
    const callback: QueryCallback = (current, expired) =>
      listener(current.map(outputOf), expired.map(outputOf));
    this.#plan(query).callbacks.push(callback);
  }

  /** Watches a stream or window. @returns how to stop. @throws CepError `UNKNOWN_STREAM` */
  onStream(stream: string, listener: (events: readonly OutputEvent[]) => void): () => void {
    const junction = this.#input(stream);
    const receiver: Receiver = receiverOf((chunk) =>
      listener(chunk.map((e) => ({ timestamp: e.ts, row: e.row, isExpired: e.type === EXPIRED }))),
    );
    junction.subscribe(receiver);
    return () => junction.unsubscribe(receiver);
  }

  /** Runs an on-demand query. @throws CepError */
  query(text: string): OnDemandResult {
    try {
      const result = compileOnDemand(parseStoreQuery(text), this.#builder.env)();
      this.#time.runDue();
      return result;
    } catch (error) {
      throw error instanceof CepError ? error.locate(text) : error;
    }
  }

  /** All state as text; `restore` takes it, also into an app whose text has changed. */
  snapshot(): string {
    const { queries, hosts, partitions, env } = this.#builder;
    const saved: Saved = {
      format: 1,
      isStarted: this.#isStarted,
      time: this.#time.save(),
      uuids: this.#uuids,
      randoms: this.#random.save(),
      ledger: this.#ledger.save(),
      queries: Object.fromEntries(queries.map(({ plan, instance }) => [plan.name, instance.save()])),
      hosts: Object.fromEntries([...hosts].map(([name, host]) => [name, host.save()])),
      partitions: Object.fromEntries(partitions.map((p) => [p.name, p.save()])),
      tables: Object.fromEntries(
        [...env.tables].map(([name, t]) => [name, { shape: JSON.stringify(t.attributes), rows: t.save() }]),
      ),
    };
    return encodeState(saved);
  }

  /**
   * Restores what fits the app as it is now. By default the app goes on as if it had never stopped: timers that are
   * late run at their own times. `resume` is for an app that was down: what was missed happens now, as in Siddhi.
   * @throws CepError `SNAPSHOT`
   */
  restore(text: string, mode: "continue" | "resume" = "continue"): RestoreReport {
    this.#isRestoring = true;
    try {
      return this.#restore(text, mode === "resume");
    } finally {
      this.#isRestoring = false;
    }
  }

  #restore(text: string, isResuming: boolean): RestoreReport {
    const saved = decodeState(text) as Saved; // checked by its format just below
    if (saved?.format !== 1) throw new CepError("SNAPSHOT", "The snapshot has another format");
    const { queries, hosts, partitions, env } = this.#builder;
    const dropped: string[] = [];
    this.#isStarted = saved.isStarted;
    this.#time.load(saved.time);
    this.#uuids = saved.uuids;
    this.#random.load(saved.randoms ?? []);
    this.#ledger.load(saved.ledger);
    for (const { plan, instance } of queries)
      dropped.push(
        ...instance.load(saved.queries[plan.name] ?? {}, isResuming).dropped.map((p) => `${plan.name}/${p}`),
      );
    for (const [name, host] of hosts)
      dropped.push(...host.load(saved.hosts[name] ?? {}, isResuming).dropped.map((p) => `${name}/${p}`));
    for (const p of partitions)
      dropped.push(...p.load(saved.partitions[p.name] ?? { timer: undefined, keys: [] }, isResuming));
    for (const [name, table] of env.tables) {
      const rows = saved.tables[name] as { shape: string; rows: Ev[] } | undefined; // as saved
      if (rows === undefined) continue;
      if (rows.shape === JSON.stringify(table.attributes)) table.load(rows.rows);
      else dropped.push(`table:${name}`);
    }
    return { dropped };
  }

  /**
   * Drops the partitions of these keys, and the rows of tables that hold one of them in a column. What windows and
   * aggregations have taken in stays until they let it go.
   */
  forget(keys: ReadonlySet<string>): void {
    for (const partition of this.#builder.partitions) partition.forget(keys);
    for (const table of this.#builder.env.tables.values()) table.forget(keys);
  }

  /**
   * The size of the state of each query, table, window, aggregation and partition key, as saved (UTF-16 units, about
   * bytes). It costs as much as a snapshot.
   */
  memory(): Readonly<Record<string, number>> {
    const { queries, hosts, partitions, env } = this.#builder;
    const sizes: Record<string, number> = {};
    for (const { plan, instance } of queries) sizes[plan.name] = encodeState(instance.save()).length;
    for (const [name, host] of hosts) sizes[name] = encodeState(host.save()).length;
    for (const [name, table] of env.tables) sizes[name] = encodeState(table.save()).length;
    for (const p of partitions)
      for (const [key, , state] of p.save().keys) sizes[`${p.name}/${key}`] = encodeState(state).length;
    return sizes;
  }

  metrics(): AppMetrics {
    const { queries, partitions, junctions } = this.#builder;
    return {
      streams: Object.fromEntries([...junctions].map(([id, j]) => [id, j.eventCount])),
      rows: this.#rows,
      errors: this.#errors,
      queries: queries.map(({ plan, instance }) => ({ name: plan.name, ...instance.size() })),
      partitions: partitions.map((p) => ({ name: p.name, keys: p.sizes() })),
    };
  }
}

function outputOf(e: Ev): OutputEvent {
  return { timestamp: e.ts, row: e.out ?? [], isExpired: e.type === EXPIRED };
}
