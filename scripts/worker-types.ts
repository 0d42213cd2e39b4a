import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** Each Worker's own configuration, then those of the Workers that it calls by typed RPC. */
const workers = [
  {
    env: "GatewayEnv",
    folder: "workers/gateway",
    configs: [
      "wrangler.toml",
      "durable-objects/pcm/wrangler.toml",
      "workers/didp/wrangler.toml",
      "workers/cep/wrangler.toml",
    ],
  },
  {
    env: "PcmBindings",
    folder: "durable-objects/pcm",
    configs: [
      "durable-objects/pcm/wrangler.toml",
      "workers/didp/wrangler.toml",
      "workers/cep/wrangler.toml",
      "wrangler.toml",
    ],
  },
  {
    env: "CepEnv",
    folder: "workers/cep",
    configs: ["workers/cep/wrangler.toml", "durable-objects/pcm/wrangler.toml", "wrangler.toml"],
  },
  {
    env: "DidpBindings",
    folder: "workers/didp",
    configs: ["workers/didp/wrangler.toml", "workers/pseudonymiser/wrangler.toml", "wrangler.toml"],
  },
  {
    env: "PseudonymiserEnv",
    folder: "workers/pseudonymiser",
    configs: ["workers/pseudonymiser/wrangler.toml"],
  },
];

/**
 * Generates the type of each Worker's environment from its wrangler.toml (`env.generated.d.ts` beside its source).
 * `--check` writes nothing and exits 1 if one is stale.
 */
const isCheck = process.argv.includes("--check");
let failures = 0;
for (const { env, folder, configs } of workers) {
  const { status, stdout, stderr } = spawnSync(
    "wrangler",
    [
      "types",
      path.join(folder, "env.generated.d.ts"),
      ...configs.flatMap((config) => ["-c", config]),
      "--env-interface",
      env,
      "--include-runtime=false",
      "--strict-vars=false",
      ...(isCheck ? ["--check"] : []),
    ],
    { cwd: root, encoding: "utf8" },
  );
  if (status !== 0) {
    failures += 1;
    console.error(
      `${folder}/env.generated.d.ts: ${isCheck ? "stale; run npm run worker-types" : "not generated"}\n${stdout}${stderr}`,
    );
  }
}
process.exit(failures === 0 ? 0 : 1);
