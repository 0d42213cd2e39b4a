import { CepError } from "../cep-error.ts";

/** `id` covers keywords too: SiddhiQL lets every keyword be a name. `quoted` is a name in backticks. */
export type TokenKind =
  | "id"
  | "quoted"
  | "int"
  | "long"
  | "float"
  | "double"
  | "string"
  | "script"
  | "symbol"
  | "end";

/** A token. `text` is the name, the symbol, the string's content or the number's digits; `word` is lower case. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

const SYMBOLS = [
  "...",
  "->",
  "<=",
  ">=",
  "==",
  "!=",
  ":",
  ";",
  ".",
  "(",
  ")",
  "[",
  "]",
  ",",
  "=",
  "*",
  "+",
  "?",
  "-",
  "/",
  "%",
  "<",
  ">",
  "@",
  "#",
  "!",
];
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?/y;
const NAME = /[a-zA-Z_][a-zA-Z_0-9]*/y;

/**
 * Splits app text into tokens; comments and blanks are dropped.
 * @throws CepError `SYNTAX` on a character or string that no token can hold.
 */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const push = (kind: TokenKind, value: string, end: number) => {
    tokens.push({ kind, text: value, word: kind === "id" ? value.toLowerCase() : value, start: at, end });
    at = end;
  };
  while (at < text.length) {
    const c = text.charAt(at);
    if (c <= " " || c === "\u00a0" || c === "\ufeff") {
      at++;
    } else if (text.startsWith("--", at)) {
      const end = text.indexOf("\n", at);
      at = end < 0 ? text.length : end;
    } else if (text.startsWith("/*", at)) {
      const end = text.indexOf("*/", at + 2);
      at = end < 0 ? text.length : end + 2;
    } else if (c === "'" || c === '"') {
      pushString(text, at, push);
    } else if (c === "`") {
      const end = text.indexOf("`", at + 1);
      if (end < 0)
        throw new CepError("SYNTAX", "A quoted name is not closed", {
          offset: at,
          length: 1,
          expected: ["`"],
        });
      push("quoted", text.slice(at + 1, end), end + 1);
    } else if (c === "{") {
      const end = scriptEnd(text, at);
      push("script", text.slice(at + 1, end - 1), end);
    } else if (isDigit(c) || (c === "." && isDigit(text.charAt(at + 1)))) {
      pushNumber(text, at, push);
    } else {
      NAME.lastIndex = at;
      const name = NAME.exec(text);
      if (name !== null) {
        push("id", name[0], NAME.lastIndex);
        continue;
      }
      const symbol = SYMBOLS.find((s) => text.startsWith(s, at));
      if (symbol === undefined)
        throw new CepError("SYNTAX", `Unexpected character '${c}'`, { offset: at, length: 1 });
      push("symbol", symbol, at + symbol.length);
    }
  }
  push("end", "end of text", text.length);
  return tokens;
}

function isDigit(c: string): boolean {
  return c >= "0" && c <= "9";
}

function pushNumber(
  text: string,
  at: number,
  push: (kind: TokenKind, value: string, end: number) => void,
): void {
  NUMBER.lastIndex = at;
  let value = NUMBER.exec(text)?.[0] ?? "";
  // `1 ... 5` and `e1[0].x`: a dot that does not start a fraction is not part of the number.
  if (
    /^\d+\.$/.test(value) &&
    (text.startsWith("...", at + value.length - 1) ||
      /[a-zA-Z_]/.test(text.charAt(at + value.length)) === false)
  ) {
    if (text.startsWith("...", at + value.length - 1)) value = value.slice(0, -1);
  }
  const end = at + value.length;
  const suffix = text.charAt(end);
  const isWhole = /^\d+$/.test(value);
  const next = text.charAt(end + 1);
  const suffixEndsWord = !/[a-zA-Z_0-9]/.test(next);
  if (suffixEndsWord && isWhole && (suffix === "l" || suffix === "L")) push("long", value, end + 1);
  else if (suffixEndsWord && (suffix === "f" || suffix === "F")) push("float", value, end + 1);
  else if (suffixEndsWord && (suffix === "d" || suffix === "D")) push("double", value, end + 1);
  else push(isWhole ? "int" : "double", value, end);
}

function pushString(
  text: string,
  at: number,
  push: (kind: TokenKind, value: string, end: number) => void,
): void {
  const quote = text.charAt(at);
  if (text.startsWith('"""', at)) {
    const end = text.indexOf('"""', at + 3);
    if (end < 0)
      throw new CepError("SYNTAX", "A string is not closed", { offset: at, length: 3, expected: ['"""'] });
    push("string", text.slice(at + 3, end), end + 3);
    return;
  }
  const end = text.indexOf(quote, at + 1);
  const value = end < 0 ? text.slice(at + 1) : text.slice(at + 1, end);
  const lineBreak = value.search(/[\r\n]/);
  if (end < 0 || lineBreak >= 0) {
    throw new CepError("SYNTAX", "A string is not closed on its line", {
      offset: at,
      length: 1,
      expected: [quote],
    });
  }
  push("string", value, end + 1);
}

function scriptEnd(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === '"') {
      const close = text.indexOf('"', i + 1);
      if (close > 0) i = close;
    } else if (c === "{") depth++;
    else if (c === "}" && --depth === 0) return i + 1;
  }
  throw new CepError("SYNTAX", "A function body is not closed", {
    offset: start,
    length: 1,
    expected: ["}"],
  });
}
