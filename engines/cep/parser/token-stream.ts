import { CepError, suggest } from "../cep-error.ts";
import { type Token, tokenize } from "./lexer.ts";

/** A cursor over the tokens of one text, with the look-ahead and the errors that every parse function needs. */
export class TokenStream {
  readonly text: string;
  readonly tokens: Token[];
  at = 0;

  constructor(text: string) {
    this.text = text;
    this.tokens = tokenize(text);
  }

  /** The token `ahead` places on; past the end it is the end token. */
  peek(ahead = 0): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)] as Token; // never empty: the end token
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== "end") this.at++;
    return token;
  }

  get lastEnd(): number {
    return this.at > 0 ? (this.tokens[this.at - 1] as Token).end : 0;
  }

  isSymbol(symbol: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === "symbol" && token.text === symbol;
  }

  isWord(word: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === "id" && token.word === word;
  }

  takeSymbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false;
    this.at++;
    return true;
  }

  takeWord(...words: string[]): boolean {
    if (!words.every((w, i) => this.isWord(w, i))) return false;
    this.at += words.length;
    return true;
  }

  expectSymbol(symbol: string): Token {
    if (!this.isSymbol(symbol)) this.fail([`'${symbol}'`]);
    return this.next();
  }

  expectWord(word: string): Token {
    if (!this.isWord(word)) this.fail([word]);
    return this.next();
  }

  isName(ahead = 0): boolean {
    const kind = this.peek(ahead).kind;
    return kind === "id" || kind === "quoted";
  }

  expectName(what = "a name"): Token {
    if (!this.isName()) this.fail([what]);
    return this.next();
  }

  expectString(): Token {
    if (this.peek().kind !== "string") this.fail(["a string"]);
    return this.next();
  }

  /** @throws CepError `SYNTAX` at the current token. */
  fail(expected: string[], words: readonly string[] = expected): never {
    const token = this.peek();
    const found =
      token.kind === "end" ? "the end of the text" : `'${this.text.slice(token.start, token.end)}'`;
    throw new CepError("SYNTAX", `Expected ${expected.join(" or ")} but found ${found}`, {
      offset: token.start,
      length: token.end - token.start,
      expected,
      suggestion: token.kind === "id" ? suggest(token.text, words) : undefined,
    });
  }
}
