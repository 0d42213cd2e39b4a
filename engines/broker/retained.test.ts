import { describe, expect, test } from "vitest";
import type { TopicName } from "../mqtt/packet.ts";
import type { CanonicalTopic } from "./message.ts";
import { type TestClient, TestHome } from "./test-home.ts";

/** How often a retained message was written so far. */
function written(home: TestHome): number {
  return home.store.written.filter(({ kind }) => kind === "retain").length;
}

/** What a client that subscribes now gets. */
function retainedNow(home: TestHome): string[] {
  const reader = home.client("owner", { mqttClientId: "reader" });
  reader.subscribe("devices/#");
  return reader.takeMessages();
}

describe("a value that is retained at QoS 0 over and over", () => {
  const minute = 60_000;

  function measured(minutes: number, evicts: boolean) {
    const home = new TestHome({ retainedSaveSeconds: 600 });
    const device = home.client("device");
    for (let i = 1; i <= minutes; i++) {
      if (evicts) home.evict();
      device.publish("telemetry/t", String(i), { retain: true });
      home.pass(minute);
    }
    return { home, device };
  }

  test.each([false, true])("is written once in a while, and read as it is now (evicted: %s)", (evicts) => {
    const { home } = measured(60, evicts);
    expect(written(home)).toBe(6);
    expect(retainedNow(home)).toEqual(["devices/dh1/telemetry/t=60"]);
  });

  test("is written when its connection ends", () => {
    const { home, device } = measured(5, true);
    expect(home.store.retainedUnder("")).toMatchObject([{ payload: new TextEncoder().encode("1") }]);
    device.vanish();
    expect(home.store.retainedUnder("")).toMatchObject([{ payload: new TextEncoder().encode("5") }]);
  });

  test("falls back to what was written when the process is killed", () => {
    const { home } = measured(5, false);
    home.restart();
    expect(retainedNow(home)).toEqual(["devices/dh1/telemetry/t=1"]);
  });

  test("is overtaken by anyone's newer one, and by an empty one", () => {
    const { home, device } = measured(5, false);
    home.claim("dh1");
    const owner = home.client("owner");
    owner.publish("devices/dh1/telemetry/t", "owner's", { retain: true, qos: 1 });
    expect(retainedNow(home)).toEqual(["devices/dh1/telemetry/t=owner's"]);
    device.publish("telemetry/t", "6", { retain: true });
    device.publish("telemetry/t", "7", { retain: true });
    expect(retainedNow(home)).toEqual(["devices/dh1/telemetry/t=7"]);
    owner.publish("devices/dh1/telemetry/t", "", { retain: true });
    expect(retainedNow(home)).toEqual([]);
    device.publish("telemetry/t", "8", { retain: true });
    expect(retainedNow(home)).toEqual(["devices/dh1/telemetry/t=8"]);
    device.vanish();
    expect(retainedNow(home)).toEqual(["devices/dh1/telemetry/t=8"]);
  });

  test("at QoS 1 each is written before it is acknowledged", () => {
    const home = new TestHome();
    const device = home.client("device");
    for (const value of ["1", "2", "3"]) device.publish("telemetry/t", value, { retain: true, qos: 1 });
    expect(written(home)).toBe(3);
    home.restart();
    expect(retainedNow(home)).toEqual(["devices/dh1/telemetry/t=3"]);
  });

  test("vanishes with its device, also what was not written yet", () => {
    const { home } = measured(5, false);
    home.claim("dh1");
    home.run((broker) =>
      broker.revoke({ user: "user-1" as never, handle: "dh1", epoch: 9, reason: "released" }),
    );
    expect(home.store.retainedUnder("")).toEqual([]);
  });
});

test("what an app's rules retained for it ends with its consent", () => {
  const home = new TestHome();
  for (const app of ["app1", "app10"]) home.consent(app, { dh1: ["read"] });
  const topics = ["grants/app1/rules/r/out", "grants/app10/rules/r/out"] as CanonicalTopic[];
  home.run((broker) =>
    broker.publish(
      topics.map((topicName) => ({
        topicName,
        payload: new Uint8Array([0x31]),
        qos: 1,
        retain: true,
        publisher: { kind: "system", handle: "" },
      })),
    ),
  );
  home.run((broker) =>
    broker.revoke({ user: "user-1" as never, handle: "app1", epoch: 9, reason: "revoked" }),
  );
  const left = home.store.retainedUnder("grants/").map(({ topicName }) => topicName);
  expect(left).toEqual(["grants/app10", "grants/app10/rules/r/out"]);
});

describe("how much may be retained", () => {
  /** Retains at QoS 1. @returns the reason code. */
  function retain(client: TestClient, topicName: string, payload: string, options = {}): number {
    client.take();
    client.publish(topicName, payload, { retain: true, qos: 1, ...options });
    const codes = client.take().flatMap((packet) => (packet.type === "puback" ? [packet.reasonCode] : []));
    return codes[0] ?? -1;
  }
  const noSubscribers = 0x10;

  test.each([false, true])(
    "has a bound for each device and app, and the others keep theirs (evicted: %s)",
    (evicts) => {
      const home = new TestHome({ retainedMessagesOfOne: 2, retainedMessages: 6 });
      home.evictsAlways = evicts;
      for (const handle of ["dh1", "dh2"]) home.claim(handle);
      const [one, two] = ["dh1", "dh2"].map((handle) =>
        home.client("device", { handle, mqttClientId: handle }),
      );
      const owner = home.client("owner");
      if (one === undefined || two === undefined) throw new Error("two clients");
      expect(["a", "b", "c", "a"].map((name) => retain(one, name, "1"))).toEqual([
        noSubscribers,
        noSubscribers,
        0x97,
        noSubscribers,
      ]);
      expect(retain(one, "c", "1", { qos: 2 })).toBe(-1);
      expect(one.isClosed).toBe(false);
      expect(retain(two, "a", "2")).toBe(noSubscribers);
      // An empty one makes room, and so does a topic that the owner has taken over.
      expect([retain(one, "b", ""), retain(one, "c", "1")]).toEqual([noSubscribers, noSubscribers]);
      expect(retain(owner, "devices/dh1/c", "owner's")).toBe(noSubscribers);
      expect([retain(one, "d", "1"), retain(one, "e", "1")]).toEqual([noSubscribers, 0x97]);
      // What it has taken back counts again.
      expect(retain(one, "c", "1")).toBe(0x97);
      // The owner is bound by all that the user has.
      expect(["x", "y", "z"].map((name) => retain(owner, name, "1"))).toEqual([
        noSubscribers,
        noSubscribers,
        0x97,
      ]);
      expect(retain(two, "b", "1")).toBe(0x97);
    },
  );

  const bytes = (count: number) => "x".repeat(count);

  test.each([false, true])("and so have its bytes, each message at least 1 KiB (evicted: %s)", (evicts) => {
    const home = new TestHome({ retainedBytesOfOne: 10_000, retainedBytes: 20_000 });
    home.evictsAlways = evicts;
    for (const handle of ["dh1", "dh2"]) home.claim(handle);
    const one = home.client("device");
    const owner = home.client("owner");
    // Topics count by their canonical names, as they are stored.
    const [room, prefix] = [5000, "devices/dh1/a".length];
    expect(retain(one, "a", bytes(room - prefix))).toBe(noSubscribers);
    expect(retain(one, "b", bytes(room - prefix + 1))).toBe(0x97);
    expect(retain(one, "b", bytes(room - prefix))).toBe(noSubscribers);
    expect(retain(one, "c", "1")).toBe(0x97);
    // What takes the place of something larger fits, and what it leaves can be used.
    expect(retain(one, "b", bytes(3000))).toBe(noSubscribers);
    expect(retain(one, "a", bytes(7000))).toBe(0x97);
    expect(retain(one, "c", "1")).toBe(noSubscribers);
    expect(retain(one, "d", "1")).toBe(0x97);
    expect([retain(one, "b", ""), retain(one, "d", "1")]).toEqual([noSubscribers, noSubscribers]);
    // The owner has what the user has left: 20,000 less 5,000 and two small ones.
    const left = 20_000 - room - 2 * 1024;
    expect(retain(owner, "o", bytes(left))).toBe(0x97);
    expect(retain(owner, "o", bytes(left - 1))).toBe(noSubscribers);
    expect(retain(home.client("device", { handle: "dh2" }), "a", "1")).toBe(0x97);
  });

  test("properties count as well", () => {
    const home = new TestHome({ retainedBytes: 3000 });
    const owner = home.client("owner");
    const properties = { userProperties: [["k", bytes(1000)]], contentType: bytes(1000) } as const;
    expect(retain(owner, "a", bytes(1000), { properties })).toBe(0x97);
    expect(retain(owner, "a", bytes(900), { properties })).toBe(noSubscribers);
  });

  test("at QoS 0 what is too much is dropped", () => {
    const home = new TestHome({ retainedBytes: 2000 });
    const owner = home.client("owner");
    owner.subscribe("#");
    owner.take();
    for (const [name, payload] of [
      ["a", bytes(1500)],
      ["b", "1"],
      ["a", bytes(2000)],
      ["a", "2"],
    ] as const)
      owner.publish(name, payload, { retain: true });
    expect(owner.takeMessages()).toEqual([`a=${bytes(1500)}`, "a=2"]);
  });

  test("values that are retained at QoS 0 over and over keep their room", () => {
    const home = new TestHome({ retainedBytes: 2048 });
    const device = home.client("device");
    for (let i = 0; i < 50; i++) {
      device.publish("a", bytes(1 + i), { retain: true });
      device.publish("b", bytes(256), { retain: true });
    }
    expect(retain(device, "c", "1")).toBe(0x97);
    device.vanish();
    expect(home.store.retainedUnder("").map(({ payload }) => payload.byteLength)).toEqual([50, 256]);
    home.evict();
    const again = home.client("device");
    expect([retain(again, "a", ""), retain(again, "c", "1"), retain(again, "a", "1")]).toEqual([
      noSubscribers,
      noSubscribers,
      0x97,
    ]);
  });

  test("below 5.0 what is too much is acknowledged and reaches nobody", () => {
    const home = new TestHome({ retainedMessagesOfOne: 1 });
    const owner = home.client("owner");
    owner.subscribe("devices/#");
    owner.take();
    const device = home.client("device", { protocolLevel: 4 });
    expect([retain(device, "a", "1"), retain(device, "b", "1")]).toEqual([0, 0]);
    expect(owner.takeMessages()).toEqual(["devices/dh1/a=1"]);
  });

  test("counts again what has passed its expiry", () => {
    const home = new TestHome({ retainedMessagesOfOne: 1 });
    const device = home.client("device");
    expect(retain(device, "a", "1", { properties: { messageExpiryInterval: 5 } })).toBe(noSubscribers);
    expect(retain(device, "b", "1")).toBe(0x97);
    home.pass(5000);
    expect(retain(device, "b", "1")).toBe(noSubscribers);
    // Also when the new one takes the place of the one that has gone.
    expect(retain(device, "b", "1", { properties: { messageExpiryInterval: 1 } })).toBe(noSubscribers);
    home.pass(5000);
    expect(retain(device, "b", "larger".repeat(1000))).toBe(noSubscribers);
    expect(retain(device, "c", "1")).toBe(0x97);
  });

  test("holds for wills: one too many is sent, and not retained", () => {
    const home = new TestHome({ retainedMessagesOfOne: 1 });
    const owner = home.client("owner");
    owner.subscribe("devices/#");
    owner.take();
    for (const name of ["a", "b"]) {
      const will = {
        topicName: name as TopicName,
        payload: new Uint8Array([0x31]),
        qos: 1 as const,
        retain: true,
      };
      home.client("device", { will }).vanish();
    }
    expect(owner.takeMessages()).toEqual(["devices/dh1/a=1", "devices/dh1/b=1"]);
    expect(retainedNow(home)).toEqual(["devices/dh1/a=1"]);
  });

  test("leaves room for what an app is told of its consent", () => {
    const home = new TestHome({ retainedMessages: 0 });
    home.consent("app1", { dh1: ["read"] });
    const app = home.client("app");
    app.subscribe("grant");
    expect(app.takeMessages()).toHaveLength(1);
  });
});
