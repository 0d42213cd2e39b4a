import { pbkdf2Sync, randomBytes } from "node:crypto";
import { asDevice, type MadeDevice, openFactory, SOFTWARE_ID } from "../tests/identity/support/factory.ts";
import { ownDevice } from "../tests/identity/support/flows.ts";
import { Person } from "../tests/identity/support/person.ts";
import { startPlatform } from "../tests/identity/support/platform.ts";
import { percentile, report } from "./support/statistics.ts";

/**
 * How many devices a factory registers a second, one by one and in batches, and how many tokens the DIdP judges
 * and renews; beside them, in the same run, the password hash that the 2018 prototype computed for each
 * registration. Bars (issue 4): 250 and 8,000 devices a second, 1,500 introspections at p99 ≤ 10 ms with 16 in
 * flight. Miniflare, state on disk. `--smoke` is a short run.
 */
const isSmoke = process.argv.includes("--smoke");
const SIZE = isSmoke
  ? { single: 100, batches: 2, introspections: 500, refreshes: 200, hashes: 3 }
  : { single: 2000, batches: 20, introspections: 20_000, refreshes: 5000, hashes: 10 };
const IN_FLIGHT = 16;
const RUNS_ON = "miniflare, state on disk";

const platform = await startPlatform(19_300);
try {
  const factory = await openFactory(platform, { maxCount: 1_000_000 });
  for (let warmUp = 0; warmUp < 20; warmUp++) await factory.make();

  await measure("identity.register.single", SIZE.single, () => factory.make());
  await measure("identity.register.bulk", SIZE.batches, registerBatch, 1000, 2);

  const owned: { device: MadeDevice; tokens: Awaited<ReturnType<typeof ownDevice>> }[] = [];
  for (let index = 0; index < IN_FLIGHT; index++) {
    const device = await factory.make();
    owned.push({ device, tokens: await ownDevice(platform, device, new Person(`owner-${index}`)) });
  }
  await introspections(owned.map(({ tokens }) => tokens.access_token));
  let turn = 0;
  await measure("identity.refresh", SIZE.refreshes, async () => {
    const { device, tokens } = owned[turn++ % owned.length] as (typeof owned)[number]; // the list is not empty
    await refresh(device, tokens.refresh_token);
  });
  papersHash();

  async function registerBatch(): Promise<void> {
    const answer = await fetch(`${platform.didp}/register/bulk`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${factory.token}`,
        "content-type": "application/json",
        "idempotency-key": crypto.randomUUID(),
      },
      body: JSON.stringify({ template: { software_id: SOFTWARE_ID }, count: 1000 }),
    });
    const lines = (await answer.text()).trimEnd().split("\n");
    if (answer.status !== 201 || lines.length !== 1000) throw new Error(`bulk: ${answer.status}`);
  }
} finally {
  await platform.stop();
}

async function refresh(device: MadeDevice, token: string): Promise<void> {
  const answer = await asDevice(platform, device)("/token", {
    grant_type: "refresh_token",
    refresh_token: token,
  });
  if (answer.status !== 200) throw new Error(`refresh: ${answer.status}`);
  await answer.body?.cancel();
}

/** Runs `count` times with so many in flight; `each` is what one of them counts for. */
async function measure(
  name: string,
  count: number,
  run: () => Promise<unknown>,
  each = 1,
  inFlight = IN_FLIGHT,
): Promise<void> {
  const samplesMs: number[] = [];
  let started = 0;
  const worker = async () => {
    while (started++ < count) {
      const startedMs = performance.now();
      await run();
      samplesMs.push(performance.now() - startedMs);
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - startedMs) / 1000;
  report({
    name,
    rate: (samplesMs.length * each) / seconds,
    p50_ms: percentile(samplesMs, 0.5),
    p99_ms: percentile(samplesMs, 0.99),
    n: samplesMs.length * each,
    in_flight: inFlight,
    state: RUNS_ON,
  });
}

/** By RPC from where the gateway stands, as the gateway asks. */
async function introspections(tokens: readonly string[]): Promise<void> {
  const url = new URL(`${platform.gateway}/introspect-many`);
  url.searchParams.set("uri", platform.gateway);
  url.searchParams.set("in-flight", String(IN_FLIGHT));
  for (const token of tokens) url.searchParams.append("token", token);
  const ask = async (count: number) => {
    url.searchParams.set("count", String(count));
    return (await (await fetch(url)).json()) as { totalMs: number; samplesMs: number[] };
  };
  await ask(200);
  const { totalMs, samplesMs } = await ask(SIZE.introspections);
  report({
    name: "identity.introspect",
    rate: samplesMs.length / (totalMs / 1000),
    p50_ms: percentile(samplesMs, 0.5),
    p99_ms: percentile(samplesMs, 0.99),
    n: samplesMs.length,
    in_flight: IN_FLIGHT,
    state: RUNS_ON,
  });
}

/** PBKDF2-SHA512, 25,000 iterations, 512 bytes: what each registration of the prototype paid. */
function papersHash(): void {
  const samplesMs = Array.from({ length: SIZE.hashes }, () => {
    const startedMs = performance.now();
    pbkdf2Sync(randomBytes(32), randomBytes(16), 25_000, 512, "sha512");
    return performance.now() - startedMs;
  });
  report({
    name: "identity.paper.password-hash",
    rate: 1000 / percentile(samplesMs, 0.5),
    p50_ms: percentile(samplesMs, 0.5),
    p99_ms: percentile(samplesMs, 0.99),
    n: samplesMs.length,
    in_flight: 1,
    state: "node, in memory",
  });
}
