import { describe, expect, test } from "vitest";
import { Random } from "../testing/random.ts";
import { type ClientOptions, type TestClient, TestHome } from "./test-home.ts";

const share = "$share/group/a";
const kept = (mqttClientId: string): ClientOptions => ({
  mqttClientId,
  cleanStart: false,
  properties: { sessionExpiryInterval: 60 },
});

/** A home with one member that gets the messages `1`, `2`, … at `qos`, as long as nobody else has joined. */
function homeWithMember(options: ClientOptions, qos: 1 | 2, messages: number, home = new TestHome()) {
  const publisher = home.client("owner", { mqttClientId: "publisher" });
  const first = home.client("owner", { mqttClientId: "first", ...options });
  first.subscribe(share, { qos });
  for (let i = 1; i <= messages; i++) publisher.publish("a", String(i), { qos, packetId: i });
  return { home, first, publisher };
}

function acknowledge(client: TestClient, ...packetIds: number[]): void {
  for (const packetId of packetIds) client.send({ type: "puback", packetId, reasonCode: 0 });
}

test("what waited for a member of a share group is sent once, although it sleeps in between", () => {
  const { home, first } = homeWithMember({ properties: { receiveMaximum: 1 } }, 1, 3);
  home.pass(6000);
  expect(home.store.deliveries(2)).toHaveLength(3);
  for (const packetId of [1, 2, 3]) {
    acknowledge(first, packetId);
    home.evict();
  }
  first.send({ type: "pingreq" });
  expect(first.takeMessages()).toEqual(["a=1", "a=2", "a=3"]);
  expect(home.store.deliveries(2)).toEqual([]);
});

describe("what a member of a share group leaves when its session ends", () => {
  test("keeps its lifetime, and goes to nobody when that is over", () => {
    const home = new TestHome();
    const publisher = home.client("owner", { mqttClientId: "publisher" });
    const first = home.client("owner", { ...kept("first"), properties: { sessionExpiryInterval: 30 } });
    first.subscribe(share, { qos: 1 });
    for (const messageExpiryInterval of [10, 100])
      publisher.publish("a", `${messageExpiryInterval}`, { qos: 1, properties: { messageExpiryInterval } });
    first.vanish();
    const other = home.client("owner", { mqttClientId: "other" });
    other.subscribe(share, { qos: 1 });
    other.take();
    home.pass(31_000);
    expect(other.take()).toMatchObject([
      {
        type: "publish",
        payload: new TextEncoder().encode("100"),
        properties: { messageExpiryInterval: 70 },
      },
    ]);
  });

  test.each([
    ["its connection, with an expiry of 0", {}, (first: TestClient) => first.vanish()],
    ["DISCONNECT, with an expiry of 0", {}, (first: TestClient) => first.disconnect()],
    [
      "DISCONNECT that shortens the expiry to 0",
      kept("first"),
      (first: TestClient) => first.disconnect(0, { sessionExpiryInterval: 0 }),
    ],
    [
      "its expiry interval",
      kept("first"),
      (first: TestClient) => {
        first.vanish();
        first.home.pass(61_000);
      },
    ],
    [
      "a clean start",
      kept("first"),
      (first: TestClient) => {
        first.vanish();
        first.home.client("owner", { mqttClientId: "first" });
      },
    ],
    [
      "revocation",
      { ...kept("first"), handle: "owner2" },
      ({ home }: TestClient) =>
        home.run((broker) =>
          broker.revoke({ user: "user-1" as never, handle: "owner2", epoch: 9, reason: "revoked" }),
        ),
    ],
    ["a killed process", {}, ({ home }: TestClient) => home.restart()],
  ] as const)("goes to the others in order, at QoS 1: %s", (_, options, end) => {
    const { home, first } = homeWithMember(
      { ...options, properties: { ...(options as ClientOptions).properties, receiveMaximum: 3 } },
      1,
      6,
    );
    const other = home.client("owner", kept("other"));
    other.subscribe(share, { qos: 1 }, { subscriptionIdentifiers: [9] });
    acknowledge(first, 1);
    expect(first.takeMessages()).toEqual(["a=1", "a=2", "a=3", "a=4"]);
    // What is in memory only has a few seconds to settle by itself; a crash comes later than that.
    home.pass(6000);
    end(first);
    const heir = other.isLost ? home.client("owner", kept("other")) : other;
    const [got] = [heir.take().filter((packet) => packet.type === "publish")];
    expect(got.map(({ payload }) => new TextDecoder().decode(payload))).toEqual(["2", "3", "4", "5", "6"]);
    expect(got.map(({ dup, properties }) => [dup, properties?.subscriptionIdentifiers])).toEqual(
      Array.from({ length: 5 }, () => [false, [9]]),
    );
  });

  test("at QoS 2 is what never left; what was sent is nobody's [MQTT-4.8.2-5]", () => {
    const { home, first } = homeWithMember({ properties: { receiveMaximum: 2 } }, 2, 4);
    const other = home.client("owner", { mqttClientId: "other" });
    other.subscribe(share, { qos: 2 });
    first.vanish();
    expect(first.takeMessages()).toEqual(["a=1", "a=2"]);
    expect(other.takeMessages()).toEqual(["a=3", "a=4"]);
  });

  test("is not what it refused [MQTT-4.8.2-6]", () => {
    const { home, first } = homeWithMember({}, 1, 2);
    const other = home.client("owner", { mqttClientId: "other" });
    other.subscribe(share, { qos: 1 });
    first.send({ type: "puback", packetId: 1, reasonCode: 0x80 });
    first.vanish();
    expect(other.takeMessages()).toEqual(["a=2"]);
  });

  test("reaches each other member as it subscribed, and is dropped once its lifetime is over", () => {
    const home = new TestHome();
    const publisher = home.client("owner", { mqttClientId: "publisher" });
    const first = home.client("owner", { mqttClientId: "first", protocolLevel: 4 });
    first.subscribe(share, { qos: 1 });
    publisher.publish("a", "1", { qos: 2, retain: true, properties: { contentType: "text" } });
    publisher.publish("a", "2", { qos: 1, properties: { messageExpiryInterval: 5 } });
    const other = home.client("owner", { mqttClientId: "other" });
    other.subscribe(share, { qos: 2, retainAsPublished: true });
    home.pass(5000);
    first.vanish();
    expect(other.take().filter(({ type }) => type === "publish")).toMatchObject([
      { qos: 2, retain: true, properties: { contentType: "text" } },
    ]);
  });

  test("is lost if there is nobody else, or only another group", () => {
    const { home, first } = homeWithMember({}, 1, 2);
    const stranger = home.client("owner", { mqttClientId: "stranger" });
    stranger.subscribe("$share/other/a", { qos: 1 });
    const device = home.client("device");
    device.subscribe(share, { qos: 1 });
    first.vanish();
    expect([...stranger.takeMessages(), ...device.takeMessages()]).toEqual([]);
  });

  test("is not passed round among those that end together", () => {
    const { home } = homeWithMember({ ...kept("first"), handle: "owner2" }, 1, 20);
    for (const mqttClientId of ["b", "c", "d"]) {
      home.client("owner", { ...kept(mqttClientId), handle: "owner2" }).subscribe(share, { qos: 1 });
    }
    const before = home.store.written.length;
    home.run((broker) =>
      broker.revoke({ user: "user-1" as never, handle: "owner2", epoch: 9, reason: "revoked" }),
    );
    expect(home.store.written.slice(before).filter(({ kind }) => kind === "enqueue")).toEqual([]);
  });

  const seeds = Array.from({ length: 40 }, (_, index) => 0x5a4e + index);
  test.each(seeds)(
    "is nothing: whoever comes and goes, each message is acknowledged by one (seed %i)",
    (seed) => {
      const random = new Random(seed);
      const home = new TestHome({ unsavedMs: random.pick([0, 5000]) });
      const publisher = home.client("owner", { mqttClientId: "publisher" });
      // Somebody always stays, so that nothing can be lost with the last one.
      home.client("owner", kept("stays")).subscribe(share, { qos: 1 });
      const done: string[] = [];
      const members = new Map<string, TestClient>();
      const join = (name: string) => {
        const isKept = random.chance(50);
        const client = home.client("owner", {
          mqttClientId: name,
          cleanStart: false,
          properties: {
            sessionExpiryInterval: isKept ? 100 : 0,
            receiveMaximum: random.pick([1, 2, 65_535]),
          },
        });
        client.subscribe(share, { qos: 1 });
        members.set(name, client);
      };
      const read = (client: TestClient, count: number) => {
        for (const packet of client.take().slice(0, count)) {
          if (packet.type !== "publish" || client.isLost || client.isClosed) continue;
          done.push(new TextDecoder().decode(packet.payload));
          acknowledge(client, packet.packetId ?? 0);
        }
      };
      const sent = 150;
      for (let i = 0; i < sent; i++) {
        publisher.publish("a", String(i), { qos: 1 });
        const name = random.pick(["x", "y", "z"]);
        const client = members.get(name);
        if (client === undefined || client.isLost || client.isClosed) join(name);
        else {
          const action = random.int(100);
          if (action < 20) client.vanish();
          else if (action < 35) client.disconnect();
          else read(client, random.int(6));
        }
        const passing = random.int(100);
        if (passing < 10) home.pass(random.pick([6000, 200_000]));
        else if (passing < 20) {
          home.pass(6000);
          home.evict();
        }
      }
      for (const client of members.values()) client.vanish();
      home.pass(200_000);
      const last = home.client("owner", kept("stays"));
      for (let round = 0; round < 10; round++) read(last, 1000);
      expect([...new Set(done)].length).toBe(sent);
    },
  );
});

describe("who gets the message of a share group", () => {
  test("is one that is connected, even if its window is full and another is away", () => {
    const home = new TestHome();
    const away = home.client("owner", kept("away"));
    away.subscribe(share, { qos: 1 });
    away.vanish();
    const here = home.client("owner", { mqttClientId: "here", properties: { receiveMaximum: 1 } });
    here.subscribe(share, { qos: 1 });
    const publisher = home.client("owner", { mqttClientId: "publisher" });
    for (const value of ["1", "2", "3"]) publisher.publish("a", value, { qos: 1 });
    acknowledge(here, 1, 2, 3);
    expect(here.takeMessages()).toEqual(["a=1", "a=2", "a=3"]);
  });

  test("is, when all are away, one for which it is kept", () => {
    const home = new TestHome();
    for (const [name, qos] of [
      ["zero", 0],
      ["one", 1],
    ] as const) {
      const member = home.client("owner", kept(name));
      member.subscribe(share, { qos });
      member.vanish();
    }
    const publisher = home.client("owner", { mqttClientId: "publisher" });
    for (const value of ["1", "2"]) publisher.publish("a", value, { qos: 1 });
    expect(home.client("owner", kept("one")).takeMessages()).toEqual(["a=1", "a=2"]);
  });
});
