import path from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** Tests inside workerd: hibernation, alarms, storage. Run with `vitest run --config tests/runtime/vitest.config.ts`. */
export default defineConfig({
  root: path.resolve(import.meta.dirname, "../.."),
  plugins: [
    cloudflareTest({
      wrangler: { configPath: "./durable-objects/pcm/wrangler.toml" },
      miniflare: {
        bindings: { SOAK_EVICTIONS: process.env.SOAK_EVICTIONS ?? "150" },
        workers: [
          {
            name: "edgenym-didp",
            modules: true,
            compatibilityDate: "2026-11-01",
            // Stands for the DIdP's RPC entrypoint: a token is the authority it gives, in base64.
            script: `
              import { WorkerEntrypoint } from "cloudflare:workers";
              export class ForGateways extends WorkerEntrypoint {
                introspect(gatewayUri, token) {
                  if (token === "unavailable") throw new Error("unavailable");
                  try {
                    return { active: true, authority: JSON.parse(atob(token)) };
                  } catch {
                    return { active: false };
                  }
                }
              }
              export default { fetch() { return new Response(null, { status: 404 }); } };
            `,
          },
          {
            name: "edgenym-cep",
            modules: true,
            compatibilityDate: "2026-11-01",
            // Nobody has a rule here.
            script: `
              import { WorkerEntrypoint } from "cloudflare:workers";
              export class ForPcm extends WorkerEntrypoint {}
              export default { fetch() { return new Response(null, { status: 404 }); } };
            `,
          },
        ],
      },
    }),
  ],
  test: { name: "runtime", include: ["tests/runtime/pcm/**/*.test.ts"] },
});
