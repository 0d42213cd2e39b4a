/** Stable codes of everything that can be wrong with an app, a query or a running rule. */
export type CepErrorCode =
  | "SYNTAX"
  | "DUPLICATE_DEFINITION"
  | "DUPLICATE_ATTRIBUTE"
  | "UNKNOWN_STREAM"
  | "UNKNOWN_ATTRIBUTE"
  | "UNKNOWN_FUNCTION"
  | "UNKNOWN_EXTENSION"
  | "AMBIGUOUS_ATTRIBUTE"
  | "TYPE_MISMATCH"
  | "WRONG_PARAMETERS"
  | "WRONG_ANNOTATION"
  | "NOT_SUPPORTED"
  | "NOT_FOUND"
  | "LIMIT"
  | "RUNTIME"
  | "SNAPSHOT";

/** Where in the app text an error is: `line` and `column` count from 1, `offset` and `length` in UTF-16 units. */
export interface SourcePosition {
  readonly offset: number;
  readonly length: number;
  readonly line: number;
  readonly column: number;
}

/**
 * The one error class of the engine. Callers switch on `code`; `position`, `expected` and `suggestion` are for
 * the editor. A message names the rule and the field, never a value of an event.
 */
export class CepError extends Error {
  readonly code: CepErrorCode;
  /** Offset into the app text, or -1 when there is no text to point into. */
  offset: number;
  length: number;
  readonly expected: readonly string[];
  readonly suggestion: string | undefined;
  position: SourcePosition | undefined;

  constructor(
    code: CepErrorCode,
    message: string,
    at: {
      offset?: number | undefined;
      length?: number;
      expected?: readonly string[];
      suggestion?: string | undefined;
    } = {},
  ) {
    super(message);
    this.name = "CepError";
    this.code = code;
    this.offset = at.offset ?? -1;
    this.length = at.length ?? 0;
    this.expected = [...new Set(at.expected)];
    this.suggestion = at.suggestion;
    this.position = undefined;
  }

  /** Fills `position` from the text the offset points into; the first caller wins. */
  locate(text: string): this {
    if (this.offset >= 0 && this.position === undefined) {
      this.position = positionAt(text, this.offset, this.length);
      this.message += ` (line ${this.position.line}, column ${this.position.column})`;
    }
    return this;
  }
}

/** Runs `make`; an error without a place of its own gets that of `at`. */
export function placed<T>(at: { readonly start: number; readonly end: number }, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof CepError && error.offset < 0) {
      error.offset = at.start;
      error.length = at.end - at.start;
    }
    throw error;
  }
}

/** Line and column (from 1) of an offset into `text`. Cost: one pass over the text before it. */
export function positionAt(text: string, offset: number, length: number): SourcePosition {
  let line = 1;
  let lineStart = 0;
  for (let i = 0; i < offset && i < text.length; i++) {
    if (text.charCodeAt(i) === 10) {
      line++;
      lineStart = i + 1;
    }
  }
  return { offset, length, line, column: offset - lineStart + 1 };
}

/** The candidate nearest to `name` by edit distance, when it is near enough to be what was meant. */
export function suggest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
