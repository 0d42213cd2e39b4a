/** The two verbs of `Storage` that the SDK needs, and one to forget. */
export type KeyValueStore = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** @returns `undefined` unless the entry is a JSON object whose `required` fields are strings. */
export function readJson<T>(
  store: KeyValueStore,
  key: string,
  required: readonly (keyof T & string)[],
): T | undefined {
  try {
    const json: unknown = JSON.parse(store.getItem(key) ?? "null");
    if (typeof json !== "object" || json === null) return undefined;
    if (required.some((field) => typeof Reflect.get(json, field) !== "string")) return undefined;
    return json as T; // written by the SDK under a key of its own, and its text fields were just checked
  } catch {
    return undefined;
  }
}
