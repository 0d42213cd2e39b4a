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

const DATABASE = "edgenym";
const STORE = "keys";
const NAME = "proof";

/** The browser's IndexedDB, which can hold a key without ever showing it. */
export class IndexedDbProofKeys implements ProofKeyStore {
  async load(): Promise<CryptoKeyPair | undefined> {
    const found: unknown = await this.#request("readonly", (keys) => keys.get(NAME));
    const isPair =
      typeof found === "object" && found !== null && "privateKey" in found && "publicKey" in found;
    return isPair ? (found as CryptoKeyPair) : undefined; // nothing else is ever saved under this name
  }

  async save(pair: CryptoKeyPair): Promise<void> {
    await this.#request("readwrite", (keys) => keys.put(pair, NAME));
  }

  async #request(mode: IDBTransactionMode, work: (keys: IDBObjectStore) => IDBRequest): Promise<unknown> {
    const database = await this.#open();
    try {
      return await settled(work(database.transaction(STORE, mode).objectStore(STORE)));
    } finally {
      database.close();
    }
  }

  #open(): Promise<IDBDatabase> {
    const opening = indexedDB.open(DATABASE, 1);
    opening.addEventListener("upgradeneeded", () => opening.result.createObjectStore(STORE));
    return settled(opening);
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}
