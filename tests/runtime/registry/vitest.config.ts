import path from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { keyPurposes } from "../../../engines/oauth/key-ring.ts";

const key = (fill: number) => Buffer.alloc(32, fill).toString("base64url");

/** The registry inside workerd. Run with `vitest run --config tests/runtime/registry/vitest.config.ts`. */
export default defineConfig({
  root: path.resolve(import.meta.dirname, "../../.."),
  plugins: [
    cloudflareTest({
      wrangler: { configPath: "./workers/didp/wrangler.toml" },
      miniflare: {
        bindings: {
          KEYS: JSON.stringify(
            Object.fromEntries(keyPurposes.map((purpose, index) => [purpose, key(index)])),
          ),
          ROUTE_KEY: key(100),
          OPERATOR_TOKEN: key(101),
          UIDPS: "[]",
        },
        serviceBindings: { TOLD: "edgenym-gateway" },
        workers: [
          {
            name: "edgenym-gateway",
            modules: true,
            compatibilityDate: "2026-11-01",
            // Stands where the gateway stands: keeps what it is told, and can be made unreachable.
            script: `
              import { WorkerEntrypoint } from "cloudflare:workers";
              let told = [];
              let isDown = false;
              const keep = (kind, value) => {
                if (isDown) throw new Error("down");
                told.push({ kind, ...value });
              };
              export class ForDidp extends WorkerEntrypoint {
                deviceClaimed(user, device) { keep("claimed", { user, device }); }
                revoked(notice) { keep("revoked", notice); }
              }
              export default {
                fetch(request) {
                  const { pathname } = new URL(request.url);
                  if (pathname === "/down") isDown = true;
                  if (pathname === "/up") isDown = false;
                  const answer = Response.json(told);
                  if (pathname === "/forget") told = [];
                  return answer;
                },
              };
            `,
          },
          {
            name: "edgenym-pseudonymiser",
            modules: true,
            compatibilityDate: "2026-11-01",
            script: `
              import { WorkerEntrypoint } from "cloudflare:workers";
              export class Pseudonyms extends WorkerEntrypoint {
                resolve() { throw new Error("no logins in these tests"); }
              }
              export default { fetch: () => new Response(null, { status: 404 }) };
            `,
          },
        ],
      },
    }),
  ],
  test: { name: "registry", include: ["tests/runtime/registry/*.spec.ts"], testTimeout: 60_000 },
});
