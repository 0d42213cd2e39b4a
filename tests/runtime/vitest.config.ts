import path from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** Stands for an RPC entrypoint that introspects: a token is who is asked and the authority it gives, in base64. */
const introspecting = (name: string, entrypoint: string, parameters: string) => ({
  name,
  modules: true as const,
  compatibilityDate: "2026-11-01",
  script: `
    import { WorkerEntrypoint } from "cloudflare:workers";
    export class ${entrypoint} extends WorkerEntrypoint {
      introspect(${parameters}) {
        if (!token.startsWith("eyJ")) return { active: false };
        const { asked, authority } = JSON.parse(atob(token.slice(0, -4)));
        if (asked !== "${name}") throw new Error("shown to somebody else");
        if (authority === undefined) throw new Error("unavailable");
        return { active: true, authority };
      }
    }
    export default { fetch() { return new Response(null, { status: 404 }); } };
  `,
});

/** Tests inside workerd: hibernation, alarms, storage. Run with `vitest run --config tests/runtime/vitest.config.ts`. */
export default defineConfig({
  root: path.resolve(import.meta.dirname, "../.."),
  plugins: [
    cloudflareTest({
      wrangler: { configPath: "./durable-objects/pcm/wrangler.toml" },
      miniflare: {
        bindings: { SOAK_EVICTIONS: process.env.SOAK_EVICTIONS ?? "150" },
        workers: [
          // The DIdP for tokens of its own, the gateway for those of other operators' (`tokenOf` in pcm/cloud.ts).
          introspecting("edgenym-didp", "ForGateways", "gatewayUri, token"),
          introspecting("edgenym-gateway", "ForPcm", "token"),
          {
            name: "edgenym-cep",
            modules: true,
            compatibilityDate: "2026-11-01",
            // Stands for the rules: answers each event with a stream of its own, and can be out of reach.
            script: `
              import { WorkerEntrypoint } from "cloudflare:workers";
              const taken = new Map();
              const noted = new Map();
              const note = (app, what) => noted.set(app, [...(noted.get(app) ?? []), what]);
              let isAway = false;
              let isStuck = false;
              export class ForPcm extends WorkerEntrypoint {
                take(user, { events }) {
                  if (isAway) throw new Error("away");
                  if (isStuck) return new Promise(() => {});
                  const all = taken.get(user) ?? [];
                  for (const [offset, event] of events)
                    if (!all.some((known) => known.offset === offset)) all.push({ offset, ...event });
                  taken.set(user, all);
                  const results = all.map(({ payload }, i) => ({
                    number: i + 1, id: "echo." + (i + 1), rule: "echo", payload,
                    ...(payload.includes("foreign")
                      ? { kind: "command", device: "somebody else's", action: "led" }
                      : { kind: "stream", stream: "out", retain: false }),
                  }));
                  return { accepted: all.at(-1)?.offset ?? 0, origin: "o", results };
                }
                forget(user) { taken.delete(user); }
                // An app's rules: they want light, and go by user.
                joinFleet(app, member) {
                  if (isAway) throw new Error("away");
                  note(app, { joined: member });
                  return { version: 1, shards: 2, routes: [{ filter: "telemetry/light" }] };
                }
                takeGranted(app, { shard }, user, { source, events }) {
                  if (isAway) throw new Error("away");
                  const seen = noted.get(app) ?? [];
                  for (const [offset, event] of events)
                    if (!seen.some((n) => n.event && n.source === source && n.offset >= offset))
                      note(app, { event, user, shard, source, offset });
                  return { accepted: events.at(-1)[0], isOver: false };
                }
                forgetInFleet(app, keys) { note(app, { forgotten: keys }); }
                leaveFleet(app, user, keys) {
                  if (isAway) throw new Error("away");
                  note(app, { left: user, keys });
                }
                noted(app) { return noted.get(app) ?? []; }
                away(value) { isAway = value; }
                stuck(value) { isStuck = value; }
                taken(user) { return taken.get(user) ?? []; }
              }
              export default { fetch() { return new Response(null, { status: 404 }); } };
            `,
          },
        ],
      },
    }),
  ],
  test: { name: "runtime", include: ["tests/runtime/pcm/**/*.test.ts"] },
});
