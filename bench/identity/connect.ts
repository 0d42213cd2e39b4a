import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Person } from "../../cli/sim/person.ts";
import { RouteSealer } from "../../engines/oauth/sealed-route.ts";
import { shardOf } from "../../engines/oauth/shard.ts";
import { addressesFrom } from "../../scripts/platform/addresses.ts";
import { type Platform, startPlatform } from "../../scripts/platform/platform.ts";
import { openFactory } from "../../tests/support/manufacturer.ts";
import { MqttPeer } from "../../tests/support/mqtt-peer.ts";
import { type DeviceTokens, ownedDevice } from "../../tests/support/owned-device.ts";
import { percentile, report } from "../support/statistics.ts";

/**
 * How long does a device wait for CONNACK, with the question to the DIdP whose token it is? No answer is cached: each
 * connection asks. So "cold" is the registry object of that token asleep, "warm" the same object awake. By both ways in:
 * the token in the upgrade (the gateway's Worker asks) and in CONNECT on the sealed route (the personal cloud asks).
 * All take turns in one run, so that the machine's moods fall on all alike. Miniflare, state on disk. `--smoke` is a
 * short run.
 */
const isSmoke = process.argv.includes("--smoke");
const ROUNDS = isSmoke ? 3 : 200;
const NEWCOMERS = isSmoke ? 2 : 50;
const ways = ["upgrade", "CONNECT"] as const;
/** What is asleep when the connection comes. */
const states = [
  ["all awake"],
  ["registry asleep", "registry"],
  ["personal cloud asleep", "personal cloud"],
  ["both asleep", "registry", "personal cloud"],
] as const;

const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-bench-"));
const platform = await startPlatform({
  addresses: addressesFrom(18_310, 18_314),
  stateDir,
  settings: { DEVICE_POLL_SECONDS: "1", CLAIM_TRIES_PER_MINUTE: "10000" },
});
try {
  const { didp } = platform.addresses;
  const factory = await openFactory(didp, platform.secrets.operatorToken);
  const own = (login: string) => ownedDevice(didp, factory, new Person({ login }), "bench device");
  const device = await own("alice");
  const samples = new Map<string, number[]>();
  const keep = (name: string, ms: number) => samples.set(name, [...(samples.get(name) ?? []), ms]);

  for (let warmUp = 0; warmUp < 5; warmUp += 1) for (const way of ways) await connect(device, way);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const way of ways) {
      for (const [asleep, ...objects] of states) {
        for (const object of objects) await sendToSleep(object, device);
        keep(`${way}, ${asleep}`, await connect(device, way));
      }
    }
  }
  // Each once: whoever has claimed a device and never connected it. The registry has just written the claim.
  for (let newcomer = 1; newcomer <= NEWCOMERS; newcomer += 1) {
    const way = ways[newcomer % ways.length] ?? "upgrade";
    keep(`${way}, brand-new user`, await connect(await own(`load-${newcomer}`), way));
  }
  for (const [name, ms] of samples) {
    report({
      name: `identity.connect: ${name}`,
      p50_ms: percentile(ms, 0.5),
      p99_ms: percentile(ms, 0.99),
      n: ms.length,
      in_flight: 1,
      state: "miniflare, state on disk",
    });
  }
} finally {
  await platform.stop();
  rmSync(stateDir, { recursive: true, force: true });
}

/** From nothing to CONNACK: TCP, the upgrade, introspection, the session. */
async function connect(
  { accessToken, gatewayUri }: DeviceTokens,
  way: (typeof ways)[number],
): Promise<number> {
  const carrier =
    way === "upgrade"
      ? {
          url: `${platform.addresses.gateway.replace("http", "ws")}/mqtt`,
          headers: { authorization: `Bearer ${accessToken}` },
        }
      : { url: gatewayUri };
  const startedMs = performance.now();
  const peer = await MqttPeer.open(carrier);
  if (typeof peer === "number") throw new Error(`the upgrade was refused with ${peer}`);
  peer.connect(way === "upgrade" ? undefined : accessToken);
  const { reasonCode } = await peer.nextOf("connack");
  const tookMs = performance.now() - startedMs;
  if (reasonCode !== 0) throw new Error(`CONNACK ${reasonCode}`);
  peer.cut();
  await peer.end();
  return tookMs;
}

/** As the runtime does after ten idle seconds. */
async function sendToSleep(object: "registry" | "personal cloud", device: DeviceTokens): Promise<void> {
  const { script, className, name } =
    object === "registry"
      ? { script: "edgenym-didp", className: "Registry", name: `shard-${shardOf(device.accessToken)}` }
      : { script: "edgenym-pcm", className: "Pcm", name: await userOf(platform, device) };
  try {
    await platform.miniflare.unsafeEvictDurableObject(script, className, { name, webSockets: "hibernate" });
  } catch (error) {
    // It sleeps already.
    if (!(error instanceof Error && error.message.includes("not currently running"))) throw error;
  }
}

async function userOf({ secrets }: Platform, { gatewayUri }: DeviceTokens): Promise<string> {
  const sealer = new RouteSealer(new Uint8Array(Buffer.from(secrets.routeKey, "base64url")));
  const user = await sealer.unseal(new URL(gatewayUri).pathname.split("/").at(-1) ?? "");
  if (user === undefined) throw new Error("the route belongs to another platform");
  return user;
}
