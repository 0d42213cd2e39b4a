import { defineConfig } from "vitest/config";

// Durability and abuse against the whole product over real sockets, one file after the other: each starts its own.
export default defineConfig({
  test: {
    name: "soak",
    root: import.meta.dirname,
    include: ["*.test.ts"],
    environment: "node",
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
