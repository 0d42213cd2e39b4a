import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import Provider from "oidc-provider";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { keyPurposes } from "../../../engines/oauth/key-ring.ts";
import { SHARDS } from "../../../engines/oauth/shard.ts";
import { nodeBuiltins } from "../../../scripts/platform/node-builtins.ts";
import { collectInSmallPieces } from "../../../scripts/platform/runtime-flags.ts";

/** One DIdP with its pseudonymiser, a gateway's stand-in and a real OpenID provider, each on a port of its own. */
export interface Platform {
  readonly didp: string;
  readonly gateway: string;
  readonly uidp: string;
  readonly operatorToken: string;
  /** Every line the Workers logged. */
  readonly log: string[];
  /** Every row of both D1 databases and of every registry object, as text. */
  dump(): Promise<string>;
  /** Lets every login have been so much longer ago. */
  ageLogins(ms: number): Promise<void>;
  /** Stops the Workers and starts them again over the same state: whatever was only in memory is gone. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const root = path.resolve(import.meta.dirname, "../../..");

/** @param port the first of four free ports on 127.0.0.1 */
export async function startPlatform(port: number, settings: Record<string, string> = {}): Promise<Platform> {
  const [didp, gateway, uidp] = [port, port + 1, port + 2].map((number) => `http://127.0.0.1:${number}`) as [
    string,
    string,
    string,
  ];
  collectInSmallPieces();
  const operatorToken = secret();
  const stateFolder = await mkdtemp(path.join(tmpdir(), "edgenym-identity-"));
  const log: string[] = [];
  const provider = await startProvider(port + 2, uidp, `${didp}/callback/local`);
  const workers = [
    await worker("workers/didp/wrangler.toml", port, {
      ISSUER: didp,
      GATEWAY_URI: gateway,
      KEYS: JSON.stringify(Object.fromEntries(keyPurposes.map((purpose) => [purpose, secret()]))),
      ROUTE_KEY: secret(),
      OPERATOR_TOKEN: operatorToken,
      DEVICE_POLL_SECONDS: "1",
      APP_REGISTRATIONS_PER_MINUTE: "1000",
      UIDPS: JSON.stringify([
        {
          id: "local",
          name: "Local login",
          protocol: "oidc",
          issuer: uidp,
          client_id: "didp",
          client_secret: PROVIDER_SECRET,
          allow_insecure_issuer: true,
        },
      ]),
      ...settings,
    }),
    await worker("workers/pseudonymiser/wrangler.toml", port + 3, { PEPPERS: JSON.stringify([secret()]) }),
    {
      name: "edgenym-gateway",
      compatibilityDate: "2026-11-01",
      modulesRoot: root,
      modules: [await bundled("tests/runtime/registry/stand-in-gateway.ts")],
      serviceBindings: { DIDP: { name: "edgenym-didp", entrypoint: "ForGateways" } },
      unsafeDirectSockets: [{ host: "127.0.0.1", port: port + 1 }],
    },
  ];
  const start = () =>
    new Miniflare({
      ...convertV4MiniflareOptions({
        host: "127.0.0.1",
        port: 0,
        cf: false,
        telemetry: { enabled: false },
        resourcePersistencePath: stateFolder,
        unsafeInspectDurableObjects: true,
        handleStructuredLogs: (line: { message: string }) => log.push(line.message),
        workers,
      } as unknown as Parameters<typeof convertV4MiniflareOptions>[0]), // the published type lags behind the options
    });
  let miniflare = start();
  await miniflare.ready;
  await migrate(miniflare, "edgenym-didp", "migrations/didp");
  await migrate(miniflare, "edgenym-pseudonymiser", "migrations/pseudonymiser");
  return {
    didp,
    gateway,
    uidp,
    operatorToken,
    log,
    dump: () => dump(miniflare),
    async ageLogins(ms) {
      for (let shard = 0; shard < SHARDS; shard++) {
        const name = `shard-${shard}`;
        const storage = await miniflare.unsafeGetDurableObjectStorage("edgenym-didp", "Registry", { name });
        const [table] = await storage.exec("SELECT 1 FROM sqlite_master WHERE name = 'session'");
        if (table !== undefined) {
          await storage.exec(
            "UPDATE session SET logged_in_ms = logged_in_ms - ?1, proved_ms = proved_ms - ?1",
            ms,
          );
        }
      }
    },
    async restart() {
      await miniflare.dispose();
      miniflare = start();
      await miniflare.ready;
    },
    async stop() {
      await miniflare.dispose();
      provider.closeAllConnections();
      await new Promise((resolve) => provider.close(resolve));
      await rm(stateFolder, { recursive: true, force: true });
    },
  };
}

const PROVIDER_SECRET = "a-secret-of-the-local-login-only";

/** A real OpenID provider with its built-in forms: any account name logs in. */
async function startProvider(port: number, issuer: string, redirectUri: string): Promise<Server> {
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "didp",
        client_secret: PROVIDER_SECRET,
        redirect_uris: [redirectUri],
        require_auth_time: true,
      },
    ],
    pkce: { required: () => true },
    cookies: { keys: [secret()] },
    jwks: { keys: [await signingKey()] },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, email: `${id}@canary.example`, name: `Canary ${id}` }),
    }),
  });
  return new Promise((resolve) => {
    const server = provider.listen(port, "127.0.0.1", () => resolve(server));
  });
}

async function signingKey(): Promise<JsonWebKey & { use: string; kid: string }> {
  const { privateKey } = await crypto.subtle.generateKey(
    {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: "SHA-256",
    },
    true,
    ["sign", "verify"],
  );
  const { kty, n, e, d, p, q, dp, dq, qi } = await crypto.subtle.exportKey("jwk", privateKey);
  return { kty, n, e, d, p, q, dp, dq, qi, use: "sig", kid: "test", alg: "RS256" } as JsonWebKey & {
    use: string;
    kid: string;
  }; // every member of an RSA key is there after an export
}

async function worker(toml: string, port: number, bindings: Record<string, string>) {
  const config = path.join(root, toml);
  const { workerOptions, main } = unstable_getMiniflareWorkerOptions(config);
  if (main === undefined) throw new Error(`${toml}: no main`);
  return {
    ...workerOptions,
    name: unstable_readConfig({ config }).name,
    bindings: { ...(workerOptions.bindings as Record<string, unknown> | undefined), ...bindings },
    modulesRoot: root,
    modules: [await bundled(path.relative(root, main))],
    unsafeDirectSockets: [{ host: "127.0.0.1", port }],
  };
}

async function bundled(entry: string) {
  const out = await build({
    entryPoints: [path.join(root, entry)],
    bundle: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    plugins: [nodeBuiltins],
    write: false,
    logLevel: "error",
  });
  return {
    type: "ESModule" as const,
    path: path.join(root, entry.replaceAll("/", "-").replace(/\.tsx?$/, ".mjs")),
    contents: out.outputFiles[0]?.text ?? "",
  };
}

async function migrate(miniflare: Miniflare, script: string, folder: string): Promise<void> {
  const database = await miniflare.getD1Database("DB", script);
  const files = (await readdir(path.join(root, folder))).filter((name) => name.endsWith(".sql")).sort();
  for (const file of files) {
    const statements = (await readFile(path.join(root, folder, file), "utf8")).split(
      "--> statement-breakpoint",
    );
    await database.batch(statements.map((statement) => database.prepare(statement)));
  }
}

async function dump(miniflare: Miniflare): Promise<string> {
  const lines: string[] = [];
  for (const script of ["edgenym-didp", "edgenym-pseudonymiser"]) {
    const database = await miniflare.getD1Database("DB", script);
    const tables = await database
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'")
      .all<{ name: string }>();
    for (const { name } of tables.results) {
      const rows = await database.prepare(`SELECT * FROM "${name}"`).all();
      for (const row of rows.results) lines.push(`${script} ${name} ${JSON.stringify(row)}`);
    }
  }
  for (let shard = 0; shard < SHARDS; shard++) lines.push(...(await shardRows(miniflare, `shard-${shard}`)));
  return lines.join("\n");
}

async function shardRows(miniflare: Miniflare, name: string): Promise<string[]> {
  const storage = await miniflare.unsafeGetDurableObjectStorage("edgenym-didp", "Registry", { name });
  const tables = await storage.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'");
  const lines: string[] = [];
  for (const table of tables.filter((one) => !one.name.startsWith("_cf"))) {
    const rows = await storage.exec(`SELECT * FROM "${table.name}"`);
    lines.push(...rows.map((row) => `${name} ${table.name} ${JSON.stringify(row)}`));
  }
  return lines;
}

function secret(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
}
