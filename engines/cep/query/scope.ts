import { CepError, suggest } from "../cep-error.ts";
import type { Attribute, Ev } from "../event.ts";
import type { Compiled, Scope } from "../expression/compiled.ts";
import { validateArguments } from "../extension.ts";
import type { Expression, Span, StreamIndex, VariableExpression } from "../parser/ast.ts";
import type { AggregatorSet } from "./aggregator-set.ts";
import type { CompileContext } from "./context.ts";

/** One input of a query as expressions see it. */
export interface InputSlot {
  readonly id: string;
  readonly ref: string | undefined;
  readonly attributes: readonly Attribute[];
  /** A counted state: its slot holds a chain of events. */
  readonly isMulti: boolean;
}

/** @throws CepError `UNKNOWN_ATTRIBUTE` with the nearest name. */
export function unknownAttribute(name: string, candidates: readonly string[], at: Span): never {
  throw new CepError("UNKNOWN_ATTRIBUTE", `There is no attribute '${name}' here`, {
    offset: at.start,
    length: at.end - at.start,
    expected: candidates,
    suggestion: suggest(name, candidates),
  });
}

/** What all scopes share: functions, aggregators and tables. */
export abstract class BaseScope implements Scope {
  readonly context: CompileContext;
  aggregators: AggregatorSet | undefined;
  constructor(context: CompileContext, aggregators?: AggregatorSet) {
    this.context = context;
    this.aggregators = aggregators;
  }
  abstract variable(node: VariableExpression): Compiled;
  abstract streamIsNull(stream: string, index: StreamIndex | undefined, at: Span): (e: Ev) => boolean;
  abstract allAttributes(): VariableExpression[];

  inTable(source: string, condition: Expression, at: Span): (e: Ev) => boolean {
    return this.context.compileIn(source, condition, this, at);
  }

  call(node: Expression & { kind: "function" }, args: Compiled[]): Compiled {
    const found = this.context.registry.function(node.namespace, node.name);
    if (found !== undefined) {
      validateArguments(found, args, node);
      const compiled = found.compile(args, this.context.functions, node);
      return args.some((a) => a.hasAggregator === true) ? { ...compiled, hasAggregator: true } : compiled;
    }
    const aggregator = this.context.registry.aggregator(node.namespace, node.name);
    if (aggregator === undefined)
      return this.context.registry.unknown("function", node.namespace, node.name, node);
    if (this.aggregators === undefined) {
      throw new CepError("NOT_SUPPORTED", `The aggregator '${node.name}' has no place here`, {
        offset: node.start,
        length: node.end - node.start,
      });
    }
    validateArguments(aggregator, args, node);
    return this.aggregators.add(aggregator, args, node);
  }
}

/** Attributes of one stream, table or window. */
export class SingleScope extends BaseScope {
  readonly slot: InputSlot;
  constructor(context: CompileContext, slot: InputSlot, aggregators?: AggregatorSet) {
    super(context, aggregators);
    this.slot = slot;
  }
  variable(node: VariableExpression): Compiled {
    const { slot } = this;
    if (node.stream !== undefined && node.marker + node.stream !== slot.id && node.stream !== slot.ref) {
      throw new CepError("UNKNOWN_STREAM", `'${node.stream}' is not an input of this query`, {
        offset: node.start,
        length: node.end - node.start,
        expected: [slot.ref ?? slot.id],
      });
    }
    const index = slot.attributes.findIndex((a) => a.name === node.attribute);
    const attribute = slot.attributes[index];
    if (attribute === undefined) {
      if (node.stream === undefined && (node.attribute === slot.id || node.attribute === slot.ref))
        return { type: "object", fn: (e) => e.row, event: (e) => e };
      return unknownAttribute(
        node.attribute,
        slot.attributes.map((a) => a.name),
        node,
      );
    }
    return {
      type: attribute.type,
      fn: (e) => e.row[index],
      variable: { slot: 0, index, name: attribute.name, isNested: false },
    };
  }
  streamIsNull(stream: string, _index: StreamIndex | undefined, at: Span): (e: Ev) => boolean {
    if (stream !== this.slot.id && stream !== this.slot.ref)
      unknownAttribute(
        stream,
        this.slot.attributes.map((a) => a.name),
        at,
      );
    return (e) => e === null;
  }
  allAttributes(): VariableExpression[] {
    return this.slot.attributes.map(({ name }) => variableOf(name));
  }
}

/** A variable as if it were written in a query, for `select *`. */
export function variableOf(attribute: string, stream?: string): VariableExpression {
  return { kind: "variable", stream, index: undefined, attribute, marker: "", start: 0, end: 0 };
}

/** Picks one event of a slot: of a chain, counted from either end. */
function eventAt(slot: number, isMulti: boolean, position: StreamIndex): (e: Ev) => Ev | null {
  if (!isMulti) {
    if (position.from === "first" ? position.offset > 0 : position.offset > 0) return () => null;
    return (e) => (e.row[slot] ?? null) as Ev | null; // slots hold events
  }
  const { from, offset } = position;
  return (e) => {
    const chain = e.row[slot] as Ev[] | null; // a counted slot holds a chain
    if (chain === null || chain === undefined) return null;
    return chain[from === "first" ? offset : chain.length - 1 - offset] ?? null;
  };
}

/**
 * Attributes of the inputs of a join or a pattern. `current` is the state whose own filter is being compiled:
 * unqualified names are its own, and its `last` is the event before the one being tested.
 */
export class StateScope extends BaseScope {
  readonly slots: readonly InputSlot[];
  readonly current: number | undefined;
  constructor(
    context: CompileContext,
    slots: readonly InputSlot[],
    current?: number,
    aggregators?: AggregatorSet,
  ) {
    super(context, aggregators);
    this.slots = slots;
    this.current = current;
  }

  variable(node: VariableExpression): Compiled {
    const at = this.#slotOf(node);
    if (at === undefined) {
      const reference = node.stream === undefined ? this.#slotNamed(node.attribute) : undefined;
      if (reference !== undefined) {
        const event = this.#eventOf(reference, node.index);
        return { type: "object", fn: (e) => event(e)?.row ?? null, event };
      }
      if (node.stream !== undefined && this.#slotNamed(node.marker + node.stream) === undefined) {
        const names = this.slots.map((s) => s.ref ?? s.id);
        throw new CepError("UNKNOWN_STREAM", `'${node.stream}' is not an input of this query`, {
          offset: node.start,
          length: node.end - node.start,
          expected: names,
          suggestion: suggest(node.stream, names),
        });
      }
      return unknownAttribute(
        node.attribute,
        this.slots.flatMap((s) => s.attributes.map((a) => a.name)),
        node,
      );
    }
    return this.#attribute(at, node);
  }

  #attribute(at: number, node: VariableExpression): Compiled {
    const slot = this.slots[at] as InputSlot; // found by #slotOf
    const index = slot.attributes.findIndex((a) => a.name === node.attribute);
    const type = slot.attributes[index]?.type ?? "object";
    const variable = { slot: at, index, name: node.attribute, isNested: true };
    if (slot.isMulti && node.index === undefined && this.current === undefined && node.stream !== undefined) {
      // A counted state without an index gives all its values, as a list.
      return { type: "object", fn: (e) => (e.row[at] as Ev[] | null)?.map((x) => x.row[index]) ?? null }; // a counted slot holds a chain
    }
    if (!slot.isMulti && (node.index === undefined || node.index.offset === 0)) {
      return {
        type,
        variable,
        fn: (e) => {
          const inner = e.row[at] as Ev | null | undefined; // slots hold events
          return inner === null || inner === undefined ? null : inner.row[index];
        },
      };
    }
    const event = this.#eventOf(at, node.index);
    return { type, fn: (e) => event(e)?.row[index] ?? null };
  }

  #eventOf(at: number, index: StreamIndex | undefined): (e: Ev) => Ev | null {
    const isMulti = this.slots[at]?.isMulti === true;
    if (index === undefined)
      return eventAt(
        at,
        isMulti,
        this.current === undefined ? { from: "first", offset: 0 } : { from: "last", offset: 0 },
      );
    // In its own filter the chain already ends with the event under test, so `last` means the one before.
    const isOwn = index.from === "last" && this.current === at && this.slots[at]?.ref !== undefined;
    return eventAt(at, isMulti, isOwn ? { from: "last", offset: index.offset + 1 } : index);
  }

  #slotNamed(name: string): number | undefined {
    const at = this.slots.findIndex((s) => (s.ref === undefined ? s.id === name : s.ref === name));
    return at >= 0 ? at : undefined;
  }

  #slotOf(node: VariableExpression): number | undefined {
    const has = (slot: InputSlot | undefined) =>
      slot?.attributes.some((a) => a.name === node.attribute) === true;
    if (node.stream !== undefined) {
      const at = this.#slotNamed(node.marker + node.stream);
      return at !== undefined && has(this.slots[at]) ? at : undefined;
    }
    if (this.current !== undefined) return has(this.slots[this.current]) ? this.current : undefined;
    const found = this.slots.flatMap((s, i) => (has(s) ? [i] : []));
    if (found.length > 1) {
      const names = found.map((i) => `${this.slots[i]?.ref ?? this.slots[i]?.id}.${node.attribute}`);
      throw new CepError("AMBIGUOUS_ATTRIBUTE", `'${node.attribute}' is in more than one input`, {
        offset: node.start,
        length: node.end - node.start,
        expected: names,
        suggestion: names[0],
      });
    }
    return found[0];
  }

  streamIsNull(stream: string, index: StreamIndex | undefined, at: Span): (e: Ev) => boolean {
    const slot = this.#slotNamed(stream);
    if (slot === undefined)
      return unknownAttribute(
        stream,
        this.slots.map((s) => s.ref ?? s.id),
        at,
      );
    if (index === undefined) return (e) => (e.row[slot] ?? null) === null;
    const event = this.#eventOf(slot, index);
    return (e) => event(e) === null;
  }

  allAttributes(): VariableExpression[] {
    return this.slots.flatMap((s) => s.attributes.map(({ name }) => variableOf(name, s.ref ?? s.id)));
  }
}

/** What `having` and `order by` see: the selected attributes first, then the inputs. */
export class OutputScope extends BaseScope {
  readonly output: readonly Attribute[];
  readonly inner: BaseScope;
  constructor(inner: BaseScope, output: readonly Attribute[], aggregators?: AggregatorSet) {
    super(inner.context, aggregators);
    this.inner = inner;
    this.output = output;
  }
  variable(node: VariableExpression): Compiled {
    if (node.stream === undefined) {
      const index = this.output.findIndex((a) => a.name === node.attribute);
      const attribute = this.output[index];
      if (attribute !== undefined) return { type: attribute.type, fn: (e) => e.out?.[index] ?? null };
      if (this.inner instanceof SingleScope)
        return unknownAttribute(
          node.attribute,
          this.output.map((a) => a.name),
          node,
        );
    }
    return this.inner.variable(node);
  }
  streamIsNull(stream: string, index: StreamIndex | undefined, at: Span): (e: Ev) => boolean {
    return this.inner.streamIsNull(stream, index, at);
  }
  allAttributes(): VariableExpression[] {
    return this.inner.allAttributes();
  }
}

/** Nothing but constants and functions: `select 5 as a insert into T`. */
export class EmptyScope extends BaseScope {
  variable(node: VariableExpression): Compiled {
    return unknownAttribute(node.attribute, [], node);
  }
  streamIsNull(stream: string, _index: StreamIndex | undefined, at: Span): (e: Ev) => boolean {
    return unknownAttribute(stream, [], at);
  }
  allAttributes(): VariableExpression[] {
    return [];
  }
}
