import { CepApp } from "../app.ts";
import { CepError, type CepErrorCode, positionAt } from "../cep-error.ts";
import { type Extension, fullName } from "../extension.ts";
import type { Token } from "../parser/lexer.ts";
import { Registry } from "../registry.ts";
import { annotationCompletions, annotationHover } from "./annotation-help.ts";
import { signaturesOf } from "./reference.ts";
import { blank, statementsOf } from "./statements.ts";
import { type DefinedSymbol, symbolsOf, tolerantTokens } from "./symbols.ts";

/** Something wrong in a text; line and column count from 1. */
export interface Diagnostic {
  readonly code: CepErrorCode;
  readonly message: string;
  readonly line: number;
  readonly column: number;
  readonly offset: number;
  readonly length: number;
  readonly expected: readonly string[];
  readonly suggestion: string | undefined;
}

export interface Completion {
  readonly label: string;
  readonly kind: Extension["kind"] | DefinedSymbol["kind"] | "attribute" | "keyword";
  readonly detail: string;
}

export interface Hover {
  readonly title: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const MOST = 20;
const CLAUSES = [
  "from",
  "select",
  "group by",
  "having",
  "order by",
  "limit",
  "offset",
  "insert into",
  "insert all events into",
  "insert expired events into",
  "output",
  "update",
  "update or insert into",
  "delete",
  "join",
  "on",
  "within",
  "every",
  "as",
];
const START = [
  "define stream",
  "define table",
  "define window",
  "define trigger",
  "define aggregation",
  "from",
  "partition with",
  "@info(name='')",
  "@app:name('')",
  "@sink(type='')",
  "@source(type='')",
];

/** What an editor asks about a rule's text: what is wrong, what could come here, what this is. */
export class LanguageService {
  readonly #registry: Registry;

  constructor(registry: Registry = new Registry()) {
    this.#registry = registry;
  }

  /**
   * What is wrong with the text, as the compiler sees it: the first thing in each query, up to `MOST`; when a
   * definition is wrong, that alone. An empty list when it would run.
   */
  diagnostics(text: string): Diagnostic[] {
    const found: Diagnostic[] = [];
    const missing = new Set<string>();
    let rest = text;
    let hasMeaning = false;
    while (found.length < MOST) {
      const wrong = this.#firstWrong(rest);
      // All syntax is checked before any meaning: a later syntax error is of our own making.
      const isArtefact = wrong?.code === "SYNTAX" && hasMeaning;
      if (wrong === undefined || isArtefact) break;
      hasMeaning ||= wrong.code !== "SYNTAX";
      // A query that was taken out no longer makes its stream; that is not another mistake.
      const isKnockOn =
        wrong.code === "UNKNOWN_STREAM" && [...missing].some((m) => wrong.message.includes(`'${m}'`));
      if (!isKnockOn) found.push(wrong);
      const statement = statementsOf(tolerantTokens(rest)).find(
        (s) => s.start <= wrong.offset && wrong.offset < s.end,
      );
      if (statement?.isQuery !== true || (wrong.code === "SYNTAX" && statement.isInPartition)) break;
      for (const t of statement.targets) missing.add(t);
      rest = blank(rest, statement);
    }
    return found.sort((a, b) => a.offset - b.offset);
  }

  #firstWrong(text: string): Diagnostic | undefined {
    try {
      new CepApp(text, { clock: { now: () => 0 } });
      return undefined;
    } catch (error) {
      if (!(error instanceof CepError)) throw error;
      const at = error.position ?? positionAt(text, Math.max(error.offset, 0), error.length);
      const { code, message, expected, suggestion } = error;
      const { line, column, offset, length } = at;
      return { code, message, line, column, offset, length, expected, suggestion };
    }
  }

  /** What could stand at the offset, those that begin like the word under way first. */
  completions(text: string, offset: number): Completion[] {
    const before = tolerantTokens(text.slice(0, offset)).filter((t) => t.kind !== "end");
    const last = before.at(-1);
    const isInWord = last?.kind === "id" && last.end === offset;
    const word = isInWord ? last.text.toLowerCase() : "";
    const context = isInWord ? before.slice(0, -1) : before;
    const symbols = symbolsOf(tolerantTokens(text));
    const found = this.#candidates(context, symbols);
    const seen = new Set<string>();
    return found.filter((c) => {
      const isNew = !seen.has(c.label) && c.label.toLowerCase().startsWith(word);
      seen.add(c.label);
      return isNew;
    });
  }

  #candidates(context: readonly Token[], symbols: readonly DefinedSymbol[]): Completion[] {
    const last = context.at(-1);
    const previous = context.at(-2);
    if (last === undefined || last.text === ";") return START.map(keyword);
    const inAnnotation = annotationCompletions(context, this.#registry);
    if (inAnnotation !== undefined) return inAnnotation;
    if (last.text === "." && previous?.word === "window") return this.#extensions("window");
    if (last.text === "#") return [keyword("window."), ...this.#extensions("stream-function")];
    if (last.text === "." && previous?.kind === "id")
      return attributesOf(
        symbols.filter((s) => s.name === previous.text || isAliasOf(context, previous.text, s.name)),
      );
    if (last.word === "define") return ["stream", "table", "window", "trigger", "aggregation"].map(keyword);
    if (last.word === "from" || last.word === "join" || last.text === "->") return symbols.map(ofSymbol);
    if (last.word === "into" || last.word === "update" || last.word === "delete")
      return symbols.filter((s) => s.kind !== "aggregation").map(ofSymbol);
    return [
      ...attributesOf(symbols.filter((s) => isRead(context, s.name))),
      ...this.#extensions("function"),
      ...this.#extensions("aggregator"),
      ...CLAUSES.map(keyword),
    ];
  }

  #extensions(kind: Extension["kind"]): Completion[] {
    return this.#registry
      .all()
      .filter((e) => e.kind === kind)
      .map((e) => ({ label: fullName(e), kind: e.kind, detail: signaturesOf(e)[0] ?? e.description }));
  }

  /** What the word at the offset is, from the registry or the definitions. */
  hover(text: string, offset: number): Hover | undefined {
    const tokens = tolerantTokens(text);
    const at = tokens.findIndex(
      (t) => t.start <= offset && offset < t.end && ["id", "quoted", "string"].includes(t.kind),
    );
    const token = tokens[at];
    if (token === undefined) return undefined;
    const inAnnotation = annotationHover(tokens, at, this.#registry);
    if (inAnnotation !== undefined || token.kind === "string") return inAnnotation;
    const extension = this.#extensionAt(tokens, at, token);
    if (extension !== undefined) {
      const examples = extension.examples.map((e) => e.syntax);
      return {
        title: signaturesOf(extension).join("\n"),
        text: [extension.description, ...examples].join("\n"),
        start: token.start,
        end: token.end,
      };
    }
    const symbols = symbolsOf(tokens);
    const symbol = symbols.find((s) => s.name === token.text);
    if (symbol !== undefined) {
      return {
        title: `${symbol.kind} ${symbol.name}`,
        text: symbol.attributes.map((a) => `${a.name} ${a.type}`).join(", "),
        start: token.start,
        end: token.end,
      };
    }
    const owner = symbols.find((s) => s.attributes.some((a) => a.name === token.text));
    const attribute = owner?.attributes.find((a) => a.name === token.text);
    if (owner === undefined || attribute === undefined) return undefined;
    return {
      title: `${attribute.name} ${attribute.type}`,
      text: `an attribute of ${owner.kind} ${owner.name}`,
      start: token.start,
      end: token.end,
    };
  }

  #extensionAt(tokens: readonly Token[], at: number, token: Token): Extension | undefined {
    if (tokens[at + 1]?.text !== "(") return undefined;
    const isWindow = tokens[at - 1]?.text === "." && tokens[at - 2]?.word === "window";
    const namespace = tokens[at - 1]?.text === ":" ? (tokens[at - 2]?.text ?? "") : "";
    const kinds: Extension["kind"][] = isWindow
      ? ["window"]
      : ["function", "aggregator", "stream-function", "window"];
    for (const kind of kinds) {
      const found = this.#registry.find(kind, namespace, token.text);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function keyword(label: string): Completion {
  return { label, kind: "keyword", detail: "" };
}

function ofSymbol(s: DefinedSymbol): Completion {
  return { label: s.name, kind: s.kind, detail: s.attributes.map((a) => `${a.name} ${a.type}`).join(", ") };
}

function attributesOf(symbols: readonly DefinedSymbol[]): Completion[] {
  return symbols.flatMap((s) =>
    s.attributes.map((a) => ({
      label: a.name,
      kind: "attribute" as const,
      detail: `${a.type} of ${s.name}`,
    })),
  );
}

/** Whether the statement under way reads the stream. */
function isRead(context: readonly Token[], name: string): boolean {
  for (let i = context.length - 1; i >= 0 && context[i]?.text !== ";"; i--)
    if (context[i]?.text === name) return true;
  return false;
}

/** `alias` stands for `name` in `alias=name` or `name as alias`. */
function isAliasOf(context: readonly Token[], alias: string, name: string): boolean {
  return context.some(
    (t, i) =>
      t.text === name &&
      ((context[i - 1]?.text === "=" && context[i - 2]?.text === alias) ||
        (context[i + 1]?.word === "as" && context[i + 2]?.text === alias)),
  );
}
