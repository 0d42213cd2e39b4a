import type { SystemPackage } from "./system-packages.ts";

/** One part of `npm test`. */
export interface Suite {
  readonly name: string;
  readonly command: readonly string[];
  /** A vitest run counts its tests; anything else counts as one. */
  readonly isVitest?: boolean;
  /** Without these it is skipped, loudly. */
  readonly needs?: readonly (SystemPackage | "shared")[];
}

const check = (name: string, ...command: string[]): Suite => ({ name, command });
const tests = (name: string, needs: Suite["needs"] = []): Suite => ({
  name: `tests: ${name}`,
  command: ["vitest", "run", "--project", name],
  isVitest: true,
  needs,
});
/** A bench runs for a moment only: it must still work, how fast is not asked. */
const bench = (file: string, needs: Suite["needs"] = []): Suite => ({
  ...check(`${file} --smoke`, "node", file, "--smoke"),
  needs,
});
/** Suites with a configuration of their own: another runtime, or a set-up of their own. */
const configured = (name: string, needs: Suite["needs"] = []): Suite => ({
  name: `tests: ${name}`,
  command: ["vitest", "run", "--config", `tests/${name}/vitest.config.ts`],
  isVitest: true,
  needs,
});
const loginServers: Suite["needs"] = ["simplesamlphp", "php", "php-mbstring", "php-xml", "slapd"];
const dryRun = (config: string): Suite =>
  check(
    `deploy --dry-run ${config}`,
    "wrangler",
    "deploy",
    "--dry-run",
    "-c",
    config,
    "--outdir",
    `dist/deploy/${config.replaceAll("/", "-")}`,
  );

/** In the order in which they run: what fails soonest comes first. */
export const suites: readonly Suite[] = [
  check("lint", "biome", "check", "."),
  check("engines import no platform", "node", "scripts/check-engine-imports.ts"),
  check("worker types", "node", "scripts/worker-types.ts", "--check"),
  check("types", "tsc", "-b"),
  tests("engines"),
  tests("node"),
  dryRun("wrangler.toml"),
  dryRun("durable-objects/pcm/wrangler.toml"),
  dryRun("workers/cep/wrangler.toml"),
  dryRun("workers/didp/wrangler.toml"),
  dryRun("workers/pseudonymiser/wrangler.toml"),
  check("conformance with MQTT is up to date", "node", "scripts/conformance-mqtt.ts", "--check"),
  {
    name: "conformance with Siddhi",
    command: ["node", "scripts/conformance-siddhi.ts", "../shared/conformance/siddhi"],
    needs: ["shared"],
  },
  {
    name: "conformance with Siddhi, evicted after every step",
    command: ["node", "scripts/conformance-siddhi.ts", "../shared/conformance/siddhi", "--evict"],
    needs: ["shared"],
  },
  configured("runtime"),
  configured("runtime/registry"),
  configured("streams"),
  configured("identity"),
  configured("federation"),
  configured("logins", loginServers),
  configured("wire"),
  configured("soak"),
  configured("visibility"),
  {
    ...check("visibility matrix is up to date", "node", "scripts/visibility-matrix.ts", "--check"),
    needs: loginServers,
  },
  tests("e2e", ["chromium", "mosquitto-clients"]),
  bench("bench/main-path.ts"),
  {
    name: "bench/broker/run.ts --smoke, the shorter questions",
    command: ["node", "bench/broker/run.ts", "--smoke", "throughput", "qos", "fan-out", "connect"],
    needs: ["mosquitto"],
  },
  bench("bench/identity.ts"),
  bench("bench/identity/connect.ts"),
  bench("bench/streams.ts"),
  check("bench/cep/run.ts, a fiftieth", "node", "bench/cep/run.ts", "--share", "0.02", "--rounds", "1"),
  check("bench/cep/memory.ts, a few", "node", "bench/cep/memory.ts", "--count", "400"),
  check("bench/mqtt-codec.ts", "node", "bench/mqtt-codec.ts"),
];
