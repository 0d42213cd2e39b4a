import { CepError } from "../cep-error.ts";

/** Seeds (none: "") and where their sequences stand. */
export type SavedRandom = readonly (readonly [seed: string, state: bigint])[];

const MAX_SEEDS = 1000;
const MULTIPLIER = 0x5deece66dn;
const MASK = (1n << 48n) - 1n;

/** The sequences of `java.util.Random`, one a seed; that of no seed begins with the app's name. Saved, so that a replay repeats them. */
export class RandomSource {
  readonly #name: string;
  #states = new Map<string, bigint>();

  constructor(name: string) {
    this.#name = name;
  }

  #ownSeed(): bigint {
    let hash = 0n;
    for (const c of this.#name) hash = BigInt.asIntN(64, hash * 31n + BigInt(c.codePointAt(0) ?? 0));
    return hash;
  }

  /** `nextDouble()`. @throws CepError `LIMIT` when there are too many seeds. */
  next(seed: number | bigint | undefined): number {
    const key = seed === undefined ? "" : String(seed);
    let state = this.#states.get(key);
    if (state === undefined) {
      if (this.#states.size >= MAX_SEEDS)
        throw new CepError("LIMIT", `An app has at most ${MAX_SEEDS} seeds`);
      state = (BigInt(seed ?? this.#ownSeed()) ^ MULTIPLIER) & MASK;
    }
    const high = (state * MULTIPLIER + 0xbn) & MASK;
    const low = (high * MULTIPLIER + 0xbn) & MASK;
    this.#states.set(key, low);
    return Number(((high >> 22n) << 27n) + (low >> 21n)) / 2 ** 53;
  }

  save(): SavedRandom {
    return [...this.#states];
  }

  load(saved: SavedRandom): void {
    this.#states = new Map(saved);
  }
}
