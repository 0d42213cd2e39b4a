import type { Token } from "../parser/lexer.ts";

/** A statement's place in the text, from its first token to its `;`. */
export interface StatementRange {
  readonly start: number;
  readonly end: number;
  readonly isQuery: boolean;
  /** Inside `begin … end`. */
  readonly isInPartition: boolean;
  /** Streams that it inserts into. */
  readonly targets: readonly string[];
}

/** The statements of a text that may be wrong: cut at `;`, `begin` and `end`. */
export function statementsOf(tokens: readonly Token[]): StatementRange[] {
  const found: StatementRange[] = [];
  let part: Token[] = [];
  let isInPartition = false;
  const close = (end: number) => {
    const [first] = part;
    if (first !== undefined)
      found.push({
        start: first.start,
        end,
        isQuery: part.some((t) => t.word === "from") && !part.some((t) => t.word === "define"),
        isInPartition,
        targets: part.flatMap((t, i) => (t.word === "into" ? [nameAt(part, i + 1)] : [])),
      });
    part = [];
  };
  for (const token of tokens) {
    if (token.kind === "end") continue;
    if (token.text === ";") close(token.end);
    else if (token.word === "begin" && part.some((t) => t.word === "partition")) {
      part = [];
      isInPartition = true;
    } else if (token.word === "end" && isInPartition) {
      close(token.start);
      isInPartition = false;
    } else part.push(token);
  }
  close(tokens.at(-1)?.end ?? 0);
  return found;
}

function nameAt(part: readonly Token[], at: number): string {
  const token = part[at];
  return token?.text === "#" || token?.text === "!" ? (part[at + 1]?.text ?? "") : (token?.text ?? "");
}

/** The text with the range as blanks, so that all other offsets stay. */
export function blank(text: string, { start, end }: { start: number; end: number }): string {
  return text.slice(0, start) + text.slice(start, end).replace(/[^\n]/g, " ") + text.slice(end);
}
