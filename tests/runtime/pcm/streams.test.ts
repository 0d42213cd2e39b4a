import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { EventQueue } from "../../../durable-objects/pcm/event-queue.ts";
import { publishPacket, subscribePacket } from "../../../engines/broker/test-home.ts";
import { createLog } from "../../../engines/log/log.ts";
import { cloudOf, WireClient } from "./cloud.ts";

/** The stand-in of tests/runtime/vitest.config.ts. */
const rules = (
  env as unknown as {
    RULES: {
      away(isAway: boolean): Promise<void>;
      /** Batches are taken in and never answered. */
      stuck(isStuck: boolean): Promise<void>;
      taken(
        user: string,
      ): Promise<readonly { offset: number; device: string; name: string; payload: string }[]>;
    };
  }
).RULES;

afterEach(async () => {
  vi.useRealTimers();
  await rules.away(false);
  await rules.stuck(false);
});

/** A user whose rules want light, with their device and their own client on everything that rules put out. */
async function home(user: string): Promise<{ device: WireClient; owner: WireClient }> {
  const model = { title: "Node", properties: {}, actions: {} };
  await cloudOf(user).addDevice({ handle: "dh1" as never, name: "hall", model });
  await cloudOf(user).streamInterest({ origin: "o", version: 1, filters: ["telemetry/light"] });
  const owner = await WireClient.open(user, "owner", { mqttClientId: "o" });
  await owner.expect("connack");
  owner.send(subscribePacket("rules/#"));
  await owner.expect("suback");
  const device = await WireClient.open(user, "device");
  await device.expect("connack");
  return { device, owner };
}

const reading = (value: string, packetId: number) =>
  publishPacket("telemetry/light", value, { qos: 1, packetId });

test("what a rule wants goes to the rules with the owner's name for the device, and what it puts out comes back", async () => {
  const { device, owner } = await home("wanted");
  device.send(publishPacket("telemetry/sound", "0", { qos: 1, packetId: 1 }), reading("1", 2));
  expect(await owner.message()).toBe("rules/echo/out=1");
  expect(await rules.taken("wanted")).toMatchObject([{ device: "dh1", name: "hall", payload: "1" }]);
});

test("a reading in CBOR comes to the rules as the JSON that says the same", async () => {
  const { device, owner } = await home("cbor");
  // [{0: "light", 2: 21.5}]
  const pack = Uint8Array.of(
    0x81,
    0xa2,
    0x00,
    0x65,
    ...new TextEncoder().encode("light"),
    0x02,
    0xf9,
    0x4d,
    0x60,
  );
  device.send(publishPacket("telemetry/light", pack, { qos: 1, packetId: 1 }));
  expect(await owner.message()).toBe('rules/echo/out=[{"n":"light","v":21.5}]');
});

test("while the rules are away events wait in the database, through an eviction, in order, and count once", async () => {
  const { device, owner } = await home("waits");
  device.send(reading("1", 1));
  expect(await owner.message()).toBe("rules/echo/out=1");
  await rules.away(true);
  device.send(reading("2", 2), reading("3", 3));
  await device.expect("puback");
  await device.expect("puback");
  await device.expect("puback");
  await evictDurableObject(cloudOf("waits"), { webSockets: "hibernate" });
  await rules.away(false);
  const nowMs = Date.now();
  vi.useFakeTimers({ toFake: ["Date"], now: nowMs + 70_000 });
  await runDurableObjectAlarm(cloudOf("waits"));
  device.send(reading("4", 4));
  // Every answer of the stand-in brings all results again: each is published once.
  expect([await owner.message(), await owner.message(), await owner.message()]).toEqual([
    "rules/echo/out=2",
    "rules/echo/out=3",
    "rules/echo/out=4",
  ]);
  expect((await rules.taken("waits")).map(({ payload }) => payload)).toEqual(["1", "2", "3", "4"]);
});

test("an object that dies with a batch on its way is woken for it, though nobody calls", async () => {
  const { device, owner } = await home("rescued");
  await rules.stuck(true);
  device.send(reading("1", 1));
  await device.expect("puback");
  const alarmAtMs = await runInDurableObject(cloudOf("rescued"), (_, { storage }) => storage.getAlarm());
  expect((alarmAtMs ?? Number.POSITIVE_INFINITY) - Date.now()).toBeLessThanOrEqual(30_000);
  await rules.stuck(false);
  await evictDurableObject(cloudOf("rescued"), { webSockets: "hibernate" });
  expect(await runDurableObjectAlarm(cloudOf("rescued"))).toBe(true);
  expect(await owner.message()).toBe("rules/echo/out=1");
});

test("large payloads go over in several batches and rows, in order", async () => {
  const { device, owner } = await home("large");
  await rules.away(true);
  const values = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(30_000, "é"));
  for (const [i, value] of values.entries()) {
    device.send(reading(value, i + 1));
    await device.expect("puback");
  }
  await evictDurableObject(cloudOf("large"), { webSockets: "hibernate" });
  await rules.away(false);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 70_000 });
  await runDurableObjectAlarm(cloudOf("large"));
  for (const value of values) expect(await owner.message()).toBe(`rules/echo/out=${value}`);
});

test("an event that comes while a batch is under way goes with the next one, at once", async () => {
  await runInDurableObject(cloudOf("grows"), async (_, { storage }) => {
    const sent: number[][] = [];
    const answers: (() => void)[] = [];
    const queue = new EventQueue({
      sql: storage.sql,
      destination: "grows",
      maxWaiting: 10,
      send: (_source, events) => {
        const offsets = events.map(([offset]) => offset);
        sent.push(offsets);
        return new Promise((resolve) => answers.push(() => resolve(offsets.at(-1) ?? 0)));
      },
      wakeAt: () => {},
    });
    const event = { device: "dh1", name: "hall", topic: "telemetry/light", payload: "1", atMs: 0 };
    queue.add(event, false);
    queue.flush();
    queue.add(event, false);
    queue.flush();
    answers.shift()?.();
    await expect.poll(() => sent).toEqual([[1], [2]]);
  });
});

test("what finds no room is told of, together, in the log", async () => {
  await runInDurableObject(cloudOf("full"), (_, { storage }) => {
    const lines: string[] = [];
    const queue = new EventQueue(
      {
        sql: storage.sql,
        destination: "full",
        maxWaiting: 2,
        send: () => Promise.resolve(0),
        wakeAt: () => {},
      },
      createLog("test", (line) => void lines.push(line)),
    );
    const event = { device: "dh1", name: "hall", topic: "telemetry/light", payload: "1", atMs: 0 };
    for (let i = 0; i < 5; i += 1) queue.add(event, false);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 11_000 });
    queue.retry();
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { event: "events.dropped", code: "QUOTA", count: 1 },
      { event: "events.dropped", code: "QUOTA", count: 2 },
    ]);
  });
});

test("after an eviction offsets go on behind those that were given out", async () => {
  const { device, owner } = await home("offsets");
  for (const [i, value] of ["1", "2", "3"].entries()) {
    device.send(reading(value, i + 1));
    expect(await owner.message()).toBe(`rules/echo/out=${value}`);
    await evictDurableObject(cloudOf("offsets"), { webSockets: "hibernate" });
  }
  const offsets = (await rules.taken("offsets")).map(({ offset }) => offset);
  expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
  expect(offsets.length).toBe(3);
});

test("a command to a device that is not this user's goes nowhere; the next result does", async () => {
  const { device, owner } = await home("foreign");
  owner.send(subscribePacket("devices/+/command/#"));
  await owner.expect("suback");
  device.send(reading("foreign", 1), reading("2", 2));
  expect(await owner.message()).toBe("rules/echo/out=2");
});

test("an older interest changes nothing; with none, nothing is handed over", async () => {
  const { device } = await home("interest");
  const cloud = cloudOf("interest");
  await cloud.streamInterest({ origin: "o", version: 2, filters: [] });
  await cloud.streamInterest({ origin: "o", version: 1, filters: ["telemetry/light"] });
  device.send(reading("1", 1));
  await device.expect("puback");
  expect(await cloud.devices()).toHaveLength(1);
  expect(await rules.taken("interest")).toEqual([]);
});
