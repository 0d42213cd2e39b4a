import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import path from "node:path";
import { addressesFrom } from "../../../scripts/platform/addresses.ts";
import { type PlatformOptions, startPlatform } from "../../../scripts/platform/platform.ts";
import { type Case, causes, expiry, type Scene, TOKEN_SECONDS } from "./ends-of-authority.ts";
import type { Link } from "./link.ts";
import { textOf } from "./link.ts";
import { World } from "./world.ts";

/** What a client does while its authority ends. */
const behaviours = ["publishing", "receive-only", "idle"] as const;
export type Behaviour = (typeof behaviours)[number];

/** All runs of one cause and one behaviour. */
export interface ClosingTimes {
  readonly cause: string;
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

/**
 * Ends authority again and again and watches the connection that had it.
 * @param firstPort the first of ten free ports.
 * @param rounds how often for each cause and behaviour; a third of it where one round takes long.
 * @param chosen some of the causes.
 * @throws Error for a connection that is still open ten seconds after its end.
 */
export async function measureClosing(
  firstPort: number,
  rounds: number,
  {
    chosen = () => true,
    plugins = [],
  }: { chosen?: (cause: string) => boolean; plugins?: PlatformOptions["plugins"] } = {},
): Promise<ClosingReport> {
  const times: ClosingTimes[] = [];
  const some = Math.ceil(rounds / 3);
  const wanted = causes.filter(({ cause }) => chosen(cause));
  const measure = async (scene: Scene, { cause, isLong, prepare }: (typeof causes)[number]) => {
    for (const behaviour of behaviours) {
      const results: Once[] = [];
      for (let round = 0; round < (isLong ? some : rounds); round += 1)
        results.push(await watch(scene, await prepare(scene, behaviour), behaviour));
      times.push({
        cause,
        behaviour,
        milliseconds: results.map(({ milliseconds }) => milliseconds),
        lateMessages: results.reduce((sum, { lateMessages }) => sum + lateMessages, 0),
      });
    }
  };
  if (wanted.length > 0)
    await onPlatform(firstPort, {}, plugins, async (scene) => {
      for (const cause of wanted) await measure(scene, cause);
    });
  if (chosen(expiry.cause))
    await onPlatform(firstPort + 5, { APP_TOKEN_SECONDS: String(TOKEN_SECONDS) }, plugins, (scene) =>
      measure(scene, expiry),
    );
  const [load = 0] = loadavg();
  return { times, load: `${availableParallelism()} cores, load ${load.toFixed(1)}` };
}

interface Once {
  readonly milliseconds: number;
  readonly lateMessages: number;
}

async function onPlatform(
  firstPort: number,
  settings: Record<string, string>,
  plugins: PlatformOptions["plugins"],
  run: (scene: Scene) => Promise<void>,
): Promise<void> {
  const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-closing-"));
  const platform = await startPlatform({
    addresses: addressesFrom(firstPort, firstPort + 4),
    stateDir,
    plugins: plugins ?? [],
    settings: { DEVICE_POLL_SECONDS: "1", APP_REGISTRATIONS_PER_MINUTE: "1000", ...settings },
  });
  try {
    const world = await World.open(platform.addresses, platform.secrets.operatorToken);
    const [alice, bob] = [await world.user("alice"), await world.user("bob")];
    const thing = await world.make();
    await world.claim(thing, alice);
    await run({ world, alice, bob, thing, app: await world.app("Timed app") });
  } finally {
    await platform.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

/**
 * Runs the cause while the client does its thing. What it must not hear is said as soon as the cause is acknowledged;
 * at the end of a token's life, which nothing acknowledges, all the time from the last moment that it can have.
 */
async function watch({ world }: Scene, one: Case, behaviour: Behaviour): Promise<Once> {
  const { link } = one;
  let topic = one.busyTopic;
  if (behaviour !== "idle") {
    const word = world.word();
    await one.say(word);
    const heard = await link.message((packet) => textOf(packet) === word);
    if (topic === "") topic = heard.topicName.replace(/telemetry\/.*$/, "command/led");
  }
  const stop = keepBusy(link, behaviour, topic);
  const late = new Set<string>();
  const sayLate = async () => {
    const word = world.word();
    late.add(word);
    await one.say(word);
  };
  const begun = one.begunMs ?? performance.now();
  await one.end();
  // With an idle client nothing happens at all meanwhile, so that only the alarm can end it.
  if (one.endsByMs === undefined) await sayLate();
  else if (behaviour !== "idle") await keepSaying(one, sayLate, one.endsByMs);
  await link.end();
  const milliseconds = (link.endedAtMs ?? Number.NaN) - begun;
  await stop();
  await sayLate();
  const lateMessages = link.heard.filter((packet) => late.has(textOf(packet))).length;
  await one.restore();
  return { milliseconds, lateMessages };
}

/** From the last moment that its right can have, until the connection ends or ten seconds have passed. */
async function keepSaying({ link }: Case, say: () => Promise<void>, fromMs: number): Promise<void> {
  while (link.endedAtMs === undefined && performance.now() < fromMs + 10_000) {
    if (performance.now() > fromMs) await say();
    await pause();
  }
}

/** A publishing client sends as soon as the last one is acknowledged. @returns waits until it has noticed the end. */
function keepBusy(link: Link, behaviour: Behaviour, topic: string): () => Promise<void> {
  if (behaviour !== "publishing") return async () => {};
  const busy = (async () => {
    while (link.endedAtMs === undefined && (await link.publish(topic, "busy"))) await pause();
  })();
  return () => busy;
}

/** Below the quota of messages a second. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
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
