import { defineConfig } from "vitest/config";

/** Who may see what, measured on the whole running platform (IDENTITY.md §3.1); one platform a file, one at a time. */
export default defineConfig({
  cacheDir: "../../node_modules/.vite/visibility",
  test: {
    name: "visibility",
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    environment: "node",
    testTimeout: 600_000,
    hookTimeout: 600_000,
    fileParallelism: false,
  },
});
