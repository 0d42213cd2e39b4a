import { defineConfig } from "vitest/config";

/** One gateway and the DIdPs of several operators: whole platforms over real sockets, and an issuer that lies. */
export default defineConfig({
  cacheDir: "../../node_modules/.vite/federation",
  test: {
    name: "federation",
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    environment: "node",
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
