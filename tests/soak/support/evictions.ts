import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Person } from "../../../cli/sim/person.ts";
import { RouteSealer } from "../../../engines/oauth/sealed-route.ts";
import { seeded } from "../../../engines/testing/random.ts";
import { addressesFrom } from "../../../scripts/platform/addresses.ts";
import { startPlatform } from "../../../scripts/platform/platform.ts";
import { openFactory } from "../../support/manufacturer.ts";
import { ownedDevice } from "../../support/owned-device.ts";
import { SoakPublisher } from "./publisher.ts";
import { SoakSubscriber } from "./subscriber.ts";
import { type Verdict, verdictOf } from "./verdict.ts";

export interface EvictionSoak {
  readonly firstPort: number;
  readonly seed: number;
  /** How many evictions that really took place. */
  readonly evictions: number;
  /** Of a hundred evictions, how many take the sockets along; besides, the subscriber's connection is cut as often. */
  readonly closingPercent: number;
}

export interface EvictionVerdict extends Verdict {
  readonly hibernated: number;
  readonly closed: number;
  readonly connections: number;
}

/** The quotas are not what is soaked here. */
export const unlimited = { LIMITS: JSON.stringify({ messagesPerSecond: 1e6, messageBurst: 1e7 }) } as const;

/**
 * Traffic at QoS 1 and 2 while the object is thrown out of memory: before any packet of any handshake, in the
 * middle of packets, and at moments of its own.
 */
export async function soakEvictions(soak: EvictionSoak): Promise<EvictionVerdict> {
  const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-soak-"));
  const platform = await startPlatform({
    addresses: addressesFrom(soak.firstPort, soak.firstPort + 4),
    stateDir,
    settings: { ...unlimited, DEVICE_POLL_SECONDS: "1" },
  });
  try {
    const { didp, gateway } = platform.addresses;
    const factory = await openFactory(didp, platform.secrets.operatorToken);
    const device = await ownedDevice(didp, factory, new Person({ login: "alice" }), "soaked");
    const sealer = new RouteSealer(new Uint8Array(Buffer.from(platform.secrets.routeKey, "base64url")));
    const name = await sealer.unseal(new URL(device.gatewayUri).pathname.split("/").at(-1) ?? "");
    if (name === undefined) throw new Error("the route does not open");

    const pick = seeded(soak.seed);
    const done = { hibernate: 0, close: 0 };
    let underWay = 0; // Both loops below evict, and neither may go beyond the number asked for.
    const total = () => done.hibernate + done.close;
    const evict = async (webSockets: "hibernate" | "close") => {
      if (total() + underWay >= soak.evictions) return;
      underWay += 1;
      try {
        await platform.miniflare.unsafeEvictDurableObject("edgenym-pcm", "Pcm", { name, webSockets });
        done[webSockets] += 1;
      } catch (error) {
        // It was not in memory just then.
        if (!(error instanceof Error && error.message.includes("not currently running"))) throw error;
      } finally {
        underWay -= 1;
      }
    };
    const beforeSend = async () => {
      if (pick() < 0.5) await evict("hibernate");
      return pick() < 0.1 ? ("in two" as const) : ("whole" as const);
    };
    const options = { url: `${gateway.replace("http", "ws")}/mqtt`, token: device.accessToken, beforeSend };
    const subscriber = new SoakSubscriber({ ...options, mqttClientId: "soak-subscriber" });
    await subscriber.start();
    await subscriber.subscribed;
    const publisher = new SoakPublisher({ ...options, mqttClientId: "soak-publisher" }, pick);
    await publisher.start();
    publisher.publish();
    while (total() < soak.evictions) {
      await new Promise((resolve) => setTimeout(resolve, pick() * 10));
      const isClosing = pick() * 100 < soak.closingPercent;
      if (isClosing && pick() < 0.5) subscriber.cut();
      await evict(isClosing ? "close" : "hibernate");
    }
    const verdict = await verdictOf(publisher, subscriber, {
      url: options.url,
      token: options.token,
      allow: 30_000,
    });
    return {
      hibernated: done.hibernate,
      closed: done.close,
      connections: publisher.connections + subscriber.connections,
      ...verdict,
    };
  } finally {
    await platform.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
}
