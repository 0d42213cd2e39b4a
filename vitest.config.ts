import { defineConfig } from "vitest/config";

// Fast things in plain Node; tests/runtime inside workerd (a configuration of its own, as it needs the Workers'
// plugin); tests/e2e against the whole product as a process, one file after the other.
export default defineConfig({
  test: {
    projects: [
      { test: { name: "engines", include: ["engines/**/*.test.ts"], environment: "node" } },
      {
        test: {
          name: "node",
          include: ["{sdk,cli,scripts,demo,bench,workers}/**/*.test.ts", "tests/unit/**/*.test.ts"],
          environment: "node",
        },
      },
      {
        test: {
          name: "e2e",
          include: ["tests/e2e/**/*.test.ts"],
          environment: "node",
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
