import { CepError } from "../cep-error.ts";
import { CURRENT, copyAs, type Ev, EXPIRED } from "../event.ts";
import { type Compiled, constantNumber } from "../expression/compiled.ts";
import type { WindowExtension } from "../extension.ts";
import { type Host, timerEvent } from "../runtime/processor.ts";
import type { Timer } from "../runtime/scheduler.ts";
import { WindowProcessor } from "./window.ts";

/** The events of one session with its start, its end and how long it takes late events. */
class Session {
  events: Ev[] = [];
  start = 0;
  end = 0;
  alive = 0;
  /** Where the next late event goes; Siddhi's list iterator stays where it was. */
  cursor = -1;
  set(start: number, end: number, alive: number): void {
    this.start = start;
    this.end = end;
    this.alive = alive;
  }
  clear(): void {
    this.events = [];
    this.cursor = -1;
  }
  insertLate(events: Ev[]): void {
    if (this.cursor + 1 < this.events.length) this.cursor++;
    this.events.splice(this.cursor, 0, ...events);
    this.cursor += events.length;
  }
  save(): unknown[] {
    return [this.events, this.start, this.end, this.alive, this.cursor];
  }
  static load(saved: [Ev[], number, number, number, number]): Session {
    const session = new Session();
    [session.events, session.start, session.end, session.alive, session.cursor] = saved;
    return session;
  }
}

interface Container {
  current: Session;
  previous: Session;
}

/** Events per key with no gap longer than so much; a session expires as a whole when its gap has passed. */
class SessionWindow extends WindowProcessor {
  readonly #host: Host;
  readonly #gap: number;
  readonly #latency: number;
  readonly #keyOf: ((e: Ev) => unknown) | undefined;
  readonly #timer: Timer;
  #containers = new Map<unknown, Container>();
  #leaving: Ev[] = [];

  constructor(host: Host, gap: number, latency: number, keyOf: ((e: Ev) => unknown) | undefined) {
    super();
    this.#host = host;
    this.#gap = gap;
    this.#latency = latency;
    this.#keyOf = keyOf;
    this.#timer = host.timer((time) => this.process([timerEvent(time)]));
  }

  contents(): readonly Ev[] {
    return this.#leaving;
  }
  size(): number {
    let rows = 0;
    for (const c of this.#containers.values()) rows += c.current.events.length + c.previous.events.length;
    return rows;
  }

  process(chunk: Ev[]): void {
    const out: Ev[] = [];
    try {
      for (const e of chunk) {
        if (e.type !== CURRENT) {
          this.#timeoutCurrent(e.ts);
          if (this.#latency > 0) this.#timeoutPrevious(e.ts);
          this.#forgetEmpty();
          out.push(e);
        } else if (this.#take(e)) {
          out.push(e);
        }
      }
    } finally {
      const leaving = this.#leaving;
      this.#leaving = [];
      this.#host.charge(-leaving.length);
      out.push(...leaving);
      this.next.process(out);
    }
  }

  /** @returns false when the event is too late for any session. */
  #take(e: Ev): boolean {
    this.#host.charge(1);
    const key = this.#keyOf?.(e) ?? null;
    const container = this.#containers.get(key) ?? { current: new Session(), previous: new Session() };
    this.#containers.set(key, container);
    const { current } = container;
    const copy = copyAs(e, EXPIRED);
    const end = e.ts + this.#gap;
    const alive = end + this.#latency;
    if (current.events.length === 0) {
      current.events.push(copy);
      current.set(e.ts, end, alive);
      this.#timer.notifyAt(end);
    } else if (e.ts < current.start) {
      const isTaken = this.#addLate(container, copy);
      if (!isTaken) this.#host.charge(-1);
      return isTaken;
    } else if (e.ts <= current.end) {
      current.set(current.start, end, alive);
      current.events.push(copy);
      this.#timer.notifyAt(end);
    } else if (this.#latency > 0) {
      this.#retire(container);
      current.clear();
      current.set(e.ts, end, alive);
      current.events.push(copy);
      this.#timer.notifyAt(end);
    }
    return true;
  }

  #retire({ current, previous }: Container): void {
    if (previous.events.length > 0) this.#leaving.push(...previous.events);
    previous.clear();
    previous.events.push(...current.events);
    previous.set(current.start, current.end, current.alive);
    this.#timer.notifyAt(current.alive);
  }

  #addLate({ current, previous }: Container, e: Ev): boolean {
    if (e.ts >= current.start - this.#gap) {
      current.insertLate([e]);
      current.start = e.ts;
      if (this.#latency > 0) this.#merge(previous, current);
      return true;
    }
    if (this.#latency === 0 || previous.events.length === 0 || e.ts < previous.start - this.#gap)
      return false;
    previous.events.push(e);
    if (e.ts <= previous.end - this.#gap && e.ts < previous.start) previous.start = e.ts;
    else {
      previous.end = e.ts + this.#gap;
      previous.alive = e.ts + this.#gap + this.#latency;
      this.#merge(previous, current);
    }
    return true;
  }

  #merge(previous: Session, next: Session): void {
    if (previous.events.length === 0 || previous.end < next.start - this.#gap) return;
    next.insertLate(previous.events);
    next.start = previous.start;
    previous.clear();
  }

  #timeoutCurrent(now: number): void {
    const open = [...this.#containers.values()]
      .filter((c) => c.current.events.length > 0)
      .sort((a, b) => a.current.end - b.current.end);
    for (const { current, previous } of open) {
      if (now < current.end) break;
      if (this.#latency > 0) {
        previous.events.push(...current.events);
        previous.set(current.start, current.end, current.alive);
        this.#timer.notifyAt(current.alive);
      } else {
        this.#leaving.push(...current.events);
      }
      current.clear();
    }
  }

  #timeoutPrevious(now: number): void {
    const open = [...this.#containers.values()]
      .filter((c) => c.previous.events.length > 0)
      .sort((a, b) => a.previous.end - b.previous.end);
    for (const { previous } of open) {
      if (now < previous.alive) break;
      this.#leaving.push(...previous.events);
      previous.clear();
    }
  }

  #forgetEmpty(): void {
    for (const [key, { current, previous }] of this.#containers)
      if (current.events.length === 0 && previous.events.length === 0) this.#containers.delete(key);
  }

  override save(): unknown {
    return [...this.#containers].map(([key, c]) => [key, c.current.save(), c.previous.save()]);
  }
  override load(
    saved: [unknown, Parameters<typeof Session.load>[0], Parameters<typeof Session.load>[0]][],
  ): void {
    this.#containers = new Map(
      saved.map(([key, current, previous]) => [
        key,
        { current: Session.load(current), previous: Session.load(previous) },
      ]),
    );
  }
}

const TIME = ["int", "long", "time"] as const;

export const sessionWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "session",
  description: "Sessions of events, parted by a gap without any.",
  parameters: [
    { name: "session.gap", types: TIME, description: "How long without an event ends a session." },
    {
      name: "session.key",
      types: ["string"],
      description: "The attribute that sessions are kept by.",
      isOptional: true,
      isDynamic: true,
    },
    {
      name: "allowed.latency",
      types: TIME,
      description: "How long a session takes late events; not above the gap.",
      isOptional: true,
      default: "0",
    },
  ],
  overloads: [
    ["session.gap"],
    ["session.gap", "session.key"],
    ["session.gap", "session.key", "allowed.latency"],
  ],
  returns: [],
  examples: [
    {
      syntax:
        "from Purchases#window.session(5 sec, user) select user, sum(price) as spent group by user insert all events into Out;",
      description: "What each user spends in one go.",
    },
  ],
  create: ({ args, at }) => {
    const span = { offset: at.start, length: at.end - at.start };
    const key: Compiled | undefined = args.slice(1).find((a) => a.type === "string");
    if (key !== undefined && key.variable === undefined)
      throw new CepError("WRONG_PARAMETERS", "A session key must be an attribute", span);
    const gap = constantNumber(args[0]) ?? 0;
    const latency = constantNumber(args[2]) ?? 0;
    if (latency > gap)
      throw new CepError(
        "WRONG_PARAMETERS",
        "The allowed latency of a session must not be above its gap",
        span,
      );
    return (host) => new SessionWindow(host, gap, latency, key?.fn);
  },
};
