import { CURRENT, copyAs, type Ev, EXPIRED, RESET } from "../event.ts";
import { constantNumber } from "../expression/compiled.ts";
import type { WindowExtension } from "../extension.ts";
import type { Host } from "../runtime/processor.ts";
import { Ring } from "../runtime/ring.ts";
import type { Timer } from "../runtime/scheduler.ts";
import { CronExpression } from "./cron-expression.ts";
import { WindowProcessor } from "./window.ts";

/** Sends what has gathered at the times of a cron expression. */
class CronWindow extends WindowProcessor {
  readonly #host: Host;
  readonly #cron: CronExpression;
  readonly #timer: Timer;
  #current: Ev[] = [];
  #expired: Ev[] = [];
  constructor(host: Host, cron: CronExpression) {
    super();
    this.#host = host;
    this.#cron = cron;
    this.#timer = host.timer((time) => this.#fire(time));
  }
  override start(): void {
    this.#schedule(this.#host.now());
  }
  #schedule(after: number): void {
    const next = this.#cron.next(after);
    if (next !== undefined) this.#timer.notifyAt(next);
  }
  contents(): readonly Ev[] {
    return this.#expired;
  }
  size(): number {
    return this.#current.length + this.#expired.length;
  }
  process(chunk: Ev[]): void {
    this.#host.charge(chunk.length);
    for (const e of chunk) this.#current.push(copyAs(e, e.type));
  }
  #fire(time: number): void {
    this.#schedule(time);
    if (this.#current.length === 0) return;
    const now = this.#host.now();
    const out = this.#expired;
    for (const e of out) e.ts = now;
    this.#host.charge(-out.length);
    this.#expired = this.#current.map((e) => copyAs(e, EXPIRED));
    out.push(...this.#current);
    this.#current = [];
    this.next.process(out);
  }
  override save(): unknown {
    return [this.#current, this.#expired];
  }
  override load([current, expired]: [Ev[], Ev[]]): void {
    this.#current = current;
    this.#expired = expired;
  }
}

/** Every hop, sends the events of the last so much time as a batch. */
class HoppingWindow extends WindowProcessor {
  readonly #host: Host;
  readonly #ms: number;
  readonly #hopMs: number;
  readonly #timer: Timer;
  #events = new Ring<Ev>();
  #sent: Ev[] = [];
  #isRunning = false;
  constructor(host: Host, ms: number, hopMs: number) {
    super();
    this.#host = host;
    this.#ms = ms;
    this.#hopMs = hopMs;
    this.#timer = host.timer((time) => this.#hop(time));
  }
  contents(): readonly Ev[] {
    return this.#sent;
  }
  size(): number {
    return this.#events.length;
  }
  process(chunk: Ev[]): void {
    for (const e of chunk) {
      if (e.type !== CURRENT) continue;
      this.#host.charge(1);
      this.#events.push(copyAs(e, CURRENT));
    }
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#timer.notifyAt(this.#host.now() + this.#hopMs);
  }
  #hop(time: number): void {
    for (
      let head = this.#events.peek();
      head !== undefined && head.ts <= time - this.#ms;
      head = this.#events.peek()
    ) {
      this.#events.shift();
      this.#host.charge(-1);
    }
    const out: Ev[] = [];
    for (const e of this.#sent) {
      e.ts = time;
      out.push(e);
    }
    const batch = this.#events.toArray();
    const head = batch[0];
    if (head !== undefined) out.push(copyAs(head, RESET));
    for (const e of batch) out.push(copyAs(e, CURRENT));
    this.#sent = batch.map((e) => copyAs(e, EXPIRED));
    this.#isRunning = batch.length > 0;
    if (this.#isRunning) this.#timer.notifyAt(time + this.#hopMs);
    if (out.length > 0) this.next.process(out);
  }
  override save(): unknown {
    return [this.#events.toArray(), this.#sent, this.#isRunning];
  }
  override load([events, sent, isRunning]: [Ev[], Ev[], boolean]): void {
    this.#events = new Ring(events);
    this.#sent = sent;
    this.#isRunning = isRunning;
  }
}

/** What a join puts behind an input without a window: every event comes, goes and is forgotten at once. */
export class EmptyWindow extends WindowProcessor {
  readonly #host: Host;
  readonly #expectsExpired: boolean;
  constructor(host: Host, expectsExpired: boolean) {
    super();
    this.#host = host;
    this.#expectsExpired = expectsExpired;
  }
  contents(): readonly Ev[] {
    return [];
  }
  size(): number {
    return 0;
  }
  process(chunk: Ev[]): void {
    const now = this.#host.now();
    const out: Ev[] = [];
    for (const e of chunk) {
      out.push(e);
      if (this.#expectsExpired) {
        const expired = copyAs(e, EXPIRED);
        expired.ts = now;
        out.push(expired);
      }
      const reset = copyAs(e, RESET);
      reset.ts = now;
      out.push(reset);
    }
    this.next.process(out);
  }
}

export const cronWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "cron",
  description: "Sends what has gathered as a batch at the times of a cron expression (UTC).",
  parameters: [
    {
      name: "cron.expression",
      types: ["string"],
      description: "second minute hour day-of-month month day-of-week [year]",
    },
  ],
  overloads: [["cron.expression"]],
  returns: [],
  examples: [
    {
      syntax: "from S#window.cron('0 0 * * * ?') select sum(kwh) as used insert into Hourly;",
      description: "A total on every full hour.",
    },
  ],
  create: ({ args }) => {
    const cron = new CronExpression(String(args[0]?.constant?.value ?? ""));
    return (host) => new CronWindow(host, cron);
  },
};

export const hoppingWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "hopping",
  description: "Every hop, a batch of the events of the last so much time; batches may overlap.",
  parameters: [
    { name: "window.time", types: ["int", "long", "time"], description: "How far back a batch reaches." },
    { name: "hop.time", types: ["int", "long", "time"], description: "How often a batch is sent." },
  ],
  overloads: [["window.time", "hop.time"]],
  returns: [],
  examples: [
    {
      syntax: "from S#window.hopping(10 min, 1 min) select avg(temp) as mean insert into Out;",
      description: "Every minute, the mean of the last ten.",
    },
  ],
  create:
    ({ args }) =>
    (host) =>
      new HoppingWindow(host, constantNumber(args[0]) ?? 0, constantNumber(args[1]) ?? 0),
};
