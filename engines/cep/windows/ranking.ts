import { CepError } from "../cep-error.ts";
import { type Attribute, CURRENT, copyAs, type Ev, EXPIRED } from "../event.ts";
import { type Compiled, constantNumber } from "../expression/compiled.ts";
import { valueToString } from "../expression/java-number.ts";
import type { WindowExtension } from "../extension.ts";
import type { Span } from "../parser/ast.ts";
import type { Host } from "../runtime/processor.ts";
import { javaHashOrder } from "./java-hash-order.ts";
import { WindowProcessor } from "./window.ts";

const KEY = ["string", "int", "long", "float", "double", "bool", "object"] as const;

interface SortKey {
  readonly fn: (e: Ev) => never;
  readonly sign: 1 | -1;
}

/** Keeps the first so many events by the given order; what sorts last leaves. */
class SortWindow extends WindowProcessor {
  readonly #host: Host;
  readonly #length: number;
  readonly #keys: readonly SortKey[];
  #events: Ev[] = [];
  constructor(host: Host, length: number, keys: readonly SortKey[]) {
    super();
    this.#host = host;
    this.#length = length;
    this.#keys = keys;
  }
  contents(): readonly Ev[] {
    return this.#events;
  }
  size(): number {
    return this.#events.length;
  }
  process(chunk: Ev[]): void {
    const now = this.#host.now();
    const out: Ev[] = [];
    for (const e of chunk) {
      out.push(e);
      if (e.type !== CURRENT) continue;
      const isFull = this.#events.length >= this.#length;
      if (!isFull) this.#host.charge(1);
      this.#events.push(copyAs(e, EXPIRED));
      if (!isFull) continue;
      this.#events.sort((a, b) => this.#compare(a, b));
      const leaving = this.#events.pop() as Ev; // one was just pushed
      leaving.ts = now;
      out.push(leaving);
    }
    this.next.process(out);
  }
  #compare(a: Ev, b: Ev): number {
    for (const { fn, sign } of this.#keys) {
      const x = fn(a);
      const y = fn(b);
      if (x < y) return -sign;
      if (x > y) return sign;
    }
    return 0;
  }
  override save(): unknown {
    return this.#events;
  }
  override load(saved: Ev[]): void {
    this.#events = saved;
  }
}

/** Windows that keep the newest event of each key that is seen often enough, with a count for it. */
abstract class KeyedWindow<C> extends WindowProcessor {
  readonly #host: Host;
  readonly #keyOf: (e: Ev) => string;
  protected events = new Map<string, Ev>();
  protected counts = new Map<string, C>();
  constructor(host: Host, keyOf: (e: Ev) => string) {
    super();
    this.#host = host;
    this.#keyOf = keyOf;
  }
  contents(): readonly Ev[] {
    return [...this.events.values()];
  }
  size(): number {
    return this.events.size;
  }
  process(chunk: Ev[]): void {
    const now = this.#host.now();
    const out: Ev[] = [];
    const before = this.size() + chunk.length;
    this.#host.charge(chunk.length);
    for (const e of chunk) this.pass(e, this.#keyOf(e), now, out);
    this.#host.charge(this.size() - before);
    this.next.process(out);
  }
  protected abstract pass(e: Ev, key: string, now: number, out: Ev[]): void;
  /** Forgets a key; its event leaves. */
  protected leave(key: string, now: number, out: Ev[]): void {
    this.counts.delete(key);
    const leaving = this.events.get(key);
    this.events.delete(key);
    if (leaving === undefined) return;
    leaving.ts = now;
    out.push(leaving);
  }
}

/** Misra-Gries: keeps the events whose keys were seen most. */
class FrequentWindow extends KeyedWindow<number> {
  readonly #limit: number;
  constructor(host: Host, limit: number, keyOf: (e: Ev) => string) {
    super(host, keyOf);
    this.#limit = limit;
  }
  protected override pass(e: Ev, key: string, now: number, out: Ev[]): void {
    const isKnown = this.events.has(key);
    this.events.set(key, copyAs(e, EXPIRED));
    if (isKnown) {
      this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
      out.push(e);
      return;
    }
    if (this.events.size > this.#limit) this.#decrement(now, out);
    if (this.events.size > this.#limit) {
      this.events.delete(key);
    } else {
      this.counts.set(key, 1);
      out.push(e);
    }
  }
  #decrement(now: number, out: Ev[]): void {
    for (const key of javaHashOrder([...this.counts.keys()]).slice(0, this.#limit)) {
      const count = (this.counts.get(key) ?? 0) - 1;
      if (count > 0) this.counts.set(key, count);
      else this.leave(key, now, out);
    }
  }
  override save(): unknown {
    return [this.events, this.counts];
  }
  override load([events, counts]: [Map<string, Ev>, Map<string, number>]): void {
    this.events = events;
    this.counts = counts;
  }
}

/** Lossy counting: passes events whose key makes up at least the support, less the error. */
class LossyFrequentWindow extends KeyedWindow<[count: number, bucket: number]> {
  readonly #support: number;
  readonly #error: number;
  readonly #width: number;
  #total = 0;
  #bucket = 1;
  constructor(host: Host, support: number, error: number, keyOf: (e: Ev) => string) {
    super(host, keyOf);
    this.#support = support;
    this.#error = error;
    this.#width = Math.ceil(1 / error);
  }
  protected override pass(e: Ev, key: string, now: number, out: Ev[]): void {
    this.#total++;
    if (this.#total !== 1) this.#bucket = Math.ceil(this.#total / this.#width);
    this.events.set(key, copyAs(e, EXPIRED));
    const count = this.counts.get(key) ?? [0, this.#bucket - 1];
    count[0]++;
    this.counts.set(key, count);
    if (count[0] >= (this.#support - this.#error) * this.#total) out.push(e);
    if (this.#total % this.#width === 0) this.#prune(now, out);
  }
  #prune(now: number, out: Ev[]): void {
    for (const key of javaHashOrder([...this.counts.keys()])) {
      const [count, bucket] = this.counts.get(key) ?? [0, 0];
      if (count + bucket <= this.#bucket) this.leave(key, now, out);
    }
  }
  override save(): unknown {
    return [this.events, this.counts, this.#total, this.#bucket];
  }
  override load(saved: [Map<string, Ev>, Map<string, [number, number]>, number, number]): void {
    [this.events, this.counts, this.#total, this.#bucket] = saved;
  }
}

/**
 * The values put together as Siddhi does, so that keys hash alike.
 * @throws CepError `WRONG_PARAMETERS` on a constant
 */
function keyOf(args: readonly Compiled[], attributes: readonly Attribute[], at: Span): (e: Ev) => string {
  if (args.some((a) => a.variable === undefined))
    throw new CepError("WRONG_PARAMETERS", "Keys are made of attributes", {
      offset: at.start,
      length: at.end - at.start,
      expected: ["an attribute"],
    });
  if (args.length === 0) return (e) => attributes.map((a, i) => valueToString(e.row[i], a.type)).join("");
  return (e) => args.map((a) => valueToString(a.fn(e), a.type)).join("");
}

export const sortWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "sort",
  description: "Keeps the first so many events by the given attributes.",
  parameters: [
    { name: "window.length", types: ["int"], description: "The number of events to keep." },
    {
      name: "attribute",
      types: ["string", "double", "int", "long", "float"],
      description: "What to sort by.",
      isDynamic: true,
    },
    { name: "order", types: ["string"], description: "'asc' or 'desc'.", isOptional: true, default: "'asc'" },
  ],
  returns: [],
  examples: [
    {
      syntax: "from S#window.sort(5, price, 'desc') select symbol, price insert all events into Top;",
      description: "The five highest prices.",
    },
  ],
  create: ({ args, at }) => {
    const span = { offset: at.start, length: at.end - at.start };
    const length = args[0];
    if (length?.constant === undefined || length.type !== "int" || args.length < 2) {
      throw new CepError(
        "WRONG_PARAMETERS",
        "sort() takes a constant length and at least one attribute",
        span,
      );
    }
    const keys: SortKey[] = [];
    for (let i = 1; i < args.length; i++) {
      const arg = args[i] as Compiled; // in range
      if (arg.variable === undefined)
        throw new CepError("WRONG_PARAMETERS", "sort() sorts by attributes", {
          ...span,
          expected: ["an attribute"],
        });
      const order = args[i + 1]?.type === "string" ? args[i + 1]?.constant?.value : undefined;
      if (typeof order === "string") {
        if (!/^(asc|desc)$/i.test(order))
          throw new CepError("WRONG_PARAMETERS", `'${order}' is no order`, {
            ...span,
            expected: ["'asc'", "'desc'"],
          });
        i++;
      }
      keys.push({
        fn: arg.fn as SortKey["fn"],
        sign: typeof order === "string" && order.toLowerCase() === "desc" ? -1 : 1,
      }); // values of one attribute compare
    }
    return (host) => new SortWindow(host, constantNumber(length) ?? 0, keys);
  },
};

export const frequentWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "frequent",
  description: "Keeps the newest event of the most frequent keys (Misra-Gries).",
  parameters: [
    { name: "event.count", types: ["int"], description: "How many keys to keep." },
    {
      name: "attribute",
      types: KEY,
      description: "The attributes that make the key; all of them by default.",
      isOptional: true,
      isDynamic: true,
    },
  ],
  overloads: [["event.count"], ["event.count", "attribute", "..."]],
  returns: [],
  examples: [
    {
      syntax:
        "from Purchases[price >= 30]#window.frequent(2, cardNo) select cardNo, price insert all events into Suspects;",
      description: "The two cards used most.",
    },
  ],
  create: ({ args, attributes, at }) => {
    const key = keyOf(args.slice(1), attributes, at);
    return (host) => new FrequentWindow(host, constantNumber(args[0]) ?? 0, key);
  },
};

export const lossyFrequentWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "lossyFrequent",
  description: "Passes events whose key makes up at least a share of all (lossy counting).",
  parameters: [
    { name: "support.threshold", types: ["double"], description: "The share, 0 to 1." },
    {
      name: "error.bound",
      types: ["double"],
      description: "The error allowed, 0 to 1.",
      isOptional: true,
      default: "a tenth of the share",
    },
    {
      name: "attribute",
      types: KEY,
      description: "The attributes that make the key; all of them by default.",
      isOptional: true,
      isDynamic: true,
    },
  ],
  overloads: [
    ["support.threshold"],
    ["support.threshold", "error.bound"],
    ["support.threshold", "error.bound", "attribute", "..."],
  ],
  returns: [],
  examples: [
    {
      syntax: "from Purchases#window.lossyFrequent(0.1, 0.01) select cardNo insert into Often;",
      description: "Cards that make up a tenth of all purchases.",
    },
  ],
  create: ({ args, attributes, at }) => {
    const key = keyOf(args.slice(2), attributes, at);
    const support = Number(args[0]?.constant?.value ?? 0);
    const error = args[1]?.constant === undefined ? support / 10 : Number(args[1].constant.value);
    return (host) => new LossyFrequentWindow(host, support, error, key);
  },
};
