import type { Attribute, OutputEvent } from "../cep/event.ts";
import { type Annotation, annotationOf, elementOf } from "../cep/parser/ast.ts";
import { isPublicUrl } from "../net/public-url.ts";
import type { Posting, Result } from "./hand-over.ts";
import { wrong } from "./rule-source.ts";

/** A result before it has its number. */
export type Output = {
  readonly payload: string;
  readonly user?: string;
} & (
  | Pick<Extract<Result, { kind: "stream" }>, "kind" | "stream" | "retain">
  | Pick<Extract<Result, { kind: "alarm" }>, "kind" | "alarm">
  | Pick<Extract<Result, { kind: "command" }>, "kind" | "device" | "action">
  | Pick<Extract<Result, { kind: "row" }>, "kind" | "stream">
  | Omit<Posting, "number" | "id" | "rule" | "payload">
);

/** One `@sink` of a stream: what an event becomes. */
export interface RuleSink {
  readonly stream: string;
  /** It posts to a server outside. */
  readonly isWebhook?: boolean;
  /** @param id the result's own id, for payloads that carry it. */
  output(event: OutputEvent, id: string): Output | undefined;
}

type Render = (row: readonly unknown[]) => string;

/** @returns `undefined` for a sink that stays inside the engine. @throws CepError `WRONG_ANNOTATION`. */
export function ruleSink(
  annotation: Annotation,
  rule: string,
  stream: string,
  attributes: readonly Attribute[],
  allowLoopback = false,
): RuleSink | undefined {
  switch (elementOf(annotation, "type")) {
    case "stream":
      return streamSink(annotation, stream, attributes);
    case "alarm":
      return alarmSink(annotation, rule, stream, attributes);
    case "command":
      return commandSink(annotation, stream, attributes);
    case "webhook":
      return webhookSink(annotation, stream, attributes, allowLoopback);
    default:
      return undefined;
  }
}

function streamSink(annotation: Annotation, stream: string, attributes: readonly Attribute[]): RuleSink {
  const topic = elementOf(annotation, "topic") ?? stream;
  if (!/^[^+#/$\0][^+#\0]*$/.test(topic) || topic.endsWith("/")) {
    wrong(annotation, "the topic of a stream is a part of a topic name, without wildcards");
  }
  const retain = elementOf(annotation, "retain") === "true";
  const mapping = elementOf(annotationOf(annotation.annotations, "map"), "type") ?? "json";
  if (mapping !== "json" && mapping !== "senml") {
    wrong(annotation, `a stream is mapped by 'json' or 'senml', not by '${mapping}'`, ["json", "senml"]);
  }
  return {
    stream,
    output: (event) => ({
      kind: "stream",
      stream: topic,
      retain,
      payload:
        mapping === "json" ? toJson(objectOf(event.row, attributes)) : toJson(packOf(event, attributes)),
    }),
  };
}

function alarmSink(
  annotation: Annotation,
  rule: string,
  stream: string,
  attributes: readonly Attribute[],
): RuleSink {
  const render = (option: string) => templateOf(annotation, option, attributes);
  const about = render("id");
  const severity = render("severity");
  const title = render("title");
  const state = render("state");
  return {
    stream,
    output: ({ row, timestamp }, id) => ({
      kind: "alarm",
      alarm: about === undefined ? id : `${rule}.${topicLevel(about(row))}`,
      payload: toJson({
        id,
        rule,
        severity: severity?.(row) ?? "warning",
        title: title?.(row) ?? stream,
        state: state?.(row) ?? "raised",
        at: new Date(timestamp).toISOString(),
        event: objectOf(row, attributes),
      }),
    }),
  };
}

function commandSink(annotation: Annotation, stream: string, attributes: readonly Attribute[]): RuleSink {
  const device =
    templateOf(annotation, "device", attributes) ?? wrong(annotation, "a command needs a 'device'");
  const action =
    templateOf(annotation, "action", attributes) ?? wrong(annotation, "a command needs an 'action'");
  const given = elementOf(annotation, "value");
  const valueAt = attributes.findIndex(({ name }) => name === "value");
  const value = given === undefined ? undefined : valueTemplate(annotation, given, attributes);
  return {
    stream,
    output({ row }, id) {
      const to = { device: device(row), action: action(row) };
      if (to.device === "" || !/^[^+#/\p{Cc}]{1,128}$/u.test(to.action)) return undefined;
      const content = value?.(row) ?? (valueAt >= 0 ? row[valueAt] : objectOf(row, attributes));
      return { kind: "command", ...to, payload: toJson({ id, value: content }) };
    },
  };
}

function webhookSink(
  annotation: Annotation,
  stream: string,
  attributes: readonly Attribute[],
  allowLoopback: boolean,
): RuleSink {
  const url = elementOf(annotation, "url") ?? wrong(annotation, "a webhook needs a 'url'");
  if (url.includes("{{") || !isPublicUrl(url, { allowLoopback })) {
    wrong(
      annotation,
      "the url of a webhook is https, with a public name, without port, user or {{attribute}}",
    );
  }
  const event = elementOf(annotation, "event") ?? stream;
  if (!/^[\w.-]{1,64}$/.test(event))
    wrong(annotation, "an event is called by letters, digits, '.', '_', '-'");
  const subject = templateOf(annotation, "subject", attributes);
  return {
    stream,
    isWebhook: true,
    output: ({ row, timestamp }) => {
      const about = subject?.(row) ?? "";
      return {
        kind: "webhook",
        url,
        event,
        ...(about !== "" && { subject: about }),
        atMs: timestamp,
        payload: toJson(objectOf(row, attributes)),
      };
    },
  };
}

/** `{{on}}` alone keeps the attribute's type; a text that is JSON is that value. */
function valueTemplate(
  annotation: Annotation,
  text: string,
  attributes: readonly Attribute[],
): (row: readonly unknown[]) => unknown {
  const [, only] = /^\{\{(\w+)\}\}$/.exec(text) ?? [];
  if (only !== undefined) {
    const at = indexOf(annotation, only, attributes);
    return (row) => row[at];
  }
  const render = template(annotation, text, attributes);
  return (row) => {
    const rendered = render(row);
    try {
      return JSON.parse(rendered);
    } catch {
      return rendered;
    }
  };
}

/** An option with `{{attribute}}` in it, if it is there. @throws CepError `WRONG_ANNOTATION` */
export function templateOf(
  annotation: Annotation,
  option: string,
  attributes: readonly Attribute[],
): Render | undefined {
  const text = elementOf(annotation, option);
  return text === undefined ? undefined : template(annotation, text, attributes);
}

function template(annotation: Annotation, text: string, attributes: readonly Attribute[]): Render {
  const parts = text.split(/\{\{(\w+)\}\}/);
  const places = parts.map((part, i) => (i % 2 === 1 ? indexOf(annotation, part, attributes) : -1));
  return (row) => parts.map((part, i) => (i % 2 === 1 ? textOf(row[places[i] ?? -1]) : part)).join("");
}

function indexOf(annotation: Annotation, name: string, attributes: readonly Attribute[]): number {
  const at = attributes.findIndex((attribute) => attribute.name === name);
  if (at < 0) {
    wrong(
      annotation,
      `there is no attribute '${name}' to put in`,
      attributes.map((attribute) => attribute.name),
    );
  }
  return at;
}

function textOf(value: unknown): string {
  return value === null || value === undefined ? "" : typeof value === "string" ? value : toJson(value);
}

/** A name of anything as one level of a topic. */
function topicLevel(text: string): string {
  return text.slice(0, 128).replace(/[+#/\s\p{Cc}]/gu, "_");
}

function objectOf(row: readonly unknown[], attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ name }, i) => [name, row[i] ?? null]));
}

/** A record an attribute (RFC 8428 §4). */
function packOf({ row, timestamp }: OutputEvent, attributes: readonly Attribute[]): unknown[] {
  return attributes.flatMap(({ name }, i) => {
    const value = row[i];
    if (value === null || value === undefined) return [];
    const field = typeof value === "boolean" ? "vb" : typeof value === "string" ? "vs" : "v";
    return [{ n: name, [field]: value, t: timestamp / 1000 }];
  });
}

/** A long beyond 2^53 is written as text, an error as its message. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) =>
    typeof v === "bigint" ? String(v) : v instanceof Error ? v.message : v instanceof Set ? [...v] : v,
  );
}
