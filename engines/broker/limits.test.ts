import { describe, expect, test } from "vitest";
import type { TopicFilter } from "../mqtt/packet.ts";
import { lasting, TestHome } from "./test-home.ts";

describe("limits of one user and one session", () => {
  test("one app's sessions leave room for the others", () => {
    const home = new TestHome({ sessionsOfOne: 2 });
    home.claim("dh1");
    home.consent("app1", { dh1: ["read"] });
    const connected = (kind: "app" | "device" | "owner", mqttClientId: string) =>
      home.client(kind, { mqttClientId, properties: { sessionExpiryInterval: 100 } }).take()[0];
    expect(["a", "b", "c"].map((id) => connected("app", id))).toMatchObject([
      { reasonCode: 0 },
      { reasonCode: 0 },
      { reasonCode: 0x97 },
    ]);
    expect(connected("app", "a")).toMatchObject({ reasonCode: 0 });
    expect(connected("device", "a")).toMatchObject({ reasonCode: 0 });
    expect(["a", "b", "c"].map((id) => connected("owner", id))[2]).toMatchObject({ reasonCode: 0 });
  });

  test("connections are bounded, and sessions that are only kept take none of them", () => {
    const home = new TestHome({ connections: 2 });
    for (let i = 0; i < 3; i++) home.client("owner", { ...lasting, mqttClientId: `kept${i}` }).vanish();
    const codes = ["a", "b", "c"].map((mqttClientId) => home.client("owner", { mqttClientId }).take()[0]);
    expect(codes).toMatchObject([{ reasonCode: 0 }, { reasonCode: 0 }, { reasonCode: 0x97 }]);
  });

  test("sockets that have shown no token are bounded, and take no room from those that have", () => {
    const home = new TestHome({ strangers: 2, connections: 1 });
    for (let i = 0; i < 2; i++) home.socket("device", { token: "t" });
    expect(home.broker.hasRoomForStranger).toBe(false);
    expect(home.client("device").take()).toMatchObject([{ reasonCode: 0 }]);
    home.pass(11_000);
    expect(home.broker.hasRoomForStranger).toBe(true);
  });

  test("subscriptions, sessions and retained topics are bounded", () => {
    const home = new TestHome({ subscriptions: 1, sessions: 2, retainedMessages: 1 });
    const client = home.client("owner", { mqttClientId: "a" });
    expect([client.subscribe("a"), client.subscribe("b"), client.subscribe("a")]).toEqual([0, 0x97, 0]);
    client.take();
    client.publish("a", "x", { retain: true });
    client.publish("b", "x", { retain: true, qos: 1 });
    client.publish("a", "y", { retain: true, qos: 1 });
    const codes = client.take().flatMap((packet) => (packet.type === "puback" ? [packet.reasonCode] : []));
    expect(codes).toEqual([0x97, 0]);
    home.client("owner", { mqttClientId: "b" });
    expect(home.client("owner", { mqttClientId: "c" }).take()).toMatchObject([{ reasonCode: 0x97 }]);
  });

  test("deep topic filters count by their levels, for each device and app and for all of the user", () => {
    const home = new TestHome({ filterLevels: 30, filterLevelsOfOne: 12 });
    home.claim("dh1");
    const [one, two] = ["a", "b"].map((mqttClientId) => home.client("device", { mqttClientId }));
    const owner = home.client("owner");
    const deep = (name: string) => `${name}/2/3/4/5/6`;
    expect([one?.subscribe(deep("a")), two?.subscribe(deep("a")), two?.subscribe("b")]).toEqual([0, 0, 0x97]);
    expect([owner.subscribe(deep("a")), owner.subscribe(deep("b")), owner.subscribe(deep("c"))]).toEqual([
      0, 0, 0,
    ]);
    expect([owner.subscribe(deep("c")), owner.subscribe("d")]).toEqual([0, 0x97]);
    home.evict();
    one?.send({ type: "unsubscribe", packetId: 1, topicFilters: [deep("a") as TopicFilter] });
    expect([two?.subscribe("b/2/3/4/5/6"), owner.subscribe("d")]).toEqual([0, 0x97]);
  });

  test("long topic filters count by their length", () => {
    const client = new TestHome({ subscriptionCharacters: 30 }).client("owner");
    expect(
      ["a".repeat(20), "b".repeat(20), "c".repeat(10)].map((filter) => client.subscribe(filter)),
    ).toEqual([0, 0x97, 0]);
  });

  test("a queue keeps the oldest up to its bounds", () => {
    const home = new TestHome({ queuedMessages: 3, queuedBytes: 1000 });
    home.client("owner", lasting).subscribe("#", { qos: 1 });
    home.client("owner", lasting).vanish();
    const other = home.client("owner", { mqttClientId: "other" });
    other.publish("a", "1", { qos: 1 });
    other.publish("a", new Uint8Array(999), { qos: 1 });
    for (const value of ["2", "3", "4"]) other.publish("a", value, { qos: 1 });
    expect(home.client("owner", lasting).takeMessages()).toEqual(["a=1", "a=2", "a=3"]);
  });

  test.each([
    ["away", lasting, false],
    ["away and evicted", lasting, true],
    [
      "here, with no room in its window",
      { ...lasting, properties: { ...lasting.properties, receiveMaximum: 1 } },
      false,
    ],
    [
      "here for as long as it is connected",
      { mqttClientId: "lasting", properties: { receiveMaximum: 1 } },
      true,
    ],
  ] as const)(
    "what has passed its expiry takes no room in the queue of a client that is %s [MQTT-3.3.2-5]",
    (state, options, evicts) => {
      const isAway = state.startsWith("away");
      const home = new TestHome({ queuedMessages: 3, unsavedMs: 0 });
      const client = home.client("owner", options);
      client.subscribe("#", { qos: 1 });
      const other = home.client("owner", { mqttClientId: "other" });
      home.evictsAlways = evicts;
      const publish = (value: string, messageExpiryInterval?: number) =>
        other.publish("a", value, {
          qos: 1,
          ...(messageExpiryInterval !== undefined && { properties: { messageExpiryInterval } }),
        });
      publish("begun", 5);
      if (isAway) client.vanish();
      publish("short", 10);
      publish("long", 100);
      // What was sent counts as waiting only once its client is away.
      if (!isAway) publish("shorter", 5);
      publish("too much");
      home.pass(20_000);
      publish("fits");
      if (!isAway) publish("fits too");
      publish("too much again");
      const gone = home.store.written.filter(({ kind }) => kind === "delivered").length;
      expect(gone).toBe(isAway ? 1 : 2);
      // The other one's time comes as well.
      home.pass(100_000);
      publish("later");
      publish("too much once more");
      const seen = isAway ? home.client("owner", { ...options, cleanStart: false }) : client;
      for (let packetId = 1; packetId <= 5; packetId++) {
        if (seen.received.some((packet) => packet.type === "publish" && packet.packetId === packetId))
          seen.send({ type: "puback", packetId, reasonCode: 0 });
      }
      expect(seen.takeMessages()).toEqual([
        "a=begun",
        "a=fits",
        ...(isAway ? [] : ["a=fits too"]),
        "a=later",
      ]);
    },
  );

  test("properties take room in a queue as payloads do", () => {
    const home = new TestHome({ queuedBytes: 3000 });
    home.client("owner", lasting).subscribe("#", { qos: 1 });
    home.client("owner", lasting).vanish();
    const other = home.client("owner", { mqttClientId: "other" });
    const properties = { userProperties: [["k", "x".repeat(1400)]] } as const;
    for (const value of ["1", "2", "3"]) other.publish("a", value, { qos: 1, properties });
    expect(home.client("owner", lasting).takeMessages()).toEqual(["a=1", "a=2"]);
  });

  test("topics that are too deep are refused", () => {
    const home = new TestHome({ topicLevels: 3 });
    const client = home.client("owner");
    expect(client.subscribe("a/b/c/d")).toBe(0x8f);
    client.take();
    client.publish("a/b/c/d", "x", { qos: 1 });
    expect(client.take()).toMatchObject([{ type: "puback", reasonCode: 0x90 }]);
  });

  test("a reader that stands still is spared QoS 0 after a while, and nobody else is", () => {
    const home = new TestHome({ unheardBytes: 1000, unheardBytesPerSecond: 100 });
    const still = home.client("owner", { mqttClientId: "still" });
    const lively = home.client("owner", { mqttClientId: "lively" });
    for (const client of [still, lively]) client.subscribe("a");
    for (const client of [still, lively]) client.take();
    for (let i = 0; i < 20; i++) lively.publish("a", new Uint8Array(99));
    expect([still.takeMessages().length, lively.takeMessages().length]).toEqual([10, 20]);
    home.pass(2000);
    for (let i = 0; i < 20; i++) lively.publish("a", new Uint8Array(99));
    expect(still.takeMessages()).toHaveLength(2);
    still.send({ type: "pingreq" });
    lively.publish("a", "heard");
    expect(still.takeMessages()).toEqual(["a=heard"]);
  });

  test("what is held before the client is known is bounded", () => {
    const home = new TestHome({ maximumPacketBytes: 1000 });
    home.answersAtOnce = false;
    const client = home.client("device", { token: "slow" });
    for (let i = 0; i < 10; i++) client.publish("a", new Uint8Array(200));
    expect(client.closeCode).toBe(1009);
  });
});
