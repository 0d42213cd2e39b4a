import { Aggregation } from "./aggregation/aggregation.ts";
import { compileAggregation } from "./aggregation/compile-aggregation.ts";
import { checkAppAnnotations, checkStreamAnnotations } from "./app-annotations.ts";
import { CepError, placed, suggest } from "./cep-error.ts";
import { type Attribute, CURRENT, Ev } from "./event.ts";
import type { SharedModel } from "./extension.ts";
import {
  type App,
  annotationOf,
  type Definition,
  elementOf,
  type QueryOutput as OutputNode,
  type Partition,
  type Query,
  type Span,
} from "./parser/ast.ts";
import { compileQuery, type QueryPlan } from "./query/compile-query.ts";
import type { Environment } from "./query/environment.ts";
import { compileWindow } from "./query/handlers.ts";
import { QueryInstance } from "./query/instance.ts";
import {
  compilePartitionKeys,
  PartitionRuntime,
  type PartitionServices,
  purgeOf,
} from "./query/partition.ts";
import { type OutputTarget, targetOf } from "./query/query-output.ts";
import { type BaseScope, SingleScope } from "./query/scope.ts";
import { entryTo, linkChain, splitFilters } from "./query/single-input.ts";
import { checkSameAttributes, tableTarget } from "./query/table-targets.ts";
import { compileWindowExpression } from "./query/window-expression-compiler.ts";
import type { Registry } from "./registry.ts";
import { Junction } from "./runtime/junction.ts";
import { NamedWindow } from "./runtime/named-window.ts";
import { Processor } from "./runtime/processor.ts";
import { Trigger } from "./runtime/triggers.ts";
import { WatermarkGate, watermarkOf } from "./runtime/watermark.ts";
import { Table } from "./table/table.ts";
import { compileTableCondition, TableScope } from "./table/table-condition.ts";

/** What building needs of the running app. */
export interface BuildServices extends PartitionServices {
  readonly registry: Registry;
  uuid(): string;
  random(seed: number | bigint | undefined): number;
  /** In playback, moves the app's time to an event's. */
  arrive(timestamp: number): void;
  /** Handles what a receiver of a stream threw. */
  onFault(stream: string, chunk: readonly Ev[], error: unknown, toFaultStream: boolean): void;
}

/** A query that runs once, outside partitions. */
export interface RunningQuery {
  readonly plan: QueryPlan;
  readonly instance: QueryInstance;
}

/**
 * Turns a parsed app into its running graph: definitions first, then queries and partitions in the order of the
 * text, since each may define the stream it inserts into.
 */
export class AppBuilder {
  readonly #app: App;
  readonly #services: BuildServices;
  readonly junctions = new Map<string, Junction>();
  readonly queries: RunningQuery[] = [];
  readonly plans = new Map<string, QueryPlan>();
  readonly partitions: PartitionRuntime[] = [];
  /** Triggers, windows' hosts and aggregations: what has operators but is no query. */
  readonly hosts = new Map<string, QueryInstance>();
  /** Streams whose events are put in order before they enter. */
  readonly gates = new Map<string, WatermarkGate>();
  readonly env: Environment;
  #index = 0;

  /** @throws CepError on everything that is wrong with the app. */
  constructor(app: App, services: BuildServices) {
    this.#app = app;
    this.#services = services;
    this.env = this.#environment(undefined);
    checkAppAnnotations(app.annotations);
    for (const d of app.definitions) placed(d, () => this.#define(d));
    for (const d of app.definitions)
      if (d.kind === "aggregation") placed(d, () => this.#defineAggregation(d));
    for (const e of app.elements)
      placed(e, () => (e.kind === "query" ? this.#addQuery(e) : this.#addPartition(e)));
  }

  #environment(inner: Map<string, readonly Attribute[]> | undefined): Environment {
    const base = this.env as Environment | undefined; // not yet set when the app's own is made
    const services = this.#services;
    const env: Environment = {
      registry: services.registry,
      functions: {
        now: () => services.now(),
        uuid: () => services.uuid(),
        random: (seed) => services.random(seed),
      },
      streams: base?.streams ?? new Map<string, readonly Attribute[]>(),
      tables: base?.tables ?? new Map<string, Table>(),
      windows: base?.windows ?? new Map<string, NamedWindow>(),
      aggregations: base?.aggregations ?? new Map<string, Aggregation>(),
      models: base?.models ?? new Map<string, SharedModel>(),
      inner,
      now: () => services.now(),
      compileIn: (source, condition, outer, at) => this.#compileIn(source, condition, outer, at),
      compileWindowExpression: (text, attributes) => compileWindowExpression(text, attributes, env),
    };
    return env;
  }

  #compileIn(
    source: string,
    condition: Parameters<Environment["compileIn"]>[1],
    outer: BaseScope,
    at: Span,
  ): (e: Ev) => boolean {
    const table = this.env.tables.get(source);
    if (table !== undefined) {
      const compiled = compileTableCondition(condition, new TableScope(table, outer, outer.context));
      return (e) => table.contains(compiled, e);
    }
    const window = this.env.windows.get(source);
    if (window === undefined) {
      throw new CepError("UNKNOWN_STREAM", `There is no table '${source}'`, {
        offset: at.start,
        length: at.end - at.start,
        suggestion: suggest(source, this.env.tables.keys()),
      });
    }
    const shape = new Table(
      source,
      window.attributes,
      [],
      at,
      () => {},
      () => {},
    );
    const compiled = compileTableCondition(condition, new TableScope(shape, outer, outer.context));
    return (e) =>
      window.contents().some((row) => {
        compiled.cell.row = row.row;
        return compiled.test === undefined || compiled.test(e) === true;
      });
  }

  #refuseTaken(id: string, attributes: readonly Attribute[] | undefined, at: Span): void {
    const { streams, tables, windows, aggregations } = this.env;
    const known = streams.get(id);
    const isSameStream = known !== undefined && attributes !== undefined && sameAttributes(known, attributes);
    if ((known !== undefined && !isSameStream) || tables.has(id) || windows.has(id) || aggregations.has(id)) {
      throw new CepError("DUPLICATE_DEFINITION", `'${id}' is defined already`, {
        offset: at.start,
        length: at.end - at.start,
      });
    }
  }

  #define(d: Definition): void {
    switch (d.kind) {
      case "stream":
        this.#refuseTaken(d.id, d.attributes, d);
        checkStreamAnnotations(d.annotations, d.attributes, this.#services.registry);
        this.#defineStream(
          d.id,
          plain(d.attributes),
          elementOf(annotationOf(d.annotations, "OnError"), "action")?.toLowerCase() === "stream",
        );
        this.#defineGate(d);
        return;
      case "table": {
        const known = this.env.tables.get(d.id);
        if (known !== undefined && sameAttributes(known.attributes, d.attributes)) return;
        this.#refuseTaken(d.id, undefined, d);
        this.env.tables.set(
          d.id,
          new Table(
            d.id,
            plain(d.attributes),
            d.annotations,
            d,
            (rows) => this.#services.charge(rows),
            (error) => this.#services.onFault(d.id, [], error, false),
          ),
        );
        return;
      }
      case "window":
        this.#refuseTaken(d.id, undefined, d);
        this.#defineWindow(d);
        return;
      case "trigger": {
        const attributes: Attribute[] = [{ name: "triggered_time", type: "long" }];
        this.#refuseTaken(d.id, attributes, d);
        const junction = this.#defineStream(d.id, attributes, false);
        const host = this.#host(`trigger:${d.id}`);
        host.operator("trigger", JSON.stringify(d.at), () => new Trigger(host, d.at, junction));
        return;
      }
      case "function":
        throw new CepError(
          "NOT_SUPPORTED",
          "Functions in a script language are not run: this engine evaluates no code",
          {
            offset: d.start,
            length: d.end - d.start,
            suggestion: "use the built-in functions",
          },
        );
      case "aggregation":
        this.#refuseTaken(d.id, undefined, d);
    }
  }

  #defineGate(d: Definition & { kind: "stream" | "table" }): void {
    const spec = watermarkOf(d.annotations, d.attributes);
    if (spec === undefined) return;
    if (spec.late === "fault" && !this.junctions.has(`!${d.id}`)) {
      this.#defineStream(`!${d.id}`, [...plain(d.attributes), { name: "_error", type: "object" }], false);
    }
    const junction = this.#defineStream(d.id, plain(d.attributes), false);
    const host = this.#host(`watermark:${d.id}`);
    const exit = {
      pass: (e: Ev) => {
        this.#services.arrive(e.ts);
        junction.sendOne(e);
      },
      late: (e: Ev) =>
        this.junctions.get(`!${d.id}`)?.sendOne(new Ev(e.ts, e.type, [...e.row, new Error("late")])),
    };
    this.gates.set(
      d.id,
      host.operator("watermark", JSON.stringify(spec), () => new WatermarkGate(host, spec, exit)),
    );
  }

  #host(name: string): QueryInstance {
    const host = new QueryInstance(this.#services, ++this.#index * 1000);
    this.hosts.set(name, host);
    return host;
  }

  #defineStream(id: string, attributes: readonly Attribute[], toFaultStream: boolean): Junction {
    const known = this.junctions.get(id);
    if (known !== undefined) return known;
    this.env.streams.set(id, attributes);
    const junction = new Junction(id, attributes, (chunk, error) =>
      this.#services.onFault(id, chunk, error, toFaultStream),
    );
    this.junctions.set(id, junction);
    if (toFaultStream && !id.startsWith("!"))
      this.#defineStream(`!${id}`, [...attributes, { name: "_error", type: "object" }], false);
    return junction;
  }

  #defineWindow(d: Definition & { kind: "window" }): void {
    const attributes = plain(d.attributes);
    const scope = new SingleScope(this.env, { id: d.id, ref: undefined, attributes, isMulti: false });
    const make = compileWindow(d.window, scope, this.env, d.outputEvents !== "current", true);
    const host = this.#host(`window:${d.id}`);
    const text = this.#app.text.slice(d.window.start, d.window.end);
    const window = host.operator("window", text + JSON.stringify(attributes), () => make(host));
    const junction = new Junction(d.id, attributes, (chunk, error) =>
      this.#services.onFault(d.id, chunk, error, false),
    );
    this.junctions.set(d.id, junction);
    this.env.windows.set(d.id, new NamedWindow(d.id, attributes, host, window, d.outputEvents, junction));
  }

  #defineAggregation(d: Definition & { kind: "aggregation" }): void {
    const compiled = compileAggregation(d, this.env);
    const host = this.#host(`aggregation:${d.id}`);
    const signature = this.#app.text.slice(d.start, d.end);
    const aggregation = host.operator(
      "aggregation",
      signature,
      () =>
        new Aggregation(
          compiled.plan,
          () => this.#services.now(),
          (rows) => this.#services.charge(rows),
        ),
    );
    this.env.aggregations.set(d.id, aggregation);
    const { tests, rest } = splitFilters(compiled.handlers);
    const first = linkChain(rest, host, aggregation, signature, "");
    this.junctions.get(compiled.stream)?.subscribe(entryTo(first, tests));
    const { purgeMs } = compiled;
    if (purgeMs !== undefined) host.operator("purge", signature, () => new Purge(host, aggregation, purgeMs));
  }

  #addQuery(query: Query): void {
    const plan = this.#compile(query, this.env);
    const target = this.#targetOf(plan, this.env, undefined);
    const instance = plan.instantiate(this.#services, target);
    for (const { stream, receiver } of instance.entries) this.junctions.get(stream)?.subscribe(receiver);
    this.queries.push({ plan, instance });
  }

  #compile(query: Query, env: Environment): QueryPlan {
    const named = this.#nameAnonymous(query);
    const plan = compileQuery(named, env, this.#app.text, ++this.#index);
    if (this.plans.has(plan.name)) {
      throw new CepError("DUPLICATE_DEFINITION", `Two queries are called '${plan.name}'`, {
        offset: query.start,
        length: query.end - query.start,
      });
    }
    this.plans.set(plan.name, plan);
    this.#defineOutput(plan, env);
    return plan;
  }

  /** `from (from S select … return) …`: the inner query gets a stream of its own. */
  #nameAnonymous(query: Query): Query {
    if (query.input.kind !== "anonymous") return query;
    const { input } = query;
    const target = `Anonymous_${++this.#index}`;
    const { eventType, start, end } = input.query.output;
    this.#addQuery({ ...input.query, output: { kind: "insert", target, marker: "", eventType, start, end } });
    return {
      ...query,
      input: {
        kind: "single",
        id: target,
        marker: "",
        alias: undefined,
        handlers: [],
        start: input.start,
        end: input.end,
      },
    };
  }

  #defineOutput(plan: QueryPlan, env: Environment): void {
    const node = plan.query.output;
    if (node.kind !== "insert") return;
    const { target } = node;
    if (node.marker === "#") {
      if (env.inner === undefined)
        throw new CepError("NOT_SUPPORTED", `The inner stream '${target}' needs a partition`, {
          offset: node.start,
          length: node.end - node.start,
        });
      const known = env.inner.get(target);
      if (known === undefined) env.inner.set(target, plan.output);
      else checkSameAttributes(plan.output, known, target, node);
      return;
    }
    if (this.env.tables.has(target)) return;
    const window = this.env.windows.get(target);
    if (window !== undefined) {
      checkSameAttributes(plan.output, window.attributes, target, node);
      return;
    }
    if (this.env.aggregations.has(target))
      throw new CepError("NOT_SUPPORTED", `Nothing is inserted into the aggregation '${target}'`, {
        offset: node.start,
        length: node.end - node.start,
      });
    const known = this.env.streams.get(target);
    if (known !== undefined) checkSameAttributes(plan.output, known, target, node);
    else if (node.marker === "!")
      throw new CepError("UNKNOWN_STREAM", `There is no fault stream '${target}'`, {
        offset: node.start,
        length: node.end - node.start,
      });
    else this.#defineStream(target, plan.output, false);
  }

  #targetOf(
    plan: QueryPlan,
    env: Environment,
    inner: ((stream: string) => Junction) | undefined,
  ): OutputTarget | undefined {
    const node: OutputNode = plan.query.output;
    if (node.kind === "return") return undefined;
    const table = env.tables.get(node.target);
    if (table !== undefined) return tableTarget(node, table, plan.output, env);
    if (node.kind !== "insert") {
      throw new CepError("UNKNOWN_STREAM", `There is no table '${node.target}'`, {
        offset: node.start,
        length: node.end - node.start,
        suggestion: suggest(node.target, env.tables.keys()),
      });
    }
    const window = env.windows.get(node.target);
    if (window !== undefined) return targetOf((events) => window.accept(events));
    const junction =
      node.marker === "#" && inner !== undefined ? inner(node.target) : this.junctions.get(node.target);
    return junction === undefined
      ? undefined
      : { accept: (events) => junction.send(events), acceptOne: (e) => junction.sendOne(e) };
  }

  #addPartition(partition: Partition): void {
    const env = this.#environment(new Map());
    const keys = compilePartitionKeys(partition, env);
    const plans = partition.queries.map((q) => this.#compile(q, env));
    for (const plan of plans) this.#targetOf(plan, env, (id) => new Junction(id, [], () => {}));
    const services: PartitionServices = {
      scheduler: this.#services.scheduler,
      charge: (rows) => this.#services.charge(rows),
      onTimerFault: (error) => this.#services.onTimerFault(error),
      maxPartitions: this.#services.maxPartitions,
      now: () => this.#services.now(),
      targetOf: (plan, inner) => this.#targetOf(plan, env, inner),
    };
    const name =
      elementOf(annotationOf(partition.annotations, "info"), "name") ?? `partition_${this.partitions.length}`;
    const streams = new Map([...this.env.streams, ...(env.inner ?? [])]);
    const runtime = new PartitionRuntime(
      name,
      plans,
      keys,
      streams,
      services,
      purgeOf(partition.annotations),
    );
    for (const stream of runtime.outerStreams)
      this.junctions.get(stream)?.subscribe(runtime.receiverFor(stream));
    this.partitions.push(runtime);
  }
}

/** Purges an aggregation at its interval. */
class Purge extends Processor {
  readonly #host: QueryInstance;
  readonly #everyMs: number;
  readonly #timer: ReturnType<QueryInstance["timer"]>;
  constructor(host: QueryInstance, aggregation: Aggregation, everyMs: number) {
    super();
    this.#host = host;
    this.#everyMs = everyMs;
    this.#timer = host.timer((time) => {
      aggregation.purge();
      this.#timer.notifyAt(time + everyMs);
    });
  }
  process(): void {
    // Works by its timer alone.
  }

  override start(): void {
    this.#timer.notifyAt(this.#host.now() + this.#everyMs);
  }
}

function plain(attributes: readonly Attribute[]): Attribute[] {
  return attributes.map(({ name, type }) => ({ name, type }));
}

function sameAttributes(a: readonly Attribute[], b: readonly Attribute[]): boolean {
  return a.length === b.length && a.every((x, i) => x.name === b[i]?.name && x.type === b[i]?.type);
}

/** A row as events carry it: the sender's own when it has the width, else filled up with nulls. */
export function rowOf(values: readonly unknown[], width: number): unknown[] {
  if (values.length === width) return values as unknown[]; // rows are never written to
  const row: unknown[] = [];
  for (let i = 0; i < width; i++) row.push(values[i] ?? null);
  return row;
}

/** A new event of the current type. */
export function eventOf(ts: number, values: readonly unknown[], width: number): Ev {
  return new Ev(ts, CURRENT, rowOf(values, width));
}
