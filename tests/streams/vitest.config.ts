import { readFileSync } from "node:fs";
import path from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const root = path.resolve(import.meta.dirname, "../..");

/** The owner's rules: their object inside workerd (tests/runtime/streams), and the whole stack over real sockets. */
export default defineConfig({
  root,
  test: {
    projects: [
      {
        root,
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./workers/cep/wrangler.toml" },
            miniflare: {
              workers: [
                {
                  name: "edgenym-pcm",
                  modules: true,
                  compatibilityDate: "2026-11-01",
                  durableObjects: { PCM: { className: "Pcm", useSQLite: true } },
                  script: readFileSync(path.join(import.meta.dirname, "stand-in-cloud.js"), "utf8"),
                },
                {
                  name: "edgenym-gateway",
                  modules: true,
                  compatibilityDate: "2026-11-01",
                  script: readFileSync(path.join(import.meta.dirname, "stand-in-gateway.js"), "utf8"),
                },
              ],
            },
          }),
        ],
        test: { name: "stream-app", include: ["tests/runtime/streams/**/*.test.ts"] },
      },
      {
        root,
        test: {
          name: "streams",
          include: ["tests/streams/**/*.test.ts"],
          environment: "node",
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
