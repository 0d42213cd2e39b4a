import { type Token, tokenize } from "../parser/lexer.ts";

/** A definition found in a text that may be incomplete. */
export interface DefinedSymbol {
  readonly name: string;
  readonly kind: "stream" | "table" | "window" | "aggregation" | "trigger";
  readonly attributes: readonly { name: string; type: string }[];
}

const KINDS = ["stream", "table", "window", "aggregation", "trigger"] as const;

/** The tokens of as much of the text as can be read. */
export function tolerantTokens(text: string): Token[] {
  for (let end = text.length; end > 0; ) {
    try {
      return tokenize(text.slice(0, end));
    } catch (error) {
      const at = error instanceof Error && "offset" in error ? Number(error.offset) : 0;
      if (at <= 0 || at >= end) return [];
      end = at;
    }
  }
  return [];
}

/** Definitions, and streams that queries insert into, in a text that may be wrong elsewhere. */
export function symbolsOf(tokens: readonly Token[]): DefinedSymbol[] {
  const symbols: DefinedSymbol[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const kind = KINDS.find((k) => tokens[i]?.word === "define" && tokens[i + 1]?.word === k);
    const name = tokens[i + 2];
    if (kind !== undefined && name !== undefined)
      symbols.push({ name: name.text, kind, attributes: attributesAt(tokens, i + 3, kind) });
    const target = tokens[i + 1];
    if (tokens[i]?.word === "into" && target?.kind === "id" && !symbols.some((s) => s.name === target.text)) {
      symbols.push({ name: target.text, kind: "stream", attributes: [] });
    }
  }
  return symbols;
}

function attributesAt(
  tokens: readonly Token[],
  start: number,
  kind: DefinedSymbol["kind"],
): DefinedSymbol["attributes"] {
  if (kind === "trigger") return [{ name: "triggered_time", type: "long" }];
  const attributes: { name: string; type: string }[] = [];
  if (tokens[start]?.text !== "(") return attributes;
  for (let i = start + 1; i + 1 < tokens.length && tokens[i]?.text !== ")"; i++) {
    const [name, type] = [tokens[i], tokens[i + 1]];
    if (name?.kind !== "id" || type?.kind !== "id") continue;
    attributes.push({ name: name.text, type: type.word });
    i++;
  }
  return attributes;
}
