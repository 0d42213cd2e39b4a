import { BrowserDatabase } from "./browser-database.ts";

/** Where a browser keeps the key that its refresh tokens are bound to (RFC 9449). The key cannot leave it. */
export interface ProofKeyStore {
  /** @returns `undefined` when there is none. */
  load(): Promise<CryptoKeyPair | undefined>;
  save(pair: CryptoKeyPair): Promise<void>;
}

/**
 * The stored key, or a new one: ES256, and not extractable, so that a script that copies the tokens out of the page
 * cannot use them elsewhere.
 * @returns `undefined` where there is no place for keys (some private windows): tokens are then not bound.
 */
export async function proofKey(store: ProofKeyStore): Promise<CryptoKeyPair | undefined> {
  try {
    const known = await store.load();
    if (known !== undefined) return known;
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, [
      "sign",
      "verify",
    ]);
    await store.save(pair);
    return pair;
  } catch {
    return undefined;
  }
}

const NAME = "proof";

/** Kept in the browser's IndexedDB. */
export class IndexedDbProofKeys implements ProofKeyStore {
  readonly #database = new BrowserDatabase();

  async load(): Promise<CryptoKeyPair | undefined> {
    const found = await this.#database.load(NAME);
    const isPair =
      typeof found === "object" && found !== null && "privateKey" in found && "publicKey" in found;
    return isPair ? (found as CryptoKeyPair) : undefined; // nothing else is ever saved under this name
  }

  async save(pair: CryptoKeyPair): Promise<void> {
    await this.#database.save(NAME, pair);
  }
}
