import { CepApp, type RestoreReport, type TracedOutput } from "../cep/app.ts";
import { playbackOf } from "../cep/app-annotations.ts";
import { CepError } from "../cep/cep-error.ts";
import { parseApp } from "../cep/parser/parse-app.ts";
import type { Clock } from "../cep/runtime/time-keeper.ts";
import type { ThingEvent } from "./hand-over.ts";
import type { RuleLimits } from "./rule-limits.ts";
import type { RuleSink } from "./rule-sink.ts";
import type { RuleSource } from "./rule-source.ts";
import type { ThingPayload } from "./thing-payload.ts";
import { type Emit, type Wire, wireOwners } from "./wiring.ts";

/** Something that went wrong in a rule, without any value of an event. */
export interface RuleError {
  readonly code: string;
  readonly message: string;
  /** Counted from 1; absent when it happened while the rule ran. */
  readonly line?: number;
  readonly column?: number;
  readonly expected?: readonly string[];
  readonly suggestion?: string;
  /** While running: when it happened last, ms since 1970. */
  readonly atMs?: number;
}

/** Counted since the rule was deployed first. */
export interface RuleCounters {
  eventsIn: number;
  eventsOut: number;
  errors: number;
  /** Timers that ran. */
  timers: number;
  /**
   * What the rule costs, wherever it runs: the events that entered any stream of its text, each one pass through the
   * operators that read it, and the timers.
   */
  steps: number;
  /** Time that passed while it worked, in ms. On Cloudflare the clock stands during a turn: there it stays 0. */
  busyMs: number;
}

/** Of a rule that has done nothing yet. */
export const noCounters: RuleCounters = {
  eventsIn: 0,
  eventsOut: 0,
  errors: 0,
  timers: 0,
  steps: 0,
  busyMs: 0,
};

/** Milliseconds since whenever. */
export type Stopwatch = () => number;

/** One SiddhiQL app with its connectors: events of things go in, outputs of its sinks come out. */
export class Rule {
  readonly name: string;
  readonly text: string;
  readonly sources: readonly RuleSource[];
  readonly hasWebhooks: boolean;
  readonly counters: RuleCounters = { ...noCounters };
  /** Of `counters.steps`, those that the app itself has counted. */
  #appSteps = 0;
  readonly #stopwatch: Stopwatch;
  lastError: RuleError | undefined;
  /** How long the last event had waited when it was processed. */
  lagMs = 0;
  /** Something happened since the last snapshot. */
  isChanged = true;
  readonly #app: CepApp;
  readonly #clock: Clock;
  readonly #isPlayback: boolean;

  /** @throws CepError with position, expectation and suggestion. */
  constructor(
    name: string,
    text: string,
    clock: Clock,
    limits: RuleLimits,
    emit: Emit,
    wire: Wire = wireOwners,
    stopwatch: Stopwatch = () => 0,
  ) {
    this.#stopwatch = stopwatch;
    this.name = name;
    this.text = text;
    this.#clock = clock;
    try {
      const app = parseApp(text);
      this.#isPlayback = playbackOf(app.annotations).isPlayback;
      const wiring = wire(name, app);
      this.#app = new CepApp(wiring.text, {
        clock,
        limits: { maxRows: limits.maxRows, maxPartitionKeys: limits.maxPartitionKeys },
        extensions: wiring.connectors,
        onError: (_stream, error) => this.failed(error),
      });
      this.sources = wiring.sources;
      const sinks = wiring.sinks((stream) => this.#app.attributesOf(stream));
      this.hasWebhooks = sinks.some(({ isWebhook }) => isWebhook);
      for (const sink of sinks) this.#watch(sink.stream, sink, emit);
    } catch (error) {
      throw error instanceof CepError ? error.locate(text) : error;
    }
  }

  #watch(stream: string, sink: RuleSink, emit: Emit): void {
    this.#app.onStream(stream, (events) => {
      for (const event of events) if (!event.isExpired) emit(sink, event);
    });
  }

  start(): void {
    this.isChanged = true;
    this.#guard(() => this.#app.start());
  }

  /** Gives one source one event. */
  take(source: RuleSource, event: ThingEvent, payload: ThingPayload): void {
    if (!source.takes(event)) return;
    this.isChanged = true;
    this.lagMs = Math.max(0, this.#clock.now() - event.atMs);
    this.#guard(() => {
      for (const { row, timeMs } of source.rows(event, payload)) {
        this.counters.eventsIn++;
        this.#app.send(source.stream, row, this.#isPlayback ? timeMs : undefined);
      }
    });
  }

  /** Runs the timers that are due by the clock. */
  runDue(): void {
    this.isChanged = true;
    this.#guard(() => {
      const ran = this.#app.runDue();
      this.counters.timers += ran;
      this.counters.steps += ran;
    });
  }

  nextDue(): number | undefined {
    return this.#app.nextDue();
  }

  /** The counters as they are now. */
  count(): RuleCounters {
    let steps = 0;
    for (const events of Object.values(this.#app.metrics().streams)) steps += events;
    this.counters.steps += steps - this.#appSteps;
    this.#appSteps = steps;
    return { ...this.counters };
  }

  /** Rows held, for `RuleLimits.maxRows`. */
  rows(): number {
    return this.#app.metrics().rows;
  }

  metrics() {
    return this.#app.metrics();
  }

  snapshot(): string {
    return this.#app.snapshot();
  }

  /** @throws CepError `SNAPSHOT` */
  restore(snapshot: string): RestoreReport {
    return this.#app.restore(snapshot);
  }

  /** Drops what is kept under these keys alone: the partitions that they name, and rows of tables that hold one. */
  forget(keys: ReadonlySet<string>): void {
    this.isChanged = true;
    this.#app.forget(keys);
  }

  /** Watches what each query puts out, and the events that it came from. */
  onTrace(listener: (trace: TracedOutput) => void): void {
    this.#app.onTrace(listener);
  }

  /** Counts what went wrong; the rule goes on with the next event. */
  failed(error: unknown): void {
    this.counters.errors++;
    this.lastError = { ...ruleErrorOf(error), atMs: this.#clock.now() };
  }

  #guard(work: () => void): void {
    const startedMs = this.#stopwatch();
    try {
      work();
    } catch (error) {
      this.failed(error);
    }
    this.counters.busyMs += this.#stopwatch() - startedMs;
  }
}

/** The part of an error that may be told: codes, positions and rules, no values. */
export function ruleErrorOf(error: unknown): RuleError {
  if (!(error instanceof CepError)) {
    return {
      code: "RUNTIME",
      message: error instanceof RangeError ? "too deep or too large" : "the rule failed",
    };
  }
  const { code, message, position, expected, suggestion } = error;
  return {
    code,
    message,
    ...(position !== undefined && { line: position.line, column: position.column }),
    ...(expected.length > 0 && { expected }),
    ...(suggestion !== undefined && { suggestion }),
  };
}
