import { defineConfig } from "vitest/config";

/** The DIdP over HTTP with a real login provider, strict clients and attackers; one Miniflare a file. */
export default defineConfig({
  cacheDir: "../../node_modules/.vite/identity",
  test: {
    name: "identity",
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    environment: "node",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
