import { createWriteStream, existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { startLocalLogin } from "../../demo/local-login.ts";
import { serveSampleApp } from "../../demo/sample-app/serve.ts";
import { type Addresses, portOf, takenParts } from "./addresses.ts";
import { applyD1Migrations } from "./d1-migrations.ts";
import { endLeftover, forgetProcesses, recordProcesses } from "./processes.ts";
import { collectInSmallPieces } from "./runtime-flags.ts";
import { type PlatformSecrets, platformSecrets } from "./secrets.ts";
import { bundleWorker, type MiniflareWorker, workerConfigs } from "./worker-bundle.ts";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

export interface PlatformOptions {
  /** Where everything listens (`addressesFrom`). */
  readonly addresses: Addresses;
  /** Holds everything that must survive: databases, objects, secrets, log. */
  readonly stateDir: string;
  /** Settings of the Workers, over those of their wrangler.toml (docs/settings.md). */
  readonly settings?: Readonly<Record<string, string>>;
  /** What bundles the Workers beside the platform's own; tests build broken variants with it. */
  readonly plugins?: readonly Plugin[];
}

/** A whole running platform on this machine. */
export interface Platform {
  readonly addresses: Addresses;
  readonly secrets: PlatformSecrets;
  readonly stateDir: string;
  readonly miniflare: Miniflare;
  /** Ends everything, after what is in flight is on disk. */
  stop(): Promise<void>;
}

/** A port that the platform needs is in use; `parts` says whose. */
export class PortTakenError extends Error {
  constructor(parts: readonly (keyof Addresses)[], addresses: Addresses) {
    super(parts.map((part) => `port ${portOf(addresses[part])} (${part}) is taken`).join(", "));
    this.name = "PortTakenError";
  }
}

/**
 * Builds every Worker and starts them in one Miniflare process, each on a port of its own, with the local login
 * and the sample app beside them. Never behind `wrangler dev`, whose proxy is ten times slower.
 * @throws PortTakenError, AlreadyRunningError before anything is started.
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { addresses } = options;
  const hadLeftover = await endLeftover(options.stateDir);
  let taken = await takenParts(addresses);
  for (let tries = 0; hadLeftover && taken.length > 0 && tries < 100; tries += 1) {
    await setTimeout(50);
    taken = await takenParts(addresses);
  }
  if (taken.length > 0) throw new PortTakenError(taken, addresses);

  mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
  const secrets = await platformSecrets(options.stateDir);
  const login = await startLocalLogin({
    port: portOf(addresses.uidp),
    redirectUri: `${addresses.didp}/callback/demo`,
    clientId: "edgenym",
    clientSecret: secrets.uidpClientSecret,
    signingKey: secrets.uidpSigningKey,
    cookieKey: secrets.uidpCookieKey,
  });
  const log = createWriteStream(path.join(options.stateDir, "log.jsonl"), { flags: "a", mode: 0o600 });
  const miniflare = await startWorkers(options, secrets, (line) => log.write(`${line}\n`));
  const sampleApp = await serveSampleApp({
    port: portOf(addresses.sampleApp),
    gateway: addresses.gateway,
  });
  recordProcesses(options.stateDir);
  writeFileSync(path.join(options.stateDir, "platform.json"), `${JSON.stringify(addresses, null, 2)}\n`);

  return {
    addresses,
    secrets,
    stateDir: options.stateDir,
    miniflare,
    stop: async () => {
      await sampleApp.close();
      await miniflare.dispose();
      await login.close();
      forgetProcesses(options.stateDir);
      await new Promise((resolve) => log.end(resolve));
    },
  };
}

async function startWorkers(
  options: PlatformOptions,
  secrets: PlatformSecrets,
  writeLog: (line: string) => void,
): Promise<Miniflare> {
  const { addresses } = options;
  const bindings = bindingsOf(addresses, secrets);
  const settings = { ...options.settings, LIMITS: localLimits(options.settings?.LIMITS) };
  const bundled = await Promise.all(
    workerConfigs.map((config) =>
      bundleWorker(root, config, { ...bindings[config], ...settings }, options.plugins),
    ),
  );
  const listeners: Record<string, Pick<MiniflareWorker, "unsafeDirectSockets" | "connectHandlers">> = {
    "wrangler.toml": {
      unsafeDirectSockets: [{ host: "127.0.0.1", port: portOf(addresses.gateway) }],
      connectHandlers: [{ protocol: "tcp", port: portOf(addresses.mqtt) }],
    },
    "workers/didp/wrangler.toml": {
      unsafeDirectSockets: [{ host: "127.0.0.1", port: portOf(addresses.didp) }],
    },
  };
  const workers = bundled.map((worker, index) => ({ ...worker, ...listeners[workerConfigs[index] ?? ""] }));
  collectInSmallPieces();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      telemetry: { enabled: false },
      log: new Log(LogLevel.ERROR),
      // Miniflare starts a runtime that has died again, as a process of another number.
      unsafeHandleRuntimeRestart: () => recordProcesses(options.stateDir),
      handleStructuredLogs: (entry) => writeLog(entry.message),
      resourcePersistencePath: path.join(options.stateDir, "v3"),
      workers,
    }),
  );
  await miniflare.ready;
  for (const [name, folder] of [
    ["edgenym-didp", "didp"],
    ["edgenym-pseudonymiser", "pseudonymiser"],
  ] as const) {
    const migrations = path.join(root, "migrations", folder);
    if (existsSync(migrations))
      await applyD1Migrations(await miniflare.getD1Database("DB", name), migrations);
  }
  return miniflare;
}

/** On one's own disk a row costs nothing: what is retained at QoS 0 is written at once, and survives a kill as well. */
function localLimits(chosen = "{}"): string {
  return JSON.stringify({ retainedSaveSeconds: 0, ...JSON.parse(chosen) });
}

/** What each Worker gets beside its wrangler.toml: where the others are, and its own secrets only. */
function bindingsOf(
  addresses: Addresses,
  secrets: PlatformSecrets,
): Record<(typeof workerConfigs)[number], Record<string, string>> {
  const demoLogin = {
    id: "demo",
    name: "Demo login",
    protocol: "oidc",
    issuer: addresses.uidp,
    client_id: "edgenym",
    client_secret: secrets.uidpClientSecret,
    allow_insecure_issuer: true,
  };
  return {
    "wrangler.toml": {
      GATEWAY_URI: addresses.gateway,
      DIDP_URI: addresses.didp,
      ROUTE_KEY: secrets.routeKey,
      GATEWAY_KEY: secrets.gatewayKey,
    },
    "durable-objects/pcm/wrangler.toml": { GATEWAY_URI: addresses.gateway, DIDP_URI: addresses.didp },
    "workers/cep/wrangler.toml": {},
    "workers/didp/wrangler.toml": {
      ISSUER: addresses.didp,
      GATEWAY_URI: addresses.gateway,
      ROUTE_KEY: secrets.routeKey,
      KEYS: JSON.stringify(secrets.didpKeys),
      OPERATOR_TOKEN: secrets.operatorToken,
      UIDPS: JSON.stringify([demoLogin]),
    },
    "workers/pseudonymiser/wrangler.toml": { PEPPERS: JSON.stringify(secrets.peppers) },
  };
}
