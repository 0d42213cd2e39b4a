import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Person } from "../../../cli/sim/person.ts";
import { seeded } from "../../../engines/testing/random.ts";
import { Server } from "../../e2e/support/server.ts";
import { openFactory } from "../../support/manufacturer.ts";
import { ownedDevice } from "../../support/owned-device.ts";
import { unlimited } from "./evictions.ts";
import { SoakPublisher } from "./publisher.ts";
import { SoakSubscriber } from "./subscriber.ts";
import { type Verdict, verdictOf } from "./verdict.ts";

export interface KillSoak {
  readonly firstPort: number;
  readonly seed: number;
  readonly kills: number;
  /** Stops killing after this long, however many there were. */
  readonly forMs?: number;
  /** After each: how many there were, and how many messages are acknowledged so far. */
  readonly onKill?: (kills: number, acknowledged: number) => void;
}

export interface KillVerdict extends Verdict {
  readonly kills: number;
  readonly connections: number;
}

/** Traffic at QoS 1 and 2 while the whole server is ended by kill -9 at random moments, and started again. */
export async function soakKills(soak: KillSoak): Promise<KillVerdict> {
  const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-soak-"));
  const settings = { ...unlimited, DEVICE_POLL_SECONDS: "1" };
  const server = new Server({
    firstPort: soak.firstPort,
    stateDir,
    arguments: [
      "--no-demo",
      ...Object.entries(settings).flatMap(([name, value]) => ["--set", `${name}=${value}`]),
    ],
  });
  try {
    await server.start();
    const { didp, gateway } = server.addresses;
    const factory = await openFactory(didp, server.secrets.operatorToken);
    const { accessToken: token } = await ownedDevice(didp, factory, new Person({ login: "alice" }), "soaked");
    const pick = seeded(soak.seed);
    const url = `${gateway.replace("http", "ws")}/mqtt`;
    const subscriber = new SoakSubscriber({ url, token, mqttClientId: "soak-subscriber" });
    await subscriber.start();
    await subscriber.subscribed;
    const publisher = new SoakPublisher({ url, token, mqttClientId: "soak-publisher" }, pick);
    await publisher.start();
    publisher.publish();
    const endsAt = performance.now() + (soak.forMs ?? Number.POSITIVE_INFINITY);
    let kills = 0;
    while (kills < soak.kills && performance.now() < endsAt) {
      await afterAcknowledgements(publisher, Math.floor(pick() * 200));
      await new Promise((resolve) => setTimeout(resolve, pick() * 5));
      await server.kill();
      await server.start();
      kills += 1;
      soak.onKill?.(kills, publisher.acknowledged.size);
    }
    await afterAcknowledgements(publisher, 50);
    const verdict = await verdictOf(publisher, subscriber, { url, token, allow: 30_000 });
    return { kills, connections: publisher.connections + subscriber.connections, ...verdict };
  } finally {
    await server.kill();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

/** Counted, not timed, so that each round sees traffic however slow the disk is. */
function afterAcknowledgements(publisher: SoakPublisher, count: number): Promise<void> {
  let left = count + 1;
  return new Promise((resolve) => {
    publisher.onAcknowledged = () => {
      left -= 1;
      if (left === 0) resolve();
    };
  });
}
