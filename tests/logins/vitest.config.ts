import { defineConfig } from "vitest/config";

/** Every kind of login, at real providers where the system has them; one Miniflare a file. */
export default defineConfig({
  test: {
    name: "logins",
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    environment: "node",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
