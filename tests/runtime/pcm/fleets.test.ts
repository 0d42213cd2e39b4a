import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { lampModel, publishPacket, subscribePacket } from "../../../engines/broker/test-home.ts";
import type { GatewayAppId, GrantId } from "../../../engines/oauth/authority.ts";
import { cloudOf, WireClient } from "./cloud.ts";

interface Noted {
  readonly event?: { device: string; name: string; topic: string; payload: string };
  readonly user?: string;
  readonly shard?: number;
  readonly joined?: { user: string; wayBack: string };
  readonly forgotten?: readonly string[];
  readonly left?: string;
  readonly keys?: readonly string[];
}

/** The stand-in of tests/runtime/vitest.config.ts. */
const rules = (
  env as unknown as {
    RULES: { away(isAway: boolean): Promise<void>; noted(app: string): Promise<readonly Noted[]> };
  }
).RULES;

afterEach(async () => {
  vi.useRealTimers();
  await rules.away(false);
});

const device = (handle: string) => ({ handle: handle as never, name: `my ${handle}`, model: lampModel });
const hourMs = 3_600_000;

/** A user with two devices who grants an app to read the first and to command it, and the app to nobody else. */
class Home {
  readonly user: string;
  readonly app: GatewayAppId;

  constructor(user: string) {
    this.user = user;
    this.app = `app of ${user}` as GatewayAppId;
  }

  get cloud() {
    return cloudOf(this.user);
  }

  async grant(
    devices: Record<string, ("read" | "command")[]>,
    endsInMs = hourMs,
    app = this.app,
    gid = "g1",
  ) {
    for (const handle of ["dh1", "dh2"]) await this.cloud.addDevice(device(handle));
    await this.cloud.select(
      {
        grantId: gid as GrantId,
        appName: "App",
        devices: Object.entries(devices).map(([handle, actions]) => ({ handle: handle as never, actions })),
        expiresAtMs: Date.now() + endsInMs,
      },
      { app, wayBack: `sealed ${this.user}` },
    );
  }

  /** What the app's rules have been told, once it is as wanted. */
  async noted(isSo: (noted: readonly Noted[]) => boolean, app = this.app): Promise<readonly Noted[]> {
    for (;;) {
      const noted = await rules.noted(app);
      if (isSo(noted)) return noted;
      await this.cloud.devices(); // a turn of the runtime
    }
  }

  async events(count: number, app = this.app) {
    const noted = await this.noted((all) => all.filter(({ event }) => event).length >= count, app);
    return noted.flatMap(({ event, user }) => (event === undefined ? [] : [{ ...event, user }]));
  }

  async publish(handle: string, topic: string, payload: string): Promise<void> {
    const client = await WireClient.open(this.user, "device", { handle });
    await client.expect("connack");
    client.send(publishPacket(topic, payload, { qos: 1, packetId: 1 }));
    await client.expect("puback");
  }

  /** The app's names: for the user as it joined, and for the device of its last event. */
  async userName(): Promise<string> {
    const [first] = await this.noted((all) => all.some(({ joined }) => joined));
    return first?.joined?.user ?? "";
  }
}

test("feeding begins with consent: what the app may see and its rules want, under its own names", async () => {
  const home = new Home("begins");
  await home.grant({ dh1: ["read", "command"] });
  const user = await home.userName();
  expect(user).toMatch(/^[\w-]{16}$/);
  await home.publish("dh2", "telemetry/light", "1"); // not granted
  await home.publish("dh1", "telemetry/sound", "2"); // not wanted
  await home.publish("dh1", "private/light", "3"); // granted to nobody
  await home.publish("dh1", "telemetry/light", "4");
  const events = await home.events(1);
  expect(events).toEqual([
    {
      device: expect.stringMatching(/^[\w-]{16}$/),
      name: "",
      topic: "telemetry/light",
      payload: "4",
      atMs: expect.any(Number),
      user,
    },
  ]);
  expect(JSON.stringify(await rules.noted(home.app))).not.toMatch(/dh1|dh2|my /);
});

test("two apps know one user, and one device, by different names", async () => {
  const home = new Home("two");
  const other = "the other app" as GatewayAppId;
  await home.grant({ dh1: ["read"] });
  await home.grant({ dh1: ["read"] }, hourMs, other, "g2");
  await home.noted((all) => all.some(({ joined }) => joined), other);
  await home.userName();
  await home.publish("dh1", "telemetry/light", "1");
  const [[mine], [theirs]] = [await home.events(1), await home.events(1, other)];
  expect(mine?.device).not.toBe(theirs?.device);
  expect(mine?.user).not.toBe(theirs?.user);
});

test("while the rules are away events wait through an eviction; each is taken once, in order", async () => {
  const home = new Home("waits");
  await home.grant({ dh1: ["read"] });
  await home.userName();
  await rules.away(true);
  await home.publish("dh1", "telemetry/light", "1");
  await home.publish("dh1", "telemetry/light", "2");
  await evictDurableObject(home.cloud);
  await home.publish("dh1", "telemetry/light", "3");
  await rules.away(false);
  vi.useFakeTimers({ now: Date.now() + 120_000, toFake: ["Date"] });
  await runDurableObjectAlarm(home.cloud);
  expect((await home.events(3)).map(({ payload }) => payload)).toEqual(["1", "2", "3"]);
});

test("a grant that is revoked feeds nothing more, not even what waits, and its rules hear of it when they are back", async () => {
  const home = new Home("revoked");
  await home.grant({ dh1: ["read"] });
  const user = await home.userName();
  await home.publish("dh1", "telemetry/light", "1");
  const [first] = await home.events(1);
  await rules.away(true);
  await home.publish("dh1", "telemetry/light", "2");
  await home.cloud.revoked({ user: home.user as never, handle: "g1", epoch: 9, reason: "revoked" });
  await home.publish("dh1", "telemetry/light", "3");
  await rules.away(false);
  vi.useFakeTimers({ now: Date.now() + 120_000, toFake: ["Date"] });
  await runDurableObjectAlarm(home.cloud);
  const noted = await home.noted((all) => all.some(({ left }) => left));
  expect(noted.filter(({ event }) => event)).toHaveLength(1);
  expect(noted.at(-1)).toEqual({ left: user, keys: [first?.device] });
  // Nothing of it is left here either.
  await home.cloud.devices();
  const rows = await runInDurableObject(home.cloud, (_, { storage }) =>
    ["kept WHERE kind IN ('fleet-feed', 'event-queue')", "queued_events"].flatMap((rows) =>
      storage.sql.exec(`SELECT * FROM ${rows}`).toArray(),
    ),
  );
  expect(rows).toEqual([]);
});

test("a consent that runs out ends feeding by itself", async () => {
  const home = new Home("expires");
  await home.grant({ dh1: ["read"] }, 60_000);
  const user = await home.userName();
  vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ["Date"] });
  await runDurableObjectAlarm(home.cloud);
  await home.publish("dh1", "telemetry/light", "1");
  const noted = await home.noted((all) => all.some(({ left }) => left));
  expect(noted.map(({ joined, left }) => joined?.user ?? left)).toEqual([user, user]);
});

test("a narrower choice: the device feeds nothing more, and the rules forget it by its name", async () => {
  const home = new Home("narrows");
  await home.grant({ dh1: ["read"], dh2: ["read"] });
  await home.userName();
  await home.publish("dh1", "telemetry/light", "1");
  await home.publish("dh2", "telemetry/light", "2");
  const [first, second] = await home.events(2);
  await home.grant({ dh2: ["read"] });
  await home.publish("dh1", "telemetry/light", "3");
  await home.publish("dh2", "telemetry/light", "4");
  const noted = await home.noted((all) => all.some(({ forgotten }) => forgotten));
  expect(noted.flatMap(({ forgotten }) => forgotten ?? [])).toEqual([first?.device]);
  expect((await home.events(3)).map(({ payload }) => payload)).toEqual(["1", "2", "4"]);
  expect(first?.device).not.toBe(second?.device);
});

test("an account's end ends its grants to every app's rules", async () => {
  const home = new Home("deleted");
  await home.grant({ dh1: ["read"] });
  const user = await home.userName();
  await home.cloud.revoked({ user: home.user as never, handle: "*", epoch: 9, reason: "deleted" });
  const noted = await home.noted((all) => all.some(({ left }) => left));
  expect(noted.at(-1)?.left).toBe(user);
});

const command = (number: number, device: string) => ({
  number,
  id: `r.${number}`,
  rule: "r",
  payload: JSON.stringify({ id: `r.${number}`, value: true }),
  kind: "command" as const,
  device,
  action: "led",
});

test("results come back through the grant: a command only where it allows one, each once, the rest refused and counted", async () => {
  const home = new Home("returns");
  await home.grant({ dh1: ["read", "command"], dh2: ["read"] });
  const user = await home.userName();
  await home.publish("dh1", "telemetry/light", "1");
  await home.publish("dh2", "telemetry/light", "2");
  const [first, second] = await home.events(2);
  const lamp = await WireClient.open(home.user, "device", { handle: "dh1" });
  await lamp.expect("connack");
  lamp.send(subscribePacket("command/+"));
  await lamp.expect("suback");
  const app = await WireClient.open(home.user, "app", { handle: "g1" });
  await app.expect("connack");
  app.send(subscribePacket("rules/#"));
  await app.expect("suback");

  const told = {
    number: 5,
    id: "r.5",
    rule: "r",
    payload: "{}",
    kind: "stream" as const,
    stream: "told",
    retain: false,
  };
  const returns = {
    origin: "o",
    results: [
      command(1, second?.device ?? ""), // may be read only
      command(2, "dh1"), // the owner's name is none of the app's
      command(3, `${first?.device}/x`),
      command(4, first?.device ?? ""),
      told,
    ],
  };
  expect(await home.cloud.fleetResults(home.app, user, returns)).toEqual({ number: 5, refused: 3 });
  await evictDurableObject(home.cloud);
  expect(await home.cloud.fleetResults(home.app, user, returns)).toEqual({ number: 5, refused: 3 });
  expect(await lamp.message()).toBe('command/led={"id":"r.4","value":true}');
  expect(await app.message()).toBe("rules/r/told={}");
  const later = { origin: "o", results: [{ ...command(6, first?.device ?? ""), action: "other" }] };
  expect(await home.cloud.fleetResults(home.app, user, later)).toEqual({ number: 6, refused: 3 });
  // Each came once: the next message is the later one.
  expect(await lamp.message()).toBe('command/other={"id":"r.6","value":true}');

  // Another app's rules, or another name of the user, reach nothing.
  const elsewhere = { origin: "x", results: [command(1, first?.device ?? "")] };
  await home.cloud.fleetResults("another" as GatewayAppId, user, elsewhere);
  await home.cloud.fleetResults(home.app, "somebody", elsewhere);
  await home.cloud.revoked({ user: home.user as never, handle: "g1", epoch: 9, reason: "revoked" });
  await home.cloud.fleetResults(home.app, user, { origin: "o", results: [command(7, first?.device ?? "")] });
  const owner = await WireClient.open(home.user, "owner", { mqttClientId: "o" });
  await owner.expect("connack");
  // The owner reads what the app's rules tried, under names of their own.
  owner.send(subscribePacket("ledger"));
  await owner.expect("suback");
  const ledger = JSON.parse((await owner.message()).slice("ledger=".length));
  expect(ledger.refused).toContainEqual(
    expect.objectContaining({
      who: { kind: "app", handle: "g1" },
      action: "publish",
      topic: "devices/dh2/command/led",
      reason_code: 0x87,
      count: 1,
    }),
  );
  owner.send(publishPacket("devices/dh1/command/last", "1", { qos: 1, packetId: 1 }));
  expect(await lamp.message()).toBe("command/last=1");
});

test("an app's rules send a user no more than the app itself may; the rest comes when there is room again", async () => {
  const home = new Home("flooded");
  await home.grant({ dh1: ["read", "command"] });
  const user = await home.userName();
  await home.publish("dh1", "telemetry/light", "1");
  const [event] = await home.events(1);
  const results = Array.from({ length: 5_000 }, (_, i) => command(i + 1, event?.device ?? ""));
  const startMs = Date.now();
  vi.useFakeTimers({ now: startMs, toFake: ["Date"] });
  const { number } = await home.cloud.fleetResults(home.app, user, { origin: "o", results });
  expect(number).toBe(2_000); // messageBurst
  vi.setSystemTime(startMs + 1_000);
  const later = await home.cloud.fleetResults(home.app, user, { origin: "o", results });
  expect(later).toEqual({ number: 2_200, refused: 0 }); // messagesPerSecond
});
