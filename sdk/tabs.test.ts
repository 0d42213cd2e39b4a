import { expect, test } from "vitest";
import { tabName } from "./tabs.ts";
import { MemoryStore } from "./testing/authorization-server.ts";

/** Web Locks of one page: what it holds is free when it goes. */
function page() {
  const held = new Set<() => void>();
  return {
    request<T>(name: string, options: { readonly signal?: AbortSignal }, work: () => Promise<T>): Promise<T> {
      return navigator.locks.request(name, options, () => {
        const gone = new Promise<never>((_, reject) => held.add(() => reject(new Error("the page went"))));
        return Promise.race([work(), gone]);
      });
    },
    leave() {
      for (const release of held) release();
    },
  };
}

test("a tab keeps its name over a reload, and a copy of it gets one of its own", async () => {
  const store = new MemoryStore();
  const first = page();
  const name = await tabName(store, first);
  first.leave();
  const reloaded = page();
  expect(await tabName(store, reloaded)).toBe(name);

  const copied = new MemoryStore();
  for (const [key, value] of store.entries) copied.setItem(key, value);
  const copy = page();
  const nameOfCopy = await tabName(copied, copy);
  expect(nameOfCopy).not.toBe(name);
  copy.leave();
  expect(await tabName(copied, page())).toBe(nameOfCopy);
  reloaded.leave();
});
