import { CepError } from "../cep/cep-error.ts";
import type { Attribute, AttributeType } from "../cep/event.ts";
import { type Annotation, annotationOf, elementOf } from "../cep/parser/ast.ts";
import { type ThingEvent, topicMatches } from "./hand-over.ts";
import type { Reading, ThingPayload } from "./thing-payload.ts";

/** One row for a stream, and when it was measured. */
export interface SourceRow {
  readonly row: readonly unknown[];
  readonly timeMs: number;
}

/** One `@source(type='things', …)` of a stream. */
export interface RuleSource {
  readonly stream: string;
  /** Below `devices/{dh}/`. */
  readonly filter: string;
  /** Whether the event is for this source at all; its topic has been matched already. */
  takes(event: ThingEvent): boolean;
  /** The rows of an event: one a reading with senml, one a payload with json. */
  rows(event: ThingEvent, payload: ThingPayload): SourceRow[];
}

type Getter = (event: ThingEvent, payload: ThingPayload, reading: Reading | undefined) => unknown;

/** What an event brings beside its payload, by name; a payload cannot pretend to be another device. */
export type Transport = Readonly<Record<string, Getter>>;

const ofAll: Transport = {
  device: (event) => event.device,
  topic: (event) => `devices/${event.device}/${event.topic}`,
  event: (event) => /^event\/(.+)$/.exec(event.topic)?.[1],
  time: (event, _payload, reading) => reading?.timeMs ?? event.atMs,
};

/** The owner's own name for a device is for the owner's rules only. */
export const ownersTransport: Transport = { ...ofAll, name: (event) => event.name };

/** An app knows users and devices by its own handles. */
export const fleetTransport: Transport = { ...ofAll, user: (event) => event.user };

const ofReading: Readonly<Record<string, Getter>> = {
  property: (_event, _payload, reading) => reading?.property,
  value: (_event, _payload, reading) => reading?.value,
  unit: (_event, _payload, reading) => reading?.unit,
};

const observable = /^(telemetry|event|state)\/|^\$state$|^[+#]/;

/** @throws CepError `WRONG_ANNOTATION` naming what is wrong. */
export function ruleSource(
  annotation: Annotation,
  stream: string,
  attributes: readonly Attribute[],
  transport: Transport = ownersTransport,
): RuleSource {
  const filter = filterOf(annotation);
  const device = elementOf(annotation, "device") ?? deviceLevel(annotation);
  const property = elementOf(annotation, "property");
  const map = annotationOf(annotation.annotations, "map");
  const mapping = elementOf(map, "type") ?? "senml";
  if (mapping !== "senml" && mapping !== "json") {
    wrong(map ?? annotation, `things are mapped by 'senml' or 'json', not by '${mapping}'`, [
      "senml",
      "json",
    ]);
  }
  const getters = attributes.map((attribute, i) =>
    getterOf(attribute, i, mapping, map ?? annotation, transport),
  );
  const row = (event: ThingEvent, payload: ThingPayload, reading: Reading | undefined): SourceRow => ({
    row: getters.map((get) => get(event, payload, reading)),
    timeMs: reading?.timeMs ?? event.atMs,
  });
  return {
    stream,
    filter,
    takes: (event) => device === undefined || event.device === device || event.name === device,
    rows: (event, payload) =>
      mapping === "json"
        ? [row(event, payload, payload.readings[0])]
        : payload.readings
            .filter((reading) => property === undefined || reading.property === property)
            .map((reading) => row(event, payload, reading)),
  };
}

function filterOf(annotation: Annotation): string {
  const property = elementOf(annotation, "property");
  const event = elementOf(annotation, "event");
  const topic = elementOf(annotation, "topic");
  if ([property, event, topic].filter((given) => given !== undefined).length > 1) {
    wrong(annotation, "one of 'property', 'event' and 'topic' is enough", ["property", "event", "topic"]);
  }
  if (property !== undefined) return `telemetry/${property}`;
  if (event !== undefined) return `event/${event}`;
  if (topic === undefined) return "telemetry/+";
  const [root, , ...rest] = topic.split("/");
  const below = rest.join("/");
  if (root !== "devices" || !observable.test(below) || below.slice(0, -1).includes("#")) {
    wrong(annotation, "a source's topic is devices/{device}/telemetry/…, /event/…, /state/… or /$state", [
      "devices/+/telemetry/+",
    ]);
  }
  return below;
}

function deviceLevel(annotation: Annotation): string | undefined {
  const level = elementOf(annotation, "topic")?.split("/")[1];
  return level === "+" ? undefined : level;
}

function getterOf(
  attribute: Attribute,
  index: number,
  mapping: string,
  at: Annotation,
  transport: Transport,
): Getter {
  const convert = converter(attribute.type);
  const path = pathOf(at, attribute.name, index);
  const raw =
    path === undefined
      ? implied(attribute.name, mapping, at, transport)
      : pathGetter(path, mapping, at, transport);
  return (event, payload, reading) => convert(raw(event, payload, reading));
}

/** `@attributes(x='$.a.b', device='trp:device')`, by name or by place. */
function pathOf(map: Annotation, attribute: string, index: number): string | undefined {
  const listed = annotationOf(map.annotations, "attributes");
  if (listed === undefined) return undefined;
  const unnamed = listed.elements.filter(({ key }) => key === undefined);
  return elementOf(listed, attribute) ?? unnamed[index]?.value;
}

/** Which part of an event beside its payload an attribute is: `device`, `user`, … @param source the annotation. */
export function transportNameOf(source: Annotation, attribute: string, index: number): string | undefined {
  const map = annotationOf(source.annotations, "map");
  const path = (map === undefined ? undefined : pathOf(map, attribute, index)) ?? `trp:${attribute}`;
  return path.startsWith("trp:") ? path.slice("trp:".length) : undefined;
}

function implied(name: string, mapping: string, at: Annotation, transport: Transport): Getter {
  const known = transport[name];
  if (known !== undefined) return known;
  if (mapping === "json") {
    return (_event, { json }) => (isObject(json) ? json[name] : name === "value" ? json : undefined);
  }
  return (
    ofReading[name] ??
    wrong(
      at,
      `'senml' knows no '${name}': map it with @attributes`,
      Object.keys({ ...transport, ...ofReading }),
    )
  );
}

function pathGetter(path: string, mapping: string, at: Annotation, transport: Transport): Getter {
  if (path.startsWith("trp:")) {
    const name = path.slice("trp:".length);
    return (
      transport[name] ??
      wrong(
        at,
        `there is no 'trp:${name}'`,
        Object.keys(transport).map((n) => `trp:${n}`),
      )
    );
  }
  if (mapping === "senml") return implied(path, mapping, at, transport);
  const steps = path
    .replace(/^\$\.?/, "")
    .split(".")
    .filter((step) => step !== "");
  return (_event, { json }) =>
    steps.reduce<unknown>((value, step) => (isObject(value) ? value[step] : undefined), json);
}

/** Brings a JSON value to an attribute's type; what cannot be is null, as a missing value is. */
function converter(type: AttributeType): (value: unknown) => unknown {
  switch (type) {
    case "string":
      return (v) => (v === undefined || v === null ? null : typeof v === "string" ? v : JSON.stringify(v));
    case "bool":
      return (v) => (typeof v === "boolean" ? v : typeof v === "number" ? v !== 0 : null);
    case "int":
      return (v) => mapNumber(v, (n) => (Math.abs(n) < 2 ** 31 ? Math.trunc(n) : null));
    case "long":
      return (v) => mapNumber(v, (n) => (Number.isSafeInteger(Math.trunc(n)) ? Math.trunc(n) : null));
    case "float":
      return (v) => mapNumber(v, Math.fround);
    case "double":
      return (v) => mapNumber(v, (n) => n);
    case "object":
      return (v) => v ?? null;
  }
}

function mapNumber(value: unknown, map: (n: number) => number | null): number | null {
  const n = typeof value === "boolean" ? Number(value) : value;
  return typeof n === "number" && Number.isFinite(n) ? map(n) : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Points at an annotation. */
export function wrong(at: Annotation, message: string, expected: readonly string[] = []): never {
  throw new CepError("WRONG_ANNOTATION", message, {
    offset: at.start,
    length: at.end - at.start,
    expected: [...expected],
  });
}

/** The filters of many sources without repetition. */
export function filtersOf(sources: readonly RuleSource[]): string[] {
  const filters = [...new Set(sources.map(({ filter }) => filter))];
  return filters.filter((f) => !filters.some((other) => other !== f && topicMatches(other, f))).sort();
}
