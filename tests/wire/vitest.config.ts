import { defineConfig } from "vitest/config";

// Black-box cases over real sockets. What they run against is said by the environment: see support/target.ts.
export default defineConfig({
  test: {
    name: "wire",
    root: import.meta.dirname,
    include: ["cases/**/*.test.ts"],
    environment: "node",
    globalSetup: ["./support/engine-host.setup.ts", "./support/platform.setup.ts"],
    hookTimeout: 60_000,
    testTimeout: 60_000,
  },
});
