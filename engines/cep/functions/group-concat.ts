import { CepError } from "../cep-error.ts";
import type { Ev } from "../event.ts";
import type { AggregatorExtension, AggregatorState } from "../extension.ts";

type Order = "ASC" | "DESC" | undefined;

/** What one event brings: its key, and the separator it wants, when it names one. */
interface Entry {
  readonly key: string | null;
  readonly separator: string | undefined;
}

/** Keys with how often each is there; without an order, in the order in which they first came. */
class GroupConcat implements AggregatorState {
  readonly #isDistinct: boolean;
  readonly #order: Order;
  #counts = new Map<string, number>();

  constructor(isDistinct: boolean, order: Order) {
    this.#isDistinct = isDistinct;
    this.#order = order;
  }

  /** With a separator null counts as 'null', alone it is passed over, as in Siddhi. */
  static #keyOf({ key, separator }: Entry): string | null {
    return key === null && separator !== undefined ? "null" : key;
  }

  add(entry: Entry): unknown {
    const key = GroupConcat.#keyOf(entry);
    if (key !== null) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    return this.#value(entry);
  }

  remove(entry: Entry): unknown {
    const key = GroupConcat.#keyOf(entry);
    const count = key === null ? undefined : this.#counts.get(key);
    if (key !== null && count !== undefined) {
      if (count === 1) this.#counts.delete(key);
      else this.#counts.set(key, count - 1);
    }
    return this.#value(entry);
  }

  #value({ separator = "," }: Entry): string {
    const keys = [...this.#counts.keys()];
    if (this.#order !== undefined) keys.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    if (this.#order === "DESC") keys.reverse();
    const all = this.#isDistinct
      ? keys
      : keys.flatMap((key) => Array<string>(this.#counts.get(key) ?? 0).fill(key));
    return all.join(separator);
  }

  reset(): unknown {
    this.#counts.clear();
    return "";
  }

  isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  save(): unknown {
    return this.#counts;
  }

  load(saved: Map<string, number>): void {
    this.#counts = saved;
  }
}

/** `str:groupConcat`, as siddhi-execution-string 5 has it. */
export const groupConcat: AggregatorExtension = {
  kind: "aggregator",
  namespace: "str",
  name: "groupConcat",
  description: "The texts of all events in the window, put together; equal ones stand together.",
  parameters: [
    { name: "key", types: ["string"], description: "The text.", isDynamic: true },
    {
      name: "separator",
      types: ["string"],
      description: "What stands between them.",
      isDynamic: true,
      isOptional: true,
      default: "','",
    },
    {
      name: "distinct",
      types: ["bool"],
      description: "Each text once only.",
      isOptional: true,
      default: "false",
    },
    {
      name: "order",
      types: ["string"],
      description: "'ASC' or 'DESC'.",
      isOptional: true,
      default: "as they came",
    },
  ],
  overloads: [
    ["key"],
    ["key", "separator"],
    ["key", "separator", "distinct"],
    ["key", "separator", "distinct", "order"],
  ],
  returns: ["string"],
  examples: [
    {
      syntax:
        "from S#window.time(5 min) select str:groupConcat(room, '-', true, 'ASC') as rooms insert into Out;",
      description: "The rooms of the last five minutes, like 'attic-hall-kitchen'.",
    },
  ],
  create([key, separator, distinct, order], at) {
    const sorted = order?.constant?.value;
    const wanted = typeof sorted === "string" ? sorted.toUpperCase() : undefined;
    if (wanted !== undefined && wanted !== "ASC" && wanted !== "DESC")
      throw new CepError("WRONG_PARAMETERS", "str:groupConcat() takes 'ASC' or 'DESC' as its order", {
        offset: at.start,
        length: at.end - at.start,
        expected: ["'ASC'", "'DESC'"],
      });
    const isDistinct = distinct?.constant?.value === true;
    return {
      type: "string",
      input: (e: Ev): Entry => ({
        key: (key?.fn(e) ?? null) as string | null, // a string: checked by the overload
        separator: separator === undefined ? undefined : String(separator.fn(e) ?? "null"),
      }),
      make: () => new GroupConcat(isDistinct, wanted),
    };
  },
};
