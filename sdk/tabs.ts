import { base64url } from "../engines/oauth/base64url.ts";
import type { KeyValueStore } from "./key-value-store.ts";

/** The one verb of `navigator.locks` that the SDK needs. */
export interface TabLocks {
  request<T>(name: string, options: { readonly signal?: AbortSignal }, work: () => Promise<T>): Promise<T>;
}

/** Does `work` while no other tab of this browser does work of that name. */
export type Exclusively = <T>(name: string, work: () => Promise<T>) => Promise<T>;

const TAB_KEY = "edgenym.tab";
/** A reload's own lock is gone within a moment; only a copy of this tab holds it longer. */
const COPY_AFTER_MS = 500;

/** @param locks without them there is nobody to wait for. */
export function exclusivelyBy(locks: TabLocks | undefined): Exclusively {
  if (locks === undefined) return (_, work) => work();
  return (name, work) => locks.request(name, {}, work);
}

/**
 * What this tab is called, at every load the same: its `sessionStorage` outlives a reload. A tab that was copied
 * brings that storage along, so the name is held for as long as the page lives, and the copy takes a new one.
 */
export async function tabName(store: KeyValueStore, locks: TabLocks): Promise<string> {
  const known = store.getItem(TAB_KEY);
  if (known !== null && (await hold(known, locks))) return known;
  const name = base64url(crypto.getRandomValues(new Uint8Array(12)));
  store.setItem(TAB_KEY, name);
  await hold(name, locks);
  return name;
}

/** @returns whether nobody else holds it. */
function hold(name: string, locks: TabLocks): Promise<boolean> {
  return new Promise((resolve) => {
    locks
      .request(`${TAB_KEY} ${name}`, { signal: AbortSignal.timeout(COPY_AFTER_MS) }, () => {
        resolve(true);
        return new Promise<never>(() => undefined); // until the page goes
      })
      .catch(() => resolve(false));
  });
}
