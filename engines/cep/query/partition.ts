import { CepError } from "../cep-error.ts";
import type { Attribute, Ev } from "../event.ts";
import { compileCondition, compileExpression } from "../expression/compile-expression.ts";
import { valueToString } from "../expression/java-number.ts";
import {
  type Annotation,
  annotationOf,
  elementOf,
  type Partition,
  type PartitionWith,
} from "../parser/ast.ts";
import { timeOf } from "../parser/parse-expression.ts";
import { TokenStream } from "../parser/token-stream.ts";
import { Junction, type Receiver, receiverOf } from "../runtime/junction.ts";
import { type SavedTimer, Timer } from "../runtime/scheduler.ts";
import type { QueryPlan } from "./compile-query.ts";
import { type Environment, sourceOf } from "./environment.ts";
import { type InstanceServices, type QueryInstance, refuse, type SavedOperator } from "./instance.ts";
import type { OutputTarget } from "./query-output.ts";
import { SingleScope } from "./scope.ts";

/** The key of an event, or null when it belongs to no partition. */
type KeyOf = (e: Ev) => string | null;

/** How the events of each stream find their partition. */
export type PartitionKeys = ReadonlyMap<string, readonly KeyOf[]>;

/** @throws CepError when a `with` names no stream, or its expression does not compile. */
export function compilePartitionKeys(partition: Partition, env: Environment): PartitionKeys {
  const keys = new Map<string, KeyOf[]>();
  for (const w of partition.with) {
    const source = sourceOf(env, w.stream, partition);
    const scope = new SingleScope(env, {
      id: w.stream,
      ref: undefined,
      attributes: source.attributes,
      isMulti: false,
    });
    const list = keys.get(w.stream) ?? [];
    list.push(...keysOf(w, scope));
    keys.set(w.stream, list);
  }
  return keys;
}

function keysOf(w: PartitionWith, scope: SingleScope): KeyOf[] {
  if (w.kind === "value") {
    const { fn, type } = compileExpression(w.expression, scope);
    return [
      (e) => {
        const value = fn(e);
        return typeof value === "string"
          ? value
          : value === null || value === undefined
            ? null
            : valueToString(value, type);
      },
    ];
  }
  return w.ranges.map(({ condition, label }) => {
    const { fn } = compileCondition(condition, scope);
    return (e) => (fn(e) === true ? label : null);
  });
}

/** `@purge(enable='true', interval='10 sec', idle.period='1 hour')` of a partition. */
export interface PartitionPurge {
  readonly everyMs: number;
  readonly idleMs: number;
}

/** @throws CepError `WRONG_ANNOTATION` */
export function purgeOf(annotations: readonly Annotation[]): PartitionPurge | undefined {
  const annotation = annotationOf(annotations, "purge");
  if (annotation === undefined) return undefined;
  const wrong = (message: string, expected: string[]): never => {
    throw new CepError("WRONG_ANNOTATION", message, {
      offset: annotation.start,
      length: annotation.end - annotation.start,
      expected,
    });
  };
  const enable = elementOf(annotation, "enable") ?? wrong("@purge needs 'enable'", ["enable"]);
  if (!/^(true|false)$/i.test(enable)) wrong("@purge takes enable='true' or 'false'", ["true", "false"]);
  const idle = elementOf(annotation, "idle.period") ?? wrong("@purge needs 'idle.period'", ["idle.period"]);
  const idleMs =
    timeOf(idle, (t) => new TokenStream(t)) ?? wrong(`'${idle}' is no time`, ["a time such as '1 hour'"]);
  const interval = elementOf(annotation, "interval") ?? "300 sec";
  const everyMs =
    timeOf(interval, (t) => new TokenStream(t)) ??
    wrong(`'${interval}' is no time`, ["a time such as '10 sec'"]);
  return enable.toLowerCase() === "true" ? { everyMs, idleMs } : undefined;
}

interface KeyedInstance {
  readonly queries: QueryInstance[];
  /** The partition's own copy of each stream it reads, inner ones included. */
  readonly junctions: Map<string, Junction>;
  /** Where single events of the outer streams go, in the order of `#entryStreams`. */
  readonly entries: readonly (Receiver | undefined)[];
  lastUsed: number;
}

/** What a partition needs of the app. */
export interface PartitionServices extends InstanceServices {
  targetOf(plan: QueryPlan, inner: (stream: string) => Junction): OutputTarget | undefined;
  readonly maxPartitions: number;
  now(): number;
}

/** The saved state of a partition: timers, then per key when it was used and its queries' operators. */
export interface SavedPartition {
  readonly timer: SavedTimer | undefined;
  readonly keys: [string, number, Record<string, Record<string, SavedOperator>>][];
}

/** A partition at run time: a copy of its queries per key, made when the key first comes. */
export class PartitionRuntime {
  readonly name: string;
  readonly #plans: readonly QueryPlan[];
  readonly #keys: PartitionKeys;
  readonly #streams: ReadonlyMap<string, readonly Attribute[]>;
  readonly #services: PartitionServices;
  readonly #purge: PartitionPurge | undefined;
  readonly #timer: Timer;
  readonly #instances = new Map<string, KeyedInstance>();
  readonly #entryStreams: string[] = [];

  constructor(
    name: string,
    plans: readonly QueryPlan[],
    keys: PartitionKeys,
    streams: ReadonlyMap<string, readonly Attribute[]>,
    services: PartitionServices,
    purge: PartitionPurge | undefined,
  ) {
    this.name = name;
    this.#plans = plans;
    this.#keys = keys;
    this.#streams = streams;
    this.#services = services;
    this.#purge = purge;
    this.#timer = new Timer(services.scheduler, 0, (time) => this.#onPurge(time));
  }

  /** Streams from outside that the partition's queries read. */
  get outerStreams(): string[] {
    return [...new Set(this.#plans.flatMap((p) => p.streams))].filter((s) => !s.startsWith("#"));
  }

  get keyCount(): number {
    return this.#instances.size;
  }

  /** The entry for an outer stream. */
  receiverFor(stream: string): Receiver {
    const keys = this.#keys.get(stream);
    const [only] = keys ?? [];
    const receive = (chunk: readonly Ev[]) => this.receive(stream, chunk);
    if (only === undefined || keys?.length !== 1) return receiverOf(receive);
    const at = this.#entryOf(stream);
    return {
      receive,
      receiveOne: (e) => {
        const key = only(e);
        if (key !== null) this.#instanceOf(key).entries[at]?.receiveOne(e);
      },
    };
  }

  /** The place of a stream's junction among an instance's entries. */
  #entryOf(stream: string): number {
    const at = this.#entryStreams.indexOf(stream);
    return at >= 0 ? at : this.#entryStreams.push(stream) - 1;
  }

  #instanceOf(key: string): KeyedInstance {
    let instance = this.#instances.get(key);
    if (instance === undefined) {
      instance = this.#create(key);
      for (const q of instance.queries) q.start();
      if (this.#purge !== undefined && this.#timer.queue.length === 0)
        this.#timer.notifyAt(this.#services.now() + this.#purge.everyMs);
    }
    if (this.#purge !== undefined) instance.lastUsed = this.#services.now();
    return instance;
  }

  /** Takes a chunk of an outer stream: neighbours with one key stay together. */
  receive(stream: string, chunk: readonly Ev[]): void {
    const keys = this.#keys.get(stream);
    if (keys === undefined) {
      for (const instance of this.#instances.values()) instance.junctions.get(stream)?.send(chunk);
      return;
    }
    if (chunk.length === 1) {
      for (const keyOf of keys) this.#dispatch(keyOf(chunk[0] as Ev), stream, chunk); // length checked
      return;
    }
    let current: string | null = null;
    let run: Ev[] = [];
    for (const e of chunk) {
      let isTaken = false;
      for (const keyOf of keys) {
        const key = keyOf(e);
        if (key === null) continue;
        if (current === null) current = key;
        else if (current !== key) {
          this.#dispatch(current, stream, run);
          current = key;
          run = isTaken ? [e] : [];
        }
        if (!isTaken) run.push(e);
        isTaken = true;
      }
    }
    this.#dispatch(current, stream, run);
  }

  #dispatch(key: string | null, stream: string, chunk: readonly Ev[]): void {
    if (key === null || chunk.length === 0) return;
    this.#instanceOf(key).junctions.get(stream)?.send(chunk);
  }

  #create(key: string): KeyedInstance {
    if (this.#instances.size >= this.#services.maxPartitions)
      refuse("partition keys", this.#services.maxPartitions);
    const junctions = new Map<string, Junction>();
    const junctionOf = (stream: string): Junction => {
      let junction = junctions.get(stream);
      if (junction === undefined) {
        junction = new Junction(stream, this.#streams.get(stream) ?? [], (_chunk, error) => {
          throw error;
        });
        junctions.set(stream, junction);
      }
      return junction;
    };
    const queries = this.#plans.map((plan) => {
      const query = plan.instantiate(this.#services, this.#services.targetOf(plan, junctionOf));
      for (const { stream, receiver } of query.entries) junctionOf(stream).subscribe(receiver);
      return query;
    });
    const entries = this.#entryStreams.map((s) => junctions.get(s)?.entry());
    const instance = { queries, junctions, entries, lastUsed: this.#services.now() };
    this.#instances.set(key, instance);
    return instance;
  }

  #onPurge(time: number): void {
    if (this.#purge === undefined) return;
    for (const [key, instance] of [...this.#instances]) {
      if (instance.lastUsed + this.#purge.idleMs >= time) continue;
      for (const q of instance.queries) q.discard();
      this.#instances.delete(key);
    }
    if (this.#instances.size > 0) this.#timer.notifyAt(time + this.#purge.everyMs);
  }

  /** Drops what is kept under these keys. */
  forget(keys: ReadonlySet<string>): void {
    for (const key of keys) {
      for (const q of this.#instances.get(key)?.queries ?? []) q.discard();
      this.#instances.delete(key);
    }
  }

  /** Rows and partial matches held, by key. */
  sizes(): { key: string; rows: number; matches: number }[] {
    return [...this.#instances].map(([key, instance]) => {
      let rows = 0;
      let matches = 0;
      for (const q of instance.queries) {
        const size = q.size();
        rows += size.rows;
        matches += size.matches;
      }
      return { key, rows, matches };
    });
  }

  stop(): void {
    this.#timer.cancel();
    for (const instance of this.#instances.values()) for (const q of instance.queries) q.stop();
  }

  save(): SavedPartition {
    const keys = [...this.#instances].map(([key, instance]): SavedPartition["keys"][number] => [
      key,
      instance.lastUsed,
      Object.fromEntries(instance.queries.map((q, i) => [this.#plans[i]?.name ?? "", q.save()])),
    ]);
    return { timer: this.#timer.save(), keys };
  }

  /** @returns paths of what did not fit. */
  load(saved: SavedPartition, isResuming: boolean): string[] {
    this.stop();
    for (const instance of this.#instances.values()) for (const q of instance.queries) q.discard();
    this.#instances.clear();
    this.#timer.load(saved.timer, isResuming);
    const dropped: string[] = [];
    for (const [key, lastUsed, queries] of saved.keys) {
      const instance = this.#create(key);
      instance.lastUsed = lastUsed;
      instance.queries.forEach((q, i) => {
        const name = this.#plans[i]?.name ?? "";
        dropped.push(
          ...q.load(queries[name] ?? {}, isResuming).dropped.map((p) => `${this.name}/${name}/${p}`),
        );
      });
    }
    return dropped;
  }
}
