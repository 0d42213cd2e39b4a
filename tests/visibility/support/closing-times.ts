import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import path from "node:path";
import { addressesFrom } from "../../../scripts/platform/addresses.ts";
import { startPlatform } from "../../../scripts/platform/platform.ts";
import { type Link, textOf } from "./link.ts";
import { type Consent, type Thing, type User, World } from "./world.ts";

/** What a client does while its authority ends. */
const behaviours = ["publishing", "receive-only", "idle"] as const;
type Behaviour = (typeof behaviours)[number];
type Cause = "the app revokes" | "the owner revokes" | "the owner releases the device" | "the token expires";

/** All runs of one cause and one behaviour. */
export interface ClosingTimes {
  readonly cause: Cause;
  readonly behaviour: Behaviour;
  /** From the request (or the end of the token's life) to the end of the connection; negative is before. */
  readonly milliseconds: readonly number[];
  /** Messages published after the cause was acknowledged, or the connection had ended, that came all the same. */
  readonly lateMessages: number;
}

/** Everything measured, and on what. */
export interface ClosingReport {
  readonly times: readonly ClosingTimes[];
  readonly load: string;
}

/** How long an app's token lives in the runs about expiry. */
const TOKEN_SECONDS = 2;

/**
 * Ends authority again and again and watches the connection that had it.
 * @param firstPort the first of ten free ports.
 * @param rounds how often for each cause and behaviour; a third of it for expiry, each of which is waited for.
 */
export async function measureClosing(firstPort: number, rounds: number): Promise<ClosingReport> {
  const times: ClosingTimes[] = [];
  await onPlatform(firstPort, {}, async (world) => {
    for (const behaviour of behaviours) {
      times.push(
        await repeat("the app revokes", behaviour, rounds, () => revokeOnce(world, behaviour, "app")),
      );
      times.push(
        await repeat("the owner revokes", behaviour, rounds, () => revokeOnce(world, behaviour, "user")),
      );
      times.push(
        await repeat("the owner releases the device", behaviour, rounds, () => releaseOnce(world, behaviour)),
      );
    }
  });
  await onPlatform(firstPort + 5, { APP_TOKEN_SECONDS: String(TOKEN_SECONDS) }, async (world) => {
    for (const behaviour of behaviours)
      times.push(
        await repeat("the token expires", behaviour, Math.ceil(rounds / 3), () =>
          expireOnce(world, behaviour),
        ),
      );
  });
  const [load = 0] = loadavg();
  return { times, load: `${availableParallelism()} cores, load ${load.toFixed(1)}` };
}

/** The two users of a platform with a device and an app of alice's. */
interface Scene {
  readonly world: World;
  readonly alice: User;
  readonly thing: Thing;
  readonly app: { readonly name: string; readonly client: Consent["app"] };
}

interface Once {
  readonly milliseconds: number;
  readonly lateMessages: number;
}

async function repeat(
  cause: Cause,
  behaviour: Behaviour,
  rounds: number,
  once: () => Promise<Once>,
): Promise<ClosingTimes> {
  const results: Once[] = [];
  for (let round = 0; round < rounds; round += 1) results.push(await once());
  return {
    cause,
    behaviour,
    milliseconds: results.map(({ milliseconds }) => milliseconds),
    lateMessages: results.reduce((sum, { lateMessages }) => sum + lateMessages, 0),
  };
}

async function onPlatform(
  firstPort: number,
  settings: Record<string, string>,
  run: (scene: Scene) => Promise<void>,
): Promise<void> {
  const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-closing-"));
  const platform = await startPlatform({
    addresses: addressesFrom(firstPort, firstPort + 4),
    stateDir,
    settings: { DEVICE_POLL_SECONDS: "1", APP_REGISTRATIONS_PER_MINUTE: "1000", ...settings },
  });
  try {
    const world = await World.open(platform.addresses, platform.secrets.operatorToken);
    const alice = await world.user("alice");
    const thing = await world.make();
    await world.claim(thing, alice);
    const app = { name: "Timed app", client: await world.app("Timed app") };
    await run({ world, alice, thing, app });
  } finally {
    await platform.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

async function revokeOnce(scene: Scene, behaviour: Behaviour, by: "app" | "user"): Promise<Once> {
  const consent = await share(scene, behaviour);
  return watch(scene, consent.link, behaviour, () => scene.world.revoke(consent, by));
}

/** The device itself is the client here; it listens to commands, of which the owner sends one more. */
async function releaseOnce({ world, alice, thing }: Scene, behaviour: Behaviour): Promise<Once> {
  const { owned } = thing;
  if (owned === undefined) throw new Error("the device has no owner");
  const stop = keepBusy(owned.link, behaviour, "event/busy");
  const begun = performance.now();
  await world.release(thing);
  const milliseconds = (owned.link.endedAtMs ?? Number.NaN) - begun;
  await stop();
  const word = world.word();
  await alice.link.publish(`devices/${owned.handle}/command/led`, word);
  const lateMessages = owned.link.heard.filter((packet) => textOf(packet) === word).length;
  await world.claim(thing, alice);
  return { milliseconds, lateMessages };
}

async function expireOnce(scene: Scene, behaviour: Behaviour): Promise<Once> {
  const before = performance.now();
  const consent = await share(scene, behaviour);
  const once = await watch(scene, consent.link, behaviour, async () => {}, false);
  // Counted from the earliest moment at which the token can have been made, so that no delay is hidden.
  const milliseconds = (consent.link.endedAtMs ?? Number.NaN) - before - TOKEN_SECONDS * 1000;
  await scene.world.revoke(consent, "app");
  return { ...once, milliseconds };
}

async function share({ world, alice, thing, app }: Scene, behaviour: Behaviour): Promise<Consent> {
  const commanded = behaviour === "publishing" ? [thing] : [];
  return world.consent(app.client, app.name, alice, [thing], commanded);
}

/**
 * Runs the cause while the client does its thing; the device speaks as soon as the cause is acknowledged (where it is
 * a request), and once more when the connection has ended.
 */
async function watch(
  { world, alice, thing }: Scene,
  link: Link,
  behaviour: Behaviour,
  cause: () => Promise<void>,
  isAcknowledged = true,
): Promise<Once> {
  const { owned } = thing;
  if (owned === undefined) throw new Error("the device has no owner");
  const early = world.word();
  let topic = "";
  if (behaviour !== "idle") {
    const word = world.word();
    await owned.link.publish("telemetry/temperature", word);
    const heard = await link.message((packet) => textOf(packet) === word);
    topic = heard.topicName.replace(/telemetry\/.*$/, "command/led");
  }
  const stop = keepBusy(link, behaviour, topic);
  const begun = performance.now();
  await cause();
  if (isAcknowledged) await owned.link.publish("telemetry/temperature", early);
  await link.end();
  const milliseconds = (link.endedAtMs ?? Number.NaN) - begun;
  await stop();
  const word = world.word();
  await owned.link.publish("telemetry/temperature", word);
  await alice.link.message((packet) => textOf(packet) === word);
  const late = link.heard.filter((packet) => [word, early].includes(textOf(packet)));
  return { milliseconds, lateMessages: late.length };
}

/** A publishing client sends as soon as the last one is acknowledged. @returns waits until it has noticed the end. */
function keepBusy(link: Link, behaviour: Behaviour, topic: string): () => Promise<void> {
  if (behaviour !== "publishing") return async () => {};
  const busy = (async () => {
    while (link.endedAtMs === undefined && (await link.publish(topic, "busy"))) {
      await new Promise((resolve) => setTimeout(resolve, 5)); // below the quota of messages a second
    }
  })();
  return () => busy;
}

/** The table as Markdown. */
export function closingTable({ times }: ClosingReport): string {
  const rows = times.map(({ cause, behaviour, milliseconds, lateMessages }) => {
    const [half, most] = [percentile(milliseconds, 0.5), percentile(milliseconds, 0.99)];
    return `| ${cause} | ${behaviour} | ${milliseconds.length} | ${half} | ${most} | ${lateMessages} |`;
  });
  return [
    "| cause | client | n | p50 ms | p99 ms | messages afterwards |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function percentile(values: readonly number[], part: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN).toFixed(0);
}
