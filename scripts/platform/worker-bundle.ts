import path from "node:path";
import { build, type Plugin } from "esbuild";
import type { V4WorkerOptions } from "miniflare";
import {
  unstable_readConfig as readConfig,
  unstable_getMiniflareWorkerOptions as workerOptionsOf,
} from "wrangler";
import { nodeBuiltins } from "./node-builtins.ts";

// The secrets come from the state folder, not from a .dev.vars file that wrangler would miss here.
process.env.WRANGLER_LOG ??= "error";

/** One Worker as Miniflare takes it (`convertV4MiniflareOptions`). */
export type MiniflareWorker = V4WorkerOptions & { readonly bindings?: Record<string, unknown> };

/** Every Worker of the product, by its configuration file. */
export const workerConfigs = [
  "wrangler.toml",
  "durable-objects/pcm/wrangler.toml",
  "workers/cep/wrangler.toml",
  "workers/didp/wrangler.toml",
  "workers/pseudonymiser/wrangler.toml",
] as const;

/**
 * Bundles the Worker of one wrangler.toml, with the same conditions as `wrangler deploy`.
 * @param bindings variables and secrets, over those of the file.
 * @param plugins before our own; tests build broken variants with them.
 */
export async function bundleWorker(
  root: string,
  configFile: string,
  bindings: Record<string, string>,
  plugins: readonly Plugin[] = [],
): Promise<MiniflareWorker> {
  const configPath = path.join(root, configFile);
  const { workerOptions, main, define } = workerOptionsOf(configPath);
  if (main === undefined) throw new Error(`${configFile} names no main module`);
  const bundle = await build({
    entryPoints: [main],
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2024",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    plugins: [...plugins, nodeBuiltins],
    define: define ?? {},
    jsx: "automatic",
    jsxImportSource: "hono/jsx",
    sourcemap: "inline",
    write: false,
    logLevel: "error",
  });
  const contents = bundle.outputFiles[0]?.text;
  if (contents === undefined) throw new Error(`${configFile}: nothing was built`);
  const modulesRoot = path.join(root, "dist", path.dirname(configFile)); // must contain the module's path; need not exist
  const fromFile = workerOptions as MiniflareWorker; // wrangler declares the same shape under a type of its own
  return {
    ...fromFile,
    name: readConfig({ config: configPath }).name ?? configFile,
    bindings: { ...fromFile.bindings, ...bindings },
    modulesRoot,
    modules: [{ type: "ESModule", path: path.join(modulesRoot, "index.mjs"), contents }],
  };
}
