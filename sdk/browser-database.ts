const DATABASE = "edgenym";
const STORE = "keys";

/**
 * The browser's IndexedDB: what one tab has saved, every other tab finds, which `localStorage` does not promise (each
 * process has a copy, and learns of changes a little later). It can also hold a key without ever showing it.
 */
export class BrowserDatabase {
  async load(name: string): Promise<unknown> {
    return await this.#request("readonly", (entries) => entries.get(name));
  }

  /** @param value `undefined` to forget what there is. */
  async save(name: string, value: unknown): Promise<void> {
    await this.#request("readwrite", (entries) =>
      value === undefined ? entries.delete(name) : entries.put(value, name),
    );
  }

  async #request(mode: IDBTransactionMode, work: (entries: IDBObjectStore) => IDBRequest): Promise<unknown> {
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
