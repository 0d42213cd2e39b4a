/** Saved counters of a ledger. */
export interface SavedLedger {
  readonly numbers: Record<string, number>;
  readonly offsets: Record<string, number>;
}

/**
 * Numbers that make delivery effectively once: each output of a stream has the next number of that stream, so that
 * a replay gives the same outputs the same ids, and each input source has the offset that the state has taken in.
 */
export class OutputLedger {
  readonly #app: string;
  #numbers = new Map<string, number>();
  #offsets = new Map<string, number>();
  readonly #acknowledged = new Map<string, number>();

  constructor(app: string) {
    this.#app = app;
  }

  /** The number of the next output of a stream, from 1. */
  next(stream: string): number {
    const number = (this.#numbers.get(stream) ?? 0) + 1;
    this.#numbers.set(stream, number);
    return number;
  }

  idOf(stream: string, number: number): string {
    return `${this.#app}/${stream}/${number}`;
  }

  /** Outputs up to this number have left already; on replay they are made again but not sent. */
  acknowledge(stream: string, number: number): void {
    this.#acknowledged.set(stream, Math.max(number, this.#acknowledged.get(stream) ?? 0));
  }

  isAcknowledged(stream: string, number: number): boolean {
    return number <= (this.#acknowledged.get(stream) ?? 0);
  }

  /** Takes an input offset in. @returns false when the state has it already. */
  takeOffset(source: string, offset: number): boolean {
    if (offset <= (this.#offsets.get(source) ?? Number.NEGATIVE_INFINITY)) return false;
    this.#offsets.set(source, offset);
    return true;
  }

  /** The last offset of a source that the state holds, or undefined. */
  offsetOf(source: string): number | undefined {
    return this.#offsets.get(source);
  }

  save(): SavedLedger {
    return { numbers: Object.fromEntries(this.#numbers), offsets: Object.fromEntries(this.#offsets) };
  }

  load(saved: SavedLedger): void {
    this.#numbers = new Map(Object.entries(saved.numbers));
    this.#offsets = new Map(Object.entries(saved.offsets));
  }
}
