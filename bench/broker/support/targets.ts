import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import path from "node:path";
import { addressesFrom } from "../../../scripts/platform/addresses.ts";
import { type Platform, startPlatform } from "../../../scripts/platform/platform.ts";
import { startEchoObject } from "../../support/echo-object.ts";
import { startLoadLogin } from "../../support/load-login.ts";
import type { Endpoint } from "./load-client.ts";
import { tell } from "./measure.ts";
import { startMosquitto } from "./mosquitto.ts";
import { childrenNamed } from "./process-facts.ts";
import { type BenchUser, makeUsers } from "./users.ts";

/** A place of its own for some clients: a user of the platform, a topic prefix of a broker, an object. */
export interface Room {
  readonly endpoint: Endpoint;
  readonly topicName: string;
  readonly topicFilter: string;
}

/** One of the systems that are compared. */
export interface Target {
  readonly name: "edgenym" | "forwarder" | "mosquitto" | "aedes";
  /** Whose memory and processor time count. */
  readonly pid: number;
  room(index: number): Room;
}

/** What the platform is, beside a target. */
export interface EdgenymTarget extends Target {
  readonly name: "edgenym";
  readonly platform: Platform;
  readonly users: readonly BenchUser[];
}

/** The object that only passes frames on. */
export interface ForwarderTarget extends Target {
  readonly name: "forwarder";
  hibernate(index: number): Promise<void>;
}

/** Everything that a question may need. */
export interface World {
  readonly edgenym: EdgenymTarget;
  readonly forwarder: ForwarderTarget;
  readonly mosquitto: Target;
  readonly aedes: Target;
  readonly all: readonly Target[];
  readonly isSmoke: boolean;
  /** How many the platform has. */
  readonly users: number;
  /** How often each measurement is taken, target after target; medians are reported. */
  readonly rounds: number;
  /** Ends the platform and starts it on the same state, in a fresh process. */
  restart(settings?: Readonly<Record<string, string>>): Promise<EdgenymTarget>;
  /** Another forwarder, in a fresh process; it ends with the world. */
  freshForwarder(): Promise<ForwarderTarget>;
}

export const firstPort = 18_600;
const ports = { platform: firstPort, login: firstPort + 10, mosquitto: firstPort + 11 } as const;

/** Lets one client send as fast as it can: the broker is measured, not its quotas. */
export const withoutQuotas = {
  LIMITS: JSON.stringify({
    messagesPerSecond: 1e6,
    messageBurst: 1e7,
    unheardBytes: 1e12,
    sessionsOfOne: 1000,
    retainedMessagesOfOne: 5000,
  }),
} as const;

/** Starts all systems, runs `work`, and stops everything it started. */
export async function withWorld(
  { users, isSmoke, rounds }: { users: number; isSmoke: boolean; rounds: number },
  work: (world: World) => Promise<void>,
): Promise<void> {
  const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-bench-"));
  tell({
    name: "broker.machine",
    cores: availableParallelism(),
    load: loadavg()[0] ?? 0,
    state_dir: path.dirname(stateDir),
    runtime: "miniflare",
  });
  const stops: (() => Promise<unknown>)[] = [async () => rmSync(stateDir, { recursive: true, force: true })];
  try {
    const login = await startLoadLogin(ports.login);
    stops.push(() => login.close());
    const open = async (settings: Readonly<Record<string, string>>) => {
      const before = childrenNamed("workerd");
      const platform = await startPlatform({
        addresses: addressesFrom(ports.platform, ports.platform + 4),
        stateDir: path.join(stateDir, "platform"),
        settings: { UIDPS: login.uidps, DEVICE_POLL_SECONDS: "1", ...settings },
      });
      const pid = childrenNamed("workerd").find((child) => !before.includes(child)) ?? 0;
      return { platform, pid };
    };
    let running = await open(withoutQuotas);
    stops.push(() => running.platform.stop());
    const known = await makeUsers(running.platform, users);
    // A fresh process: what making the users took is not part of what is measured.
    const reopen = async (settings: Readonly<Record<string, string>>): Promise<EdgenymTarget> => {
      await running.platform.stop();
      running = await open(settings);
      return edgenymTarget(running.platform, running.pid, known);
    };
    const edgenym = await reopen(withoutQuotas);
    const forwarder = await startForwarder(mkdtempSync(path.join(stateDir, "forwarder-")), stops);
    const mosquitto = await startMosquitto(ports.mosquitto);
    stops.push(() => mosquitto.stop());
    const aedes = await startAedes(stops);
    const world = {
      forwarder,
      mosquitto: brokerTarget("mosquitto", mosquitto.pid, mosquitto.url),
      aedes,
      isSmoke,
      users,
      rounds,
      edgenym,
      get all(): readonly Target[] {
        return [this.edgenym, this.forwarder, this.mosquitto, this.aedes];
      },
      async restart(settings: Readonly<Record<string, string>> = withoutQuotas) {
        this.edgenym = await reopen(settings);
        return this.edgenym;
      },
      freshForwarder: () => startForwarder(mkdtempSync(path.join(stateDir, "forwarder-")), stops),
    };
    await work(world);
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

function edgenymTarget(platform: Platform, pid: number, users: readonly BenchUser[]): EdgenymTarget {
  const url = `${platform.addresses.gateway.replace("http", "ws")}/mqtt`;
  return {
    name: "edgenym",
    pid,
    platform,
    users,
    room: (index) => {
      const user = users[index];
      if (user === undefined) throw new Error(`there are only ${users.length} users`);
      return {
        endpoint: { url, headers: { Authorization: `Bearer ${user.accessToken}` }, isMqtt: true },
        topicName: "telemetry/bench",
        topicFilter: "telemetry/bench",
      };
    },
  };
}

function brokerTarget(name: "mosquitto" | "aedes", pid: number, url: string): Target {
  return {
    name,
    pid,
    room: (index) => {
      const topicName = `users/${index}/telemetry/bench`;
      return { endpoint: { url, isMqtt: true }, topicName, topicFilter: topicName };
    },
  };
}

async function startForwarder(stateDir: string, stops: (() => Promise<unknown>)[]): Promise<ForwarderTarget> {
  const before = childrenNamed("workerd");
  const { url, hibernate, stop } = await startEchoObject(stateDir);
  stops.push(stop);
  return {
    name: "forwarder",
    pid: childrenNamed("workerd").find((child) => !before.includes(child)) ?? 0,
    hibernate: (index) => hibernate(`/room-${index}`),
    room: (index) => ({
      endpoint: { url: new URL(`/room-${index}`, url).href, isMqtt: false },
      topicName: "telemetry/bench",
      topicFilter: "telemetry/bench",
    }),
  };
}

async function startAedes(stops: (() => Promise<unknown>)[]): Promise<Target> {
  const child = fork(path.join(import.meta.dirname, "aedes-server.ts"));
  stops.push(async () => {
    child.kill();
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (message: { port: number }) => resolve(message.port));
    child.once("exit", (code) => reject(new Error(`aedes ended with ${code}`)));
  });
  return brokerTarget("aedes", child.pid ?? 0, `ws://127.0.0.1:${port}/`);
}
