import { type Ev, TIMER } from "../event.ts";
import { type Host, Processor } from "../runtime/processor.ts";
import { isRow } from "./per-events.ts";
import { Ticking } from "./ticking.ts";

export class FirstPerTime extends Processor {
  readonly #host: Host;
  readonly #ms: number;
  #sentAt: number | null = null;
  constructor(host: Host, ms: number) {
    super();
    this.#host = host;
    this.#ms = ms;
  }
  process(chunk: Ev[]): void {
    const now = this.#host.now();
    if (this.#sentAt !== null && this.#sentAt + this.#ms > now) return;
    const first = chunk.find(isRow);
    if (first === undefined) return;
    this.#sentAt = now;
    this.next.process([first]);
  }
  override save(): unknown {
    return this.#sentAt;
  }
  override load(saved: number | null): void {
    this.#sentAt = saved;
  }
}

export class FirstPerTimeByGroup extends Processor {
  readonly #host: Host;
  readonly #ms: number;
  #sentAt = new Map<unknown, number>();
  #pruneAt = 64;
  constructor(host: Host, ms: number) {
    super();
    this.#host = host;
    this.#ms = ms;
  }
  process(chunk: Ev[]): void {
    const now = this.#host.now();
    const out: Ev[] = [];
    for (const e of chunk) {
      if (!isRow(e)) continue;
      const sentAt = this.#sentAt.get(e.key);
      if (sentAt !== undefined && sentAt + this.#ms > now) continue;
      this.#sentAt.set(e.key, now);
      out.push(e);
    }
    if (this.#sentAt.size > this.#pruneAt) this.#prune(now);
    if (out.length > 0) this.next.process(out);
  }
  /** Forgets groups whose time has passed, each time the map has doubled. */
  #prune(now: number): void {
    for (const [key, sentAt] of this.#sentAt) if (sentAt + this.#ms <= now) this.#sentAt.delete(key);
    this.#pruneAt = Math.max(64, this.#sentAt.size * 2);
  }
  override save(): unknown {
    return this.#sentAt;
  }
  override load(saved: Map<unknown, number>): void {
    this.#sentAt = saved;
  }
}

/** Limiters that hold output until the next tick. */
abstract class Holding<T> extends Ticking<T> {
  process(chunk: Ev[]): void {
    const out: Ev[] = [];
    try {
      for (const e of chunk) {
        if (isRow(e)) this.hold(e);
        else if (e.type === TIMER && this.takeTick(e.ts)) {
          this.host.charge(-this.heldRows());
          this.release(out);
        }
      }
    } finally {
      if (out.length > 0) this.next.process(out);
    }
  }
  protected abstract hold(e: Ev): void;
  protected abstract release(out: Ev[]): void;
}

export class AllPerTime extends Holding<Ev[]> {
  constructor(host: Host, ms: number) {
    super(host, ms, []);
  }
  protected hold(e: Ev): void {
    this.host.charge(1);
    this.held.push(e);
  }
  protected release(out: Ev[]): void {
    for (const e of this.held) out.push(e);
    this.held = [];
  }
  override heldRows(): number {
    return this.held.length;
  }
}

export class LastPerTime extends Holding<Ev | null> {
  constructor(host: Host, ms: number) {
    super(host, ms, null);
  }
  protected hold(e: Ev): void {
    if (this.held === null) this.host.charge(1);
    this.held = e;
  }
  protected release(out: Ev[]): void {
    if (this.held !== null) out.push(this.held);
    this.held = null;
  }
  override heldRows(): number {
    return this.held === null ? 0 : 1;
  }
}

export class LastPerTimeByGroup extends Holding<Map<unknown, Ev>> {
  constructor(host: Host, ms: number) {
    super(host, ms, new Map());
  }
  protected hold(e: Ev): void {
    if (!this.held.has(e.key)) this.host.charge(1);
    this.held.set(e.key, e);
  }
  protected release(out: Ev[]): void {
    for (const e of this.held.values()) out.push(e);
    this.held.clear();
  }
  override heldRows(): number {
    return this.held.size;
  }
}
