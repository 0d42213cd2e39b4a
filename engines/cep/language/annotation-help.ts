import { type ConnectorExtension, type Extension, fullName } from "../extension.ts";
import type { Token } from "../parser/lexer.ts";
import type { Registry } from "../registry.ts";
import type { Completion, Hover } from "./language-service.ts";

const KIND: Readonly<Record<string, ConnectorExtension["kind"]>> = {
  source: "source",
  sink: "sink",
  map: "mapper",
};

/** An annotation whose bracket is open. */
interface Open {
  /** In lower case; "" for a bracket of something else. */
  readonly name: string;
  /** The place of the first token inside. */
  readonly first: number;
}

/** What could stand in an annotation that the tokens end in; `undefined` outside of one. */
export function annotationCompletions(
  before: readonly Token[],
  registry: Registry,
): Completion[] | undefined {
  const last = before.at(-1);
  if (last?.text === "@" && last.kind === "symbol") return annotationNames(before);
  const open = openAt(before, before.length).at(-1);
  const kind = KIND[open?.name ?? ""];
  if (open === undefined || kind === undefined) return undefined;
  if (last?.text === "=") {
    if (before.at(-2)?.word !== "type") return [];
    return registry.all().flatMap((e) => (e.kind === kind ? [named(e)] : []));
  }
  if (last?.text !== "(" && last?.text !== ",") return undefined;
  const given = optionsOf(before, open);
  const connector = connectorOf(before, open, registry);
  const options = (connector?.parameters ?? [])
    .filter(({ name }) => !given.includes(name))
    .map(({ name, description, isOptional }) => ({
      label: name,
      kind: "keyword" as const,
      detail: isOptional === true ? description : `${description} (needed)`,
    }));
  if (!given.includes("type")) options.unshift({ label: "type", kind: "keyword", detail: `Which ${kind}.` });
  const nested = kind === "mapper" ? "@attributes()" : "@map(type='')";
  return [...options, { label: nested, kind: "keyword", detail: "" }];
}

/** What the source, sink, mapping or option at this token is. */
export function annotationHover(tokens: readonly Token[], at: number, registry: Registry): Hover | undefined {
  const token = tokens[at];
  const open = openAt(tokens, at).at(-1);
  if (token === undefined || open === undefined) return undefined;
  const connector = connectorOf(tokens, open, registry);
  if (connector === undefined) return undefined;
  const place = { start: token.start, end: token.end };
  if (tokens[at + 1]?.text === "=" && token.word !== "type") {
    const option = connector.parameters.find(({ name }) => name === token.text);
    if (option === undefined) return undefined;
    const need = option.isOptional === true ? "optional" : "needed";
    return { title: `${option.name} (${need})`, text: option.description, ...place };
  }
  const isType = token.word === "type" || (tokens[at - 1]?.text === "=" && tokens[at - 2]?.word === "type");
  if (!isType) return undefined;
  const options = connector.parameters.map(({ name, description }) => `${name}: ${description}`);
  const examples = connector.examples.map(({ syntax }) => syntax);
  return {
    title: `${connector.kind} ${fullName(connector)}`,
    text: [connector.description, ...options, ...examples].join("\n"),
    ...place,
  };
}

function annotationNames(before: readonly Token[]): Completion[] {
  const inside = openAt(before, before.length).at(-1)?.name;
  const names =
    inside === "source" || inside === "sink"
      ? ["map(type='')"]
      : inside === "map"
        ? ["attributes()"]
        : [
            "source(type='')",
            "sink(type='')",
            "info(name='')",
            "OnError(action='stream')",
            "watermark(by='')",
          ];
  return names.map((label) => ({ label, kind: "keyword", detail: "" }));
}

/** The brackets that are open before token `end`, outermost first. */
function openAt(tokens: readonly Token[], end: number): Open[] {
  const open: Open[] = [];
  for (let i = 0; i < end; i++) {
    const token = tokens[i];
    if (token?.kind !== "symbol") continue;
    if (token.text === "(") {
      const isAnnotation = tokens[i - 2]?.text === "@" && tokens[i - 1]?.kind === "id";
      open.push({ name: isAnnotation ? (tokens[i - 1]?.word ?? "") : "", first: i + 1 });
    } else if (token.text === ")") {
      open.pop();
    }
  }
  return open;
}

/** The options given in the annotation itself, wherever they stand. */
function optionsOf(tokens: readonly Token[], { first }: Open): string[] {
  const names: string[] = [];
  for (let i = first, depth = 0; i < tokens.length && depth >= 0; i++) {
    if (tokens[i]?.text === "(") depth++;
    else if (tokens[i]?.text === ")") depth--;
    else if (depth === 0 && tokens[i + 1]?.text === "=") names.push(tokens[i]?.text ?? "");
  }
  return names;
}

function connectorOf(
  tokens: readonly Token[],
  open: Open,
  registry: Registry,
): ConnectorExtension | undefined {
  const kind = KIND[open.name];
  if (kind === undefined) return undefined;
  for (let i = open.first, depth = 0; i < tokens.length && depth >= 0; i++) {
    if (tokens[i]?.text === "(") depth++;
    else if (tokens[i]?.text === ")") depth--;
    else if (depth === 0 && tokens[i]?.word === "type" && tokens[i + 1]?.text === "=") {
      const found = registry.find(kind, "", tokens[i + 2]?.text ?? "");
      return found !== undefined && isConnector(found) ? found : undefined;
    }
  }
  return undefined;
}

function isConnector(e: Extension): e is ConnectorExtension {
  return e.kind === "source" || e.kind === "sink" || e.kind === "mapper";
}

function named(e: Extension): Completion {
  return { label: fullName(e), kind: e.kind, detail: e.description };
}
