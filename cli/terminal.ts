/** The part of a writable stream that a terminal needs. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** The streams, and how to speak on them. */
export interface TerminalOptions {
  readonly out: TextStream;
  readonly err: TextStream;
  /** Results as JSON lines on `out`, no words for people. */
  readonly json: boolean;
  readonly quiet: boolean;
  /** `NO_COLOR` and friends are decided by the caller. */
  readonly color: boolean;
}

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";
const CODES: Record<Style, readonly [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/**
 * Where a command speaks: results on stdout, everything about how it is going on stderr, one status line that
 * rewrites itself when stderr is a terminal, JSON lines instead of words with `--json`.
 */
export class Terminal {
  readonly json: boolean;
  readonly #options: TerminalOptions;
  #statusIsShown = false;

  constructor(options: TerminalOptions) {
    this.#options = options;
    this.json = options.json;
  }

  get isInteractive(): boolean {
    return this.#options.err.isTTY === true && !this.json && !this.#options.quiet;
  }

  /** One line of the result, for people. */
  line(text = ""): void {
    if (this.json) return;
    this.#clearStatus();
    this.#options.out.write(`${text}\n`);
  }

  /** One result, for programs: a JSON line. */
  record(value: Readonly<Record<string, unknown>>): void {
    if (this.json) this.#options.out.write(`${JSON.stringify(value)}\n`);
  }

  /** How it is going; not part of the result. */
  note(text: string): void {
    if (this.json || this.#options.quiet) return;
    this.#clearStatus();
    this.#options.err.write(`${text}\n`);
  }

  /** The next sensible command. */
  next(command: string, why: string): void {
    this.note(`\n${this.style("dim", "Next:")} ${this.style("cyan", command)}  ${this.style("dim", why)}`);
  }

  /** The status line; shown only on a terminal, and overwritten by the next one. */
  status(text: string): void {
    if (!this.isInteractive) return;
    const width = this.#options.err.columns ?? 80;
    const shown = text.length < width ? text : `${text.slice(0, width - 2)}…`;
    this.#options.err.write(`\r\u001b[2K${shown}`);
    this.#statusIsShown = true;
  }

  /** An error, in words or as a record, always said. */
  error(message: string, hint?: string): void {
    this.#clearStatus();
    if (this.json) {
      this.#options.out.write(
        `${JSON.stringify({ error: message, ...(hint === undefined ? {} : { hint }) })}\n`,
      );
      return;
    }
    this.#options.err.write(`${this.style("red", "✗")} ${message}\n`);
    if (hint !== undefined) this.#options.err.write(`  ${hint}\n`);
  }

  style(style: Style, text: string): string {
    if (!this.#options.color) return text;
    const [on, off] = CODES[style];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  }

  #clearStatus(): void {
    if (!this.#statusIsShown) return;
    this.#options.err.write("\r\u001b[2K");
    this.#statusIsShown = false;
  }
}

/** Whether to colour: `NO_COLOR` wins over `FORCE_COLOR`, which wins over looking at the terminal. */
export function wantsColor(env: Readonly<Record<string, string | undefined>>, stream: TextStream): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== "") return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "0") return true;
  return stream.isTTY === true && env.TERM !== "dumb";
}
